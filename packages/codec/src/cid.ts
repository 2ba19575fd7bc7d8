/**
 * CIDs of DASL: version 1, codec dag-cbor or raw, SHA-256; 36 bytes, or base32 text of 59 characters.
 * https://dasl.ing/cid.html
 */
import { MalformedError } from './errors.ts'

export const cidBytesLength = 36
/** What a CID names: a DRISL item. */
export const codecDrisl = 0x71
/** What a CID names: bytes of any kind. */
export const codecRaw = 0x55

const textLength = 59
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** Whether these are the 36 bytes of a CID: `01`, codec, `12 20`, digest. */
export function isCidBytes(bytes: Uint8Array): boolean {
  return (
    bytes.length === cidBytesLength &&
    bytes[0] === 1 &&
    (bytes[1] === codecDrisl || bytes[1] === codecRaw) &&
    bytes[2] === 0x12 &&
    bytes[3] === 32
  )
}

/** The 36 bytes of the CID with this SHA-256 digest of 32 bytes. */
export function cidBytesFromDigest(
  codec: typeof codecDrisl | typeof codecRaw,
  digest: Uint8Array,
): Uint8Array {
  if (digest.length !== 32)
    throw new MalformedError(`a SHA-256 digest has 32 bytes, not ${digest.length}`, digest.length)
  const bytes = new Uint8Array(cidBytesLength)
  bytes.set([1, codec, 0x12, 32])
  bytes.set(digest, 4)
  return bytes
}

/** `bafyrei…` (DRISL) or `bafkrei…` (raw). Throws MalformedError for bytes that are no CID. */
export function cidBytesToText(bytes: Uint8Array): string {
  if (!isCidBytes(bytes)) throw new MalformedError(notCid, 0)
  let text = 'b'
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet[(held >> bits) & 31]
    }
  }
  return text + alphabet[(held << (5 - bits)) & 31]
}

/** The 36 bytes of a CID in base32. Throws MalformedError for every other form, also for stray bits at the end. */
export function cidBytesFromText(text: string): Uint8Array {
  if (text.length !== textLength || text[0] !== 'b')
    throw new MalformedError(`expected a base32 CID of ${textLength} characters`, 0)
  const bytes = new Uint8Array(cidBytesLength)
  let at = 0
  let bits = 0
  let held = 0
  for (let index = 1; index < textLength; index += 1) {
    const five = alphabet.indexOf(text[index] ?? ' ')
    if (five < 0) throw new MalformedError('expected a character of base32', index)
    held = ((held << 5) | five) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at] = (held >> bits) & 0xff
      at += 1
    }
  }
  if ((held & ((1 << bits) - 1)) !== 0)
    throw new MalformedError('a CID ends in bits that mean nothing', textLength - 1)
  if (!isCidBytes(bytes)) throw new MalformedError(notCid, 0)
  return bytes
}

const notCid = 'expected a CID of version 1, dag-cbor or raw, SHA-256'
