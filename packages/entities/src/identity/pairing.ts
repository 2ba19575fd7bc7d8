/**
 * A second device gets a right of its own. The new device shows a room; the old one enters it; both show the same number;
 * the person compares and confirms on both. The room is no secret: what keeps others out is that each side is bound to its
 * keys before it sees the other's, so that whoever stands between can only guess the number, once, 1 in 10^8.
 * See `docs/protocols/identity-of-entities.md`.
 */
import { type Infer, decodeBorsh, encodeBorsh } from '@leaf/codec/borsh/codec'
import { s } from '@leaf/codec/borsh/build'
import { MalformedError } from '@leaf/codec/errors'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { LeafError } from '../api/errors.ts'
import { join } from '../store/keys.ts'
import { equalBytes } from '../willow/path.ts'
import type { Rendezvous } from './rendezvous.ts'

const key = s.fixedBytes(32)
const hello = s.struct({ ephemeral: key, identity: key, nonce: key })
type Hello = Infer<typeof hello>
const gift = s.struct({ capabilities: s.vector(s.bytes()), keys: s.vector(s.bytes()) })
/** What the old device gives: capabilities for the new device's key, and keys that open components; as bytes. */
export type Gift = Infer<typeof gift>

/** Without letters that look like digits, and the other way round. */
const roomAlphabet = '23456789ABCDEFGHJKMNPQRSTVWXYZ'
const roomLength = 8
const text = new TextEncoder()

export interface PairingOptions {
  readonly rendezvous: Rendezvous
  readonly random: (length: number) => Uint8Array
  /** This device's Ed25519 key: of the new device, what the right is given to; of the old one, the subspace. */
  readonly identity: Uint8Array
  /** Shows the number, eight digits, and asks whether the other device shows the same. */
  readonly confirm: (number: string) => Promise<boolean>
  /** Ends it; give it a time limit. */
  readonly signal: AbortSignal
}

/** A room for a new pairing, for people: `K7QF2M9P`. */
export function newRoom(random: (length: number) => Uint8Array): string {
  let room = ''
  while (room.length < roomLength) {
    for (const byte of random(roomLength)) {
      // Bytes beyond the last whole multiple would make some letters likelier.
      if (byte < 240 && room.length < roomLength) room += roomAlphabet[byte % roomAlphabet.length]
    }
  }
  return room
}

/** A room as a person types it. Throws LeafError `Pairing` when it is none. */
export function readRoom(typed: string): string {
  const room = typed.toUpperCase().replaceAll(/[\s-]/g, '')
  if (room.length !== roomLength || [...room].some(char => !roomAlphabet.includes(char)))
    throw new LeafError('Pairing', `expected a code of ${roomLength} letters and digits`)
  return room
}

/** The new device: waits for the old one. Gives what it got, and the old device's subspace. Throws LeafError `Pairing`. */
export async function joinAsNewDevice(
  room: string,
  options: PairingOptions,
): Promise<{ readonly gift: Gift; readonly subspace: Uint8Array }> {
  const { rendezvous, signal } = options
  const { secret, mine } = begin(options)
  await rendezvous.post(room, 'commit', commitment(room, mine))
  const theirs = read(hello, await rendezvous.take(room, 'offer', signal))
  await rendezvous.post(room, 'reveal', encodeBorsh(hello, mine))
  const shared = agree({ room, young: mine, old: theirs, secret, theirs })
  await compared(options, shared.number)
  const sealed = await rendezvous.take(room, 'gift', signal)
  return { gift: read(gift, open(shared, sealed)), subspace: theirs.identity }
}

/** The old device: `give` is asked for the gift for the new device's key, once the person has confirmed. */
export async function helpNewDevice(
  room: string,
  options: PairingOptions & { readonly give: (device: Uint8Array) => Promise<Gift> },
): Promise<{ readonly device: Uint8Array }> {
  const { rendezvous, signal, random } = options
  const { secret, mine } = begin(options)
  const committed = await rendezvous.take(room, 'commit', signal)
  await rendezvous.post(room, 'offer', encodeBorsh(hello, mine))
  const theirs = read(hello, await rendezvous.take(room, 'reveal', signal))
  if (!equalBytes(commitment(room, theirs), committed))
    throw new LeafError('Pairing', 'the other device is not the one that began: somebody stands between')
  const shared = agree({ room, young: theirs, old: mine, secret, theirs })
  await compared(options, shared.number)
  const nonce = random(24)
  const plain = encodeBorsh(gift, await options.give(theirs.identity))
  const sealed = xchacha20poly1305(shared.key, nonce, shared.transcript).encrypt(plain)
  await rendezvous.post(room, 'gift', join(nonce, sealed))
  return { device: theirs.identity }
}

function begin({ random, identity }: PairingOptions): { readonly secret: Uint8Array; readonly mine: Hello } {
  const secret = random(32)
  return { secret, mine: { ephemeral: x25519.getPublicKey(secret), identity, nonce: random(32) } }
}

async function compared({ confirm, signal }: PairingOptions, number: string): Promise<void> {
  const same = await confirm(number)
  signal.throwIfAborted()
  if (!same)
    throw new LeafError('Pairing', 'the devices do not show the same number: somebody stands between')
}

function hash(label: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(join(text.encode(`leaf/pair/1/${label}\0`), ...parts))
}

/** Binds the new device to its keys before it has seen anything of the old one. */
function commitment(room: string, young: Hello): Uint8Array {
  return hash('commit', text.encode(`${room}\0`), encodeBorsh(hello, young))
}

interface Shared {
  readonly key: Uint8Array
  readonly transcript: Uint8Array
  readonly number: string
}

function agree(between: {
  readonly room: string
  readonly young: Hello
  readonly old: Hello
  readonly secret: Uint8Array
  readonly theirs: Hello
}): Shared {
  const { room, young, old, secret, theirs } = between
  const all = [text.encode(`${room}\0`), encodeBorsh(hello, young), encodeBorsh(hello, old)]
  const transcript = hash('transcript', ...all)
  const view = new DataView(hash('number', transcript).buffer)
  const number = (view.getBigUint64(0) % 100_000_000n).toString().padStart(8, '0')
  try {
    const agreed = x25519.getSharedSecret(secret, theirs.ephemeral)
    return { key: hkdf(sha256, agreed, transcript, text.encode('leaf/pair/1/gift'), 32), transcript, number }
  } catch (cause) {
    throw new LeafError('Pairing', 'expected a key to agree with, got one of small order', cause)
  }
}

function open({ key: opener, transcript }: Shared, message: Uint8Array): Uint8Array {
  try {
    return xchacha20poly1305(opener, message.slice(0, 24), transcript).decrypt(message.slice(24))
  } catch (cause) {
    throw new LeafError('Pairing', 'what the other device gave was changed on its way', cause)
  }
}

function read<T>(
  codec: { readonly schema: unknown } & Parameters<typeof decodeBorsh<T>>[0],
  bytes: Uint8Array,
): T {
  try {
    return decodeBorsh(codec, bytes)
  } catch (error) {
    if (error instanceof MalformedError)
      throw new LeafError('Pairing', 'expected a message of a pairing, got something else', error)
    throw error
  }
}
