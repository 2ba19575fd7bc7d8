/**
 * Sealed blobs: what a relay keeps and cannot read. Generation 1 is written and read:
 *
 *     blob  = 01 ‖ eph32 ‖ nonce24 ‖ XChaCha20-Poly1305(key, nonce, inner)
 *     inner = sender32 ‖ signature64 ‖ u32be(length) ‖ zstd ‖ padding
 *     key   = HKDF-SHA256(X25519(eph, recipient), salt: eph32 ‖ recipientX25519, info: "skrepka-v1", 32 bytes)
 *
 * The signature covers `recipient32 ‖ u32be(length) ‖ zstd ‖ padding`, so a blob cannot be passed on as if it had been
 * meant for somebody else. Generation 0, of the F# client, is read only: no first byte, no length, no padding, and an LZ4
 * pickle instead of zstd.
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { LimitError, MalformedError, SkrepkaError } from './errors.ts'
import { toHex } from './hex.ts'
import { agreementKeyOf, type Identity, verifySignature } from './identity.ts'
import { readLz4Pickle } from './lz4.ts'
import { readZstd, zstdFrame, zstdFrameBytes } from './zstd.ts'

/** Of what is sealed and of what an opened blob may hold: a picture of 1 MiB in base64, and what is said with it. */
export const payloadBytesMax = 2 * 1024 * 1024
/** Larger blobs are not opened; the relay's own bound is 20 MiB. */
export const openBlobBytesMax = 4 * 1024 * 1024
/** The smallest blob that is written: shorter ones would tell a receipt from a sentence. */
export const bucketBytesMin = 1024
/** From here on buckets are multiples of it, below they are powers of two. */
const bucketBytesStep = 65_536

const generation = 1
const nonceBytes = 24
const tagBytes = 16
const innerHeadBytes = 32 + 64
/** All that is not payload or padding, in each generation. */
const overheadBytes = {
  0: 32 + nonceBytes + tagBytes + innerHeadBytes,
  1: 1 + 32 + nonceBytes + tagBytes + innerHeadBytes + 4,
}

/** `count` unpredictable bytes. */
export type RandomBytes = (count: number) => Uint8Array

export interface OpenedBlob {
  /** The key of who signed it, 64 hex digits. */
  readonly sender: string
  readonly payload: Uint8Array
  readonly generation: 0 | 1
}

/** Seals `payload` for the owner of `recipient` (32 bytes, Ed25519). The same input gives another blob each time. */
export async function sealBlob(input: {
  readonly payload: Uint8Array
  readonly sender: Identity
  readonly recipient: Uint8Array
  readonly random: RandomBytes
}): Promise<Uint8Array> {
  const { payload, sender, recipient, random } = input
  if (payload.length > payloadBytesMax) {
    throw new LimitError(
      'payloadBytesMax',
      `expected at most ${payloadBytesMax} bytes to seal, got ${payload.length}`,
      0,
    )
  }
  const recipientX = agreementKeyOf(recipient)
  const content = contentOf(payload, random)
  const signature = await sender.sign(concatBytes(recipient, content))
  const ephemeral = random(32)
  const ephemeralPublic = x25519.getPublicKey(ephemeral)
  const nonce = random(nonceBytes)
  const key = blobKey(x25519.getSharedSecret(ephemeral, recipientX), ephemeralPublic, recipientX)
  const sealed = xchacha20poly1305(key, nonce).encrypt(concatBytes(sender.publicKey, signature, content))
  return concatBytes(Uint8Array.of(generation), ephemeralPublic, nonce, sealed)
}

/** `u32be(length) ‖ zstd ‖ padding`, so long that the whole blob fills its bucket. */
function contentOf(payload: Uint8Array, random: RandomBytes): Uint8Array {
  const frame = zstdFrame(payload)
  const padding = bucketBytes(overheadBytes[1] + frame.length) - overheadBytes[1] - frame.length
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, frame.length)
  return concatBytes(length, frame, random(padding))
}

/** The size of a blob that would have `length` bytes unpadded. */
export function bucketBytes(length: number): number {
  let bucket = bucketBytesMin
  while (bucket < length && bucket < bucketBytesStep) bucket *= 2
  return bucket >= length ? bucket : Math.ceil(length / bucketBytesStep) * bucketBytesStep
}

/** The size of the blob that carries a payload of so many bytes. */
export function sealedBytes(payloadBytes: number): number {
  return bucketBytes(overheadBytes[1] + zstdFrameBytes(payloadBytes))
}

/**
 * Opens a blob of either generation. Rejects with SkrepkaError 'not-for-us' when it was not sealed for this key or was
 * changed, 'forged' when the signature is not the sender's; with MalformedError or LimitError when what the sender packed
 * is wrong or too large.
 */
export async function openBlob(blob: Uint8Array, recipient: Identity): Promise<OpenedBlob> {
  if (blob.length > openBlobBytesMax) {
    throw new LimitError(
      'openBlobBytesMax',
      `expected a blob of at most ${openBlobBytesMax} bytes, got ${blob.length}`,
      0,
    )
  }
  if (blob.length < overheadBytes[0]) {
    throw new MalformedError(
      `expected a blob of at least ${overheadBytes[0]} bytes, got ${blob.length}`,
      blob.length,
    )
  }
  // A blob of generation 0 begins with 01 once in 256 times; which it is, the seal tells.
  const first =
    blob[0] === generation && blob.length >= overheadBytes[1]
      ? await unseal(blob.subarray(1), recipient)
      : undefined
  if (first !== undefined) return openFirst(first, recipient)
  const zeroth = await unseal(blob, recipient)
  if (zeroth === undefined)
    throw new SkrepkaError(
      'not-for-us',
      'expected a blob that was sealed for this key, got another or a changed one',
    )
  const { sender, content } = authenticated(zeroth, recipient)
  return { sender, payload: readLz4Pickle(content, payloadBytesMax), generation: 0 }
}

function openFirst(inner: Uint8Array, recipient: Identity): OpenedBlob {
  const { sender, content } = authenticated(inner, recipient)
  const length = new DataView(content.buffer, content.byteOffset, content.byteLength).getUint32(0)
  if (length > content.length - 4)
    throw new MalformedError(`expected ${length} bytes of zstd, got ${content.length - 4}`, 0)
  return { sender, payload: readZstd(content.subarray(4, 4 + length), payloadBytesMax), generation }
}

/** Opens the seal: `eph32 ‖ nonce24 ‖ aead`. Undefined when it does not open with this key. */
async function unseal(sealed: Uint8Array, recipient: Identity): Promise<Uint8Array | undefined> {
  const ephemeral = sealed.subarray(0, 32)
  try {
    const key = blobKey(await recipient.agree(ephemeral), ephemeral, recipient.agreementKey)
    return xchacha20poly1305(key, sealed.subarray(32, 32 + nonceBytes)).decrypt(
      sealed.subarray(32 + nonceBytes),
    )
  } catch {
    return undefined
  }
}

/** Takes `sender32 ‖ signature64 ‖ content` apart; throws 'forged' unless the sender signed it for this recipient. */
function authenticated(inner: Uint8Array, recipient: Identity) {
  const sender = inner.subarray(0, 32)
  const content = inner.subarray(innerHeadBytes)
  if (
    !verifySignature(sender, concatBytes(recipient.publicKey, content), inner.subarray(32, innerHeadBytes))
  ) {
    throw new SkrepkaError('forged', 'expected the signature of the sender, got one that is not')
  }
  return { sender: toHex(sender), content }
}

function blobKey(secret: Uint8Array, ephemeral: Uint8Array, recipient: Uint8Array): Uint8Array {
  return hkdf(sha256, secret, concatBytes(ephemeral, recipient), utf8ToBytes('skrepka-v1'), 32)
}
