/** Blobs as other clients make them, written independently of `blob.ts`: with node:crypto, node:zlib and an LZ4 of its own. */
import {
  createPrivateKey,
  createPublicKey,
  createCipheriv,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'

export interface OtherBlob {
  readonly payload: Buffer
  /** 32-byte seeds and keys. */
  readonly senderSeed: Buffer
  readonly recipientKey: Buffer
  readonly ephemeralSeed: Buffer
  readonly nonce: Buffer
}

const ed25519Head = Buffer.from('302e020100300506032b657004220420', 'hex')
const x25519Head = Buffer.from('302e020100300506032b656e04220420', 'hex')
const x25519PublicHead = Buffer.from('302a300506032b656e032100', 'hex')

function privateKey(head: Buffer, seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([head, seed]), format: 'der', type: 'pkcs8' })
}

/** The public half, 32 bytes. */
function publicBytes(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
}

const prime = 2n ** 255n - 19n

function inverse(value: bigint): bigint {
  let [result, base, exponent] = [1n, value % prime, prime - 2n]
  for (; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % prime
    base = (base * base) % prime
  }
  return result
}

/** u = (1 + y) / (1 - y), by big integers. */
export function montgomery(edwards: Buffer): Buffer {
  const y = BigInt(`0x${Buffer.from(edwards).reverse().toString('hex')}`) & (2n ** 255n - 1n)
  const u = ((1n + y) * inverse((1n - y + prime) % prime)) % prime
  return Buffer.from(u.toString(16).padStart(64, '0'), 'hex').reverse()
}

/** draft-irtf-cfrg-xchacha-03, section 2.2. */
export function hchacha20(key: Buffer, nonce: Buffer): Buffer {
  const state = new Uint32Array(16)
  state.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574])
  for (let at = 0; at < 8; at += 1) state[4 + at] = key.readUInt32LE(at * 4)
  for (let at = 0; at < 4; at += 1) state[12 + at] = nonce.readUInt32LE(at * 4)
  const read = (at: number) => state[at] ?? 0
  const mix = (x: number, y: number, z: number, by: number) => {
    state[x] = read(x) + read(y)
    const value = read(z) ^ read(x)
    state[z] = (value << by) | (value >>> (32 - by))
  }
  const quarter = (a: number, b: number, c: number, d: number) => {
    mix(a, b, d, 16)
    mix(c, d, b, 12)
    mix(a, b, d, 8)
    mix(c, d, b, 7)
  }
  for (let round = 0; round < 10; round += 1) {
    for (let at = 0; at < 4; at += 1) quarter(at, 4 + at, 8 + at, 12 + at)
    for (let at = 0; at < 4; at += 1) {
      quarter(at, 4 + ((at + 1) % 4), 8 + ((at + 2) % 4), 12 + ((at + 3) % 4))
    }
  }
  const out = Buffer.alloc(32)
  for (let at = 0; at < 4; at += 1) {
    out.writeUInt32LE(read(at), at * 4)
    out.writeUInt32LE(read(12 + at), 16 + at * 4)
  }
  return out
}

export function xchacha(key: Buffer, nonce: Buffer, text: Buffer, aad?: Buffer): Buffer {
  const subkey = hchacha20(key, nonce.subarray(0, 16))
  const iv = Buffer.concat([Buffer.alloc(4), nonce.subarray(16)])
  const cipher = createCipheriv('chacha20-poly1305', subkey, iv, { authTagLength: 16 })
  if (aad !== undefined) cipher.setAAD(aad, { plaintextLength: text.length })
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()])
}

function seal(blob: OtherBlob, content: Buffer): Buffer {
  const sender = privateKey(ed25519Head, blob.senderSeed)
  const ephemeral = privateKey(x25519Head, blob.ephemeralSeed)
  const ephemeralPublic = publicBytes(ephemeral)
  const recipientX = montgomery(blob.recipientKey)
  const other = createPublicKey({
    key: Buffer.concat([x25519PublicHead, recipientX]),
    format: 'der',
    type: 'spki',
  })
  const secret = diffieHellman({ privateKey: ephemeral, publicKey: other })
  const key = Buffer.from(
    hkdfSync('sha256', secret, Buffer.concat([ephemeralPublic, recipientX]), 'skrepka-v1', 32),
  )
  const signature = sign(null, Buffer.concat([blob.recipientKey, content]), sender)
  const inner = Buffer.concat([publicBytes(sender), signature, content])
  return Buffer.concat([ephemeralPublic, blob.nonce, xchacha(key, blob.nonce, inner)])
}

/** As the F# client seals: LZ4 pickle, no padding, no version. */
export function sealGeneration0(blob: OtherBlob, pickle = pickleOf(blob.payload)): Buffer {
  return seal(blob, pickle)
}

/** As the Rust client seals: zstd of level 3, padding up to 256, 512, … bytes. */
export function sealGeneration1(blob: OtherBlob, frame = zstdCompressSync(blob.payload)): Buffer {
  let bucket = 256
  while (bucket < 173 + frame.length) bucket *= 2
  const length = Buffer.alloc(4)
  length.writeUInt32BE(frame.length)
  const padding = Buffer.alloc(bucket - 173 - frame.length, 0xa5)
  return Buffer.concat([Buffer.of(1), seal(blob, Buffer.concat([length, frame, padding]))])
}

/** A K4os pickle of version 0; `code` chooses how its length is written, `undefined` the smallest that fits. */
export function pickleOf(payload: Buffer, code?: 0 | 1 | 2 | 3): Buffer {
  const block = lz4Block(payload)
  const difference = payload.length - block.length
  const fits = difference < 0 ? 0 : difference < 256 ? 1 : difference < 65_536 ? 2 : 3
  const chosen = code ?? fits
  if (chosen === 0) return Buffer.concat([Buffer.of(0), payload])
  const width = chosen === 3 ? 4 : chosen
  const length = Buffer.alloc(width)
  length.writeUIntLE(difference, 0, width)
  return Buffer.concat([Buffer.of(chosen << 6), length, block])
}

/** One LZ4 block, greedily; the last five bytes are literals, as the format asks. */
export function lz4Block(input: Buffer): Buffer {
  const parts: Buffer[] = []
  const places = new Map<string, number>()
  const long = (rest: number) =>
    Buffer.from([...Array.from({ length: Math.floor(rest / 255) }, () => 255), rest % 255])
  const emit = (literals: Buffer, match?: { offset: number; length: number }) => {
    const matched = match === undefined ? 0 : match.length - 4
    parts.push(Buffer.of((Math.min(15, literals.length) << 4) | Math.min(15, matched)))
    if (literals.length >= 15) parts.push(long(literals.length - 15))
    parts.push(literals)
    if (match === undefined) return
    parts.push(Buffer.of(match.offset & 255, match.offset >> 8))
    if (matched >= 15) parts.push(long(matched - 15))
  }
  let from = 0
  for (let at = 0; at + 12 < input.length; ) {
    const word = input.toString('latin1', at, at + 4)
    const place = places.get(word)
    places.set(word, at)
    if (place === undefined || at - place > 65_535) {
      at += 1
      continue
    }
    let length = 4
    while (at + length < input.length - 5 && input[place + length] === input[at + length]) length += 1
    emit(input.subarray(from, at), { offset: at - place, length })
    at += length
    from = at
  }
  emit(input.subarray(from))
  return Buffer.concat(parts)
}
