import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { decompress } from 'fzstd'
import { readZstd, zstdFrame, zstdFrameBytes } from './zstd.ts'

const levels = [-5, 1, 3, 9, 19] as const
const mib = 1024 * 1024
const packed = (bytes: Uint8Array, level: number, more = {}) =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level, ...more } })
const sources = ['../../../package-lock.json', './zstd-block.ts', '../../../vectors/skrepka-proof.json'].map(
  path => new Uint8Array(readFileSync(new URL(path, import.meta.url))),
)

test('frames that are written are read by zlib, by fzstd and here', () => {
  for (const length of [0, 1, 255, 256, 131_071, 131_072, 131_073, 300_000]) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 7919) >> 3)
    const frame = zstdFrame(bytes)
    assert.equal(frame.length, zstdFrameBytes(length))
    assert.deepEqual(new Uint8Array(zstdDecompressSync(frame)), bytes)
    assert.deepEqual(decompress(frame), bytes)
    assert.deepEqual(readZstd(frame, length), bytes)
  }
})

test('what zlib packs is read, at every level, with and without a checksum', () => {
  for (const source of sources) {
    for (const level of levels) {
      for (const length of [200, 5000, source.length]) {
        const bytes = source.subarray(0, length)
        assert.deepEqual(readZstd(packed(bytes, level), bytes.length), bytes)
      }
      assert.deepEqual(
        readZstd(packed(source, level, { [constants.ZSTD_c_checksumFlag]: 1 }), source.length),
        source,
      )
    }
  }
})

test('what zlib packs without telling its size is read', () => {
  for (const source of sources) {
    const frame = packed(source, 3, { [constants.ZSTD_c_contentSizeFlag]: 0 })
    assert.deepEqual(readZstd(frame, source.length), source)
    assert.throws(() => readZstd(frame, source.length - 1), { name: 'LimitError' })
  }
})

test('bytes of any alphabet and length come back', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 255 }),
      fc.uint8Array({ maxLength: 3000 }),
      fc.constantFrom(...levels),
      fc.nat(40),
      (letters, bytes, level, repeats) => {
        const text = Uint8Array.from(
          Buffer.concat(Array.from({ length: repeats + 1 }, () => bytes.map(byte => byte % letters))),
        )
        assert.deepEqual(readZstd(packed(text, level), text.length), text)
      },
    ),
    { numRuns: 150 },
  )
})

test('a frame with a bit changed gives bytes within the bound or a decoder’s no, and quickly', () => {
  const bytes = sources[1]!.subarray(0, 3000)
  const frames = levels.map(level => packed(bytes, level))
  fc.assert(
    fc.property(fc.constantFrom(...frames), fc.nat(), fc.nat(7), (frame, place, bit) => {
      const changed = Uint8Array.from(frame)
      const at = place % changed.length
      changed[at] = (changed[at] ?? 0) ^ (1 << bit)
      try {
        assert.ok(readZstd(changed, 2 * mib).length <= 2 * mib)
      } catch (error) {
        assert.ok(
          error instanceof Error && ['MalformedError', 'LimitError'].includes(error.name),
          String(error),
        )
      }
    }),
    { numRuns: 1500 },
  )
})

test('a frame that was cut, or goes on, is refused', () => {
  const frame = packed(sources[1]!, 3)
  for (let length = 0; length < frame.length; length += 37) {
    assert.throws(() => readZstd(frame.subarray(0, length), 2 * mib), { name: 'MalformedError' }, `${length}`)
  }
  assert.throws(() => readZstd(Buffer.concat([frame, Buffer.of(0)]), 2 * mib), { name: 'MalformedError' })
  assert.throws(() => readZstd(Buffer.concat([frame, frame]), 2 * mib), { name: 'MalformedError' })
})

test('a few bytes that stand for gigabytes are refused before they are made', () => {
  const bomb = packed(new Uint8Array(64 * mib), 19)
  assert.throws(() => readZstd(bomb, 2 * mib), { name: 'LimitError' })
  // RLE blocks of 128 KiB each without a content size: four bytes a block.
  const block = Buffer.from([0x02, 0x00, 0x10, 0x41])
  const frame = Buffer.concat([
    Buffer.from('28b52ffd0058', 'hex'),
    ...Array.from({ length: 4000 }, () => block),
  ])
  assert.throws(() => readZstd(frame, 2 * mib), { name: 'LimitError' })
})

test('endless empty blocks are refused', () => {
  const frame = Buffer.concat([Buffer.from('28b52ffd0058', 'hex'), Buffer.alloc(3 * 100_000)])
  assert.throws(() => readZstd(frame, 2 * mib), /expected at most 4096 blocks/)
})

test('dictionaries and reserved bits are refused', () => {
  for (const flags of [0x21, 0x22, 0x23, 0x28]) {
    const frame = zstdFrame(Uint8Array.of(1, 2, 3))
    frame[4] = flags
    assert.throws(() => readZstd(frame, 100), { name: 'MalformedError' })
  }
})
