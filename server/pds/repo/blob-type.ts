/**
 * What bytes are, by their first ones. The label goes into records and decides what apps show, so it says what the bytes
 * are and not what the sender says; who calls something an image that is none is refused.
 */
import { Buffer } from 'node:buffer'
import { refuse } from '../xrpc/refuse.ts'

/** How many of a blob's first bytes are looked at. */
export const sniffBytes = 4096

interface Magic {
  readonly mimeType: string
  readonly at: number
  readonly bytes: Buffer
}

const hex = (mimeType: string, digits: string, at = 0): Magic => ({
  mimeType,
  at,
  bytes: Buffer.from(digits, 'hex'),
})
const ascii = (mimeType: string, text: string, at = 0): Magic => ({
  mimeType,
  at,
  bytes: Buffer.from(text, 'latin1'),
})

const magics: readonly Magic[] = [
  hex('image/jpeg', 'ffd8ff'),
  ascii('image/gif', 'GIF8'),
  hex('image/tiff', '49492a00'),
  hex('image/tiff', '4d4d002a'),
  hex('image/jxl', 'ff0a'),
  hex('image/jxl', '0000000c4a584c200d0a870a'),
  hex('image/jp2', '0000000c6a5020200d0a870a'),
  hex('image/x-icon', '00000100'),
  ascii('image/vnd.adobe.photoshop', '8BPS'),
  ascii('audio/flac', 'fLaC'),
  ascii('audio/mpeg', 'ID3'),
  ascii('audio/midi', 'MThd'),
  ascii('audio/amr', '#!AMR'),
  ascii('video/x-flv', 'FLV\x01'),
  hex('video/mpeg', '000001ba'),
  hex('video/mpeg', '000001b3'),
  ascii('application/pdf', '%PDF-'),
  hex('application/zip', '504b0304'),
  hex('application/zip', '504b0506'),
  hex('application/gzip', '1f8b'),
  hex('application/zstd', '28b52ffd'),
  hex('application/x-7z-compressed', '377abcaf271c'),
  ascii('application/x-bzip2', 'BZh'),
  hex('application/x-xz', 'fd377a585a00'),
  ascii('application/x-rar-compressed', 'Rar!\x1a\x07'),
  ascii('application/x-tar', 'ustar', 257),
  hex('application/wasm', '0061736d'),
  ascii('font/woff', 'wOFF'),
  ascii('font/woff2', 'wOF2'),
  hex('font/ttf', '0001000000'),
  ascii('font/otf', 'OTTO\x00'),
]

/** Image types whose first bytes are known: who claims one must have bytes of an image. */
const knownImages = new Set([
  'image/png',
  'image/apng',
  'image/jpeg',
  'image/jpg',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/heic',
  'image/heif',
  'image/bmp',
  'image/tiff',
  'image/jxl',
  'image/x-icon',
  'image/svg+xml',
])

/** Containers that other formats are built in: a more specific claim is believed. */
const containers = new Set(['application/zip', 'application/gzip', 'application/x-tar'])

/** The MIME type that the first bytes show, or undefined. `head`: the first `sniffBytes` bytes, or all. */
export function sniff(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength)
  const starts = (text: string, at = 0) => bytes.toString('latin1', at, at + text.length) === text
  if (starts('\x89PNG\r\n\x1a\n')) return isAnimatedPng(bytes) ? 'image/apng' : 'image/png'
  if (starts('RIFF')) return riffTypes[bytes.toString('latin1', 8, 12)]
  if (starts('ftyp', 4)) return mediaType(bytes.toString('latin1', 8, 12))
  if (starts('\x1aE\xdf\xa3')) return bytes.includes('webm') ? 'video/webm' : 'video/matroska'
  if (starts('OggS')) return oggType(bytes)
  if (starts('BM') && bytes.length >= 26 && bytes.readUInt16LE(6) === 0) return 'image/bmp'
  for (const magic of magics) {
    if (bytes.subarray(magic.at, magic.at + magic.bytes.length).equals(magic.bytes)) return magic.mimeType
  }
  if (starts('G') && bytes[188] === 0x47) return 'video/mp2t'
  return textType(bytes) ?? mpegAudio(bytes)
}

const riffTypes: Readonly<Record<string, string>> = {
  WEBP: 'image/webp',
  WAVE: 'audio/wav',
  'AVI ': 'video/vnd.avi',
}

/** By the brand of an ISO media file. https://www.rfc-editor.org/rfc/rfc6381 */
function mediaType(brand: string): string {
  if (brand === 'avif' || brand === 'avis') return 'image/avif'
  if (brand === 'mif1') return 'image/heif'
  if (brand === 'msf1') return 'image/heif-sequence'
  if (brand === 'heic' || brand === 'heix') return 'image/heic'
  if (brand === 'hevc' || brand === 'hevx') return 'image/heic-sequence'
  if (brand === 'qt  ') return 'video/quicktime'
  if (brand.startsWith('M4A') || brand.startsWith('M4B') || brand.startsWith('M4P')) return 'audio/x-m4a'
  if (brand.startsWith('M4V')) return 'video/x-m4v'
  if (brand.startsWith('3g2')) return 'video/3gpp2'
  return brand.startsWith('3g') ? 'video/3gpp' : 'video/mp4'
}

function oggType(bytes: Buffer): string {
  const codec = bytes.toString('latin1', 28, 36)
  if (codec.includes('theora')) return 'video/ogg'
  if (/OpusHead|vorbis|FLAC|Speex/.test(codec)) return 'audio/ogg'
  return 'application/ogg'
}

function isAnimatedPng(bytes: Buffer): boolean {
  for (let at = 8; at + 8 <= bytes.length; ) {
    const name = bytes.toString('latin1', at + 4, at + 8)
    if (name === 'acTL') return true
    if (name === 'IDAT') return false
    at += 12 + bytes.readUInt32BE(at)
  }
  return false
}

function mpegAudio(bytes: Buffer): string | undefined {
  const [first = 0, second = 0] = bytes
  if (first !== 0xff || (second & 0xe0) !== 0xe0) return undefined
  if ((second & 0x16) === 0x10) return 'audio/aac'
  return (second & 0x06) === 0 ? undefined : 'audio/mpeg'
}

function textType(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1', bytes.subarray(0, 3).equals(byteOrderMark) ? 3 : 0, 1024).trimStart()
  if (/^WEBVTT(?:\s|$)/.test(text)) return 'text/vtt'
  return /^(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]*?-->\s*)*(?:<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/.test(text)
    ? 'image/svg+xml'
    : undefined
}

const byteOrderMark = Buffer.from('efbbbf', 'hex')

/**
 * The type a blob gets: what its bytes show, else what was claimed. Throws InvalidMimeType for a claimed image that is
 * none, and for a type that is not among `allowed` (empty: all are).
 */
export function blobTypeOf(claimed: string, head: Uint8Array, allowed: readonly string[]): string {
  const shown = sniff(head)
  if (knownImages.has(claimed) && shown?.startsWith('image/') !== true) {
    throw refuse('InvalidMimeType', `expected ${claimed}, got bytes of ${shown ?? 'no known image'}`)
  }
  const known = claimed.includes('*') ? 'application/octet-stream' : claimed
  const believed =
    shown !== undefined && containers.has(shown) && !/^(?:image|video|audio)\/|\*|octet-stream/.test(claimed)
  const type = shown === undefined || believed ? known : shown
  if (allowed.length > 0 && !allowed.some(pattern => isAccepted(type, pattern))) {
    throw refuse('InvalidMimeType', `expected one of ${allowed.join(', ')}, got ${type}`)
  }
  return type
}

function isAccepted(type: string, pattern: string): boolean {
  if (pattern === '*/*' || pattern === type) return true
  return pattern.endsWith('/*') && type.startsWith(pattern.slice(0, -1))
}
