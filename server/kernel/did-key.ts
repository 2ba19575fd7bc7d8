/** `did:key` of the two curves that ATProto knows, strictly. https://atproto.com/specs/cryptography#public-key-encoding */

export type Curve = 'k256' | 'p256'

type DidKeyText = `did:key:${string}`

export interface PublicKey {
  readonly curve: Curve
  /** The compressed point: 33 bytes. Not checked to lie on the curve. */
  readonly point: Uint8Array
}

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const digits = new Map([...alphabet].map((letter, value) => [letter, BigInt(value)]))

const pointBytes = 33
/** Multicodec prefixes as varints: secp256k1-pub 0xe7, p256-pub 0x1200. */
const prefixes: Readonly<Record<Curve, readonly [number, number]>> = {
  k256: [0xe7, 0x01],
  p256: [0x80, 0x24],
}
const curves: readonly Curve[] = ['k256', 'p256']
/** The longest base58 of 35 bytes. */
const base58Max = 48

/** `did:key:z…` of a compressed point. */
export function formatDidKey(key: PublicKey): DidKeyText {
  return `did:key:${formatMultikey(key)}`
}

/** `z…`, the `publicKeyMultibase` of a DID document's Multikey. */
export function formatMultikey(key: PublicKey): string {
  return `z${base58Encode(Uint8Array.of(...prefixes[key.curve], ...key.point))}`
}

/** The key in a `did:key`; undefined when it is not one of ours, or not in the one canonical spelling. */
export function parseDidKey(text: string): PublicKey | undefined {
  return text.startsWith('did:key:') ? parseMultikey(text.slice('did:key:'.length)) : undefined
}

/** The key in a `z…` of a Multikey; undefined as in `parseDidKey`. */
export function parseMultikey(text: string): PublicKey | undefined {
  if (!text.startsWith('z') || text.length > base58Max + 1) return undefined
  const bytes = base58Decode(text.slice(1), pointBytes + 2)
  if (bytes === undefined) return undefined
  const curve = curves.find(one => bytes[0] === prefixes[one][0] && bytes[1] === prefixes[one][1])
  const sign = bytes[2]
  if (curve === undefined || (sign !== 2 && sign !== 3)) return undefined
  return { curve, point: bytes.subarray(2) }
}

/**
 * The `did:key` that a DID document's verification method names: a `Multikey`, or one of the two older types, whose
 * multibase is the bare point (compressed or not). Undefined when it is none of these.
 */
export function didKeyOfMethod(type: string, publicKeyMultibase: string): DidKeyText | undefined {
  if (type === 'Multikey') {
    const key = parseMultikey(publicKeyMultibase)
    return key === undefined ? undefined : formatDidKey(key)
  }
  const curve = olderTypes.get(type)
  if (curve === undefined || !publicKeyMultibase.startsWith('z') || publicKeyMultibase.length > 90)
    return undefined
  const text = publicKeyMultibase.slice(1)
  const compressed = base58Decode(text, pointBytes)
  if (compressed !== undefined) return pointOf(curve, compressed)
  const whole = base58Decode(text, 65)
  if (whole === undefined || whole[0] !== 4) return undefined
  const odd = (whole[64] ?? 0) & 1
  return pointOf(curve, Uint8Array.of(2 + odd, ...whole.subarray(1, 33)))
}

const olderTypes = new Map<string, Curve>([
  ['EcdsaSecp256k1VerificationKey2019', 'k256'],
  ['EcdsaSecp256r1VerificationKey2019', 'p256'],
])

function pointOf(curve: Curve, point: Uint8Array): DidKeyText | undefined {
  return point[0] === 2 || point[0] === 3 ? formatDidKey({ curve, point }) : undefined
}

function base58Encode(bytes: Uint8Array): string {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  let text = ''
  for (; value > 0n; value /= 58n) text = `${alphabet[Number(value % 58n)] ?? ''}${text}`
  for (const byte of bytes) {
    if (byte !== 0) break
    text = `1${text}`
  }
  return text
}

/** Exactly `length` bytes, none of them a leading zero (no key begins with one); undefined otherwise. */
function base58Decode(text: string, length: number): Uint8Array | undefined {
  let value = 0n
  for (const letter of text) {
    const digit = digits.get(letter)
    if (digit === undefined) return undefined
    value = value * 58n + digit
  }
  const bytes = new Uint8Array(length)
  for (let at = length - 1; at >= 0; at -= 1) {
    bytes[at] = Number(value & 0xffn)
    value >>= 8n
  }
  return value === 0n && bytes[0] !== 0 && !text.startsWith('1') ? bytes : undefined
}
