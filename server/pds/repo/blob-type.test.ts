import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Refusal } from '../../kernel/errors.ts'
import { blobTypeOf, sniff } from './blob-type.ts'

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const pngChunk = (name: string) => `\0\0\0\x04${name}data\0\0\0\0`
const png = '\x89PNG\r\n\x1a\n'
const refused = (error: unknown) => error instanceof Refusal && error.wireName === 'InvalidMimeType'

const samples: readonly (readonly [string, string])[] = [
  ['image/png', png + pngChunk('IHDR') + pngChunk('IDAT')],
  ['image/apng', png + pngChunk('IHDR') + pngChunk('acTL') + pngChunk('IDAT')],
  ['image/jpeg', '\xff\xd8\xff\xe0\0\x10JFIF'],
  ['image/gif', 'GIF89a'],
  ['image/webp', 'RIFF\x24\0\0\0WEBPVP8 '],
  ['image/avif', '\0\0\0\x1cftypavif\0\0\0\0'],
  ['image/heic', '\0\0\0\x1cftypheic\0\0\0\0'],
  ['image/bmp', `BM\x46\0\0\0\0\0\0\0\x36\0\0\0${'\0'.repeat(20)}`],
  ['image/svg+xml', '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'],
  ['image/svg+xml', '<svg viewBox="0 0 1 1"></svg>'],
  ['video/mp4', '\0\0\0\x20ftypisom\0\0\x02\0'],
  ['video/quicktime', '\0\0\0\x14ftypqt  '],
  ['video/webm', '\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm'],
  ['video/matroska', '\x1aE\xdf\xa3\xa3B\x86\x81\x01B\x82\x88matroska'],
  ['audio/x-m4a', '\0\0\0\x20ftypM4A \0\0\x02\0'],
  ['audio/mpeg', 'ID3\x03\0'],
  ['audio/mpeg', '\xff\xfb\x90\x64'],
  ['audio/aac', '\xff\xf1\x50\x80'],
  ['audio/ogg', `OggS${'\0'.repeat(23)}\x01OpusHead`],
  ['video/ogg', `OggS${'\0'.repeat(23)}\x01\x80theora`],
  ['audio/wav', 'RIFF\x24\0\0\0WAVEfmt '],
  ['audio/flac', 'fLaC\0'],
  ['application/pdf', '%PDF-1.7'],
  ['application/zip', 'PK\x03\x04'],
  ['application/gzip', '\x1f\x8b\x08'],
  ['text/vtt', 'WEBVTT\n\n00:01.000 --> 00:02.000'],
]

describe('the type of a blob', () => {
  for (const [type, bytes] of samples) {
    it(`is ${type} when its first bytes show it`, () => assert.equal(sniff(latin1(bytes)), type))
  }

  it('is what the bytes show, whatever was claimed', () => {
    assert.equal(blobTypeOf('*/*', latin1('GIF89a'), []), 'image/gif')
    assert.equal(blobTypeOf('image/png', latin1('GIF89a'), []), 'image/gif')
    assert.equal(blobTypeOf('text/plain', latin1('%PDF-1.7'), []), 'application/pdf')
  })

  it('is what was claimed when the bytes show nothing', () => {
    assert.equal(blobTypeOf('text/plain', latin1('hello'), []), 'text/plain')
    assert.equal(blobTypeOf('*/*', latin1('hello'), []), 'application/octet-stream')
  })

  it('is what was claimed when the bytes show the container it is built in', () => {
    assert.equal(blobTypeOf('application/epub+zip', latin1('PK\x03\x04'), []), 'application/epub+zip')
    assert.equal(blobTypeOf('*/*', latin1('PK\x03\x04'), []), 'application/zip')
  })

  it('is refused when an image is claimed and there is none', () => {
    assert.throws(() => blobTypeOf('image/png', latin1('<html><script>'), []), refused)
    assert.throws(() => blobTypeOf('image/svg+xml', latin1('<html><svg>'), []), refused)
    assert.throws(() => blobTypeOf('image/jpeg', latin1('PK\x03\x04'), []), refused)
  })

  it('is refused when the operator allows others only', () => {
    assert.equal(blobTypeOf('image/gif', latin1('GIF89a'), ['image/*']), 'image/gif')
    assert.throws(() => blobTypeOf('text/plain', latin1('hello'), ['image/*', 'video/mp4']), refused)
  })

  it('is found for any bytes without failing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...samples), (bytes, [, start]) => {
        sniff(bytes)
        sniff(Buffer.concat([latin1(start), bytes]))
      }),
    )
  })
})
