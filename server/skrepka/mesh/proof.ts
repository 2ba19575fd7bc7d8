/**
 * Proof-carrying presence. The 48 hex digits that a client signs when it logs in commit to the relay's name and the
 * time, so that its signature proves to any other relay: "the owner of this key logged in there, then". No client has to
 * know of it.
 *
 *     challenge = ts6 ‖ n4 ‖ h14
 *     r16       = HMAC-SHA256(houseKey, "skrepka-challenge-v1" 00 ‖ ts6 ‖ n4 ‖ pubkey32 ‖ u16be(len) ‖ address)[0..16]
 *     h14       = SHA-256("skrepka-presence-v1" 00 ‖ serverHost 00 ‖ ts6 ‖ n4 ‖ pubkey32 ‖ r16)[0..14]
 *
 * `ts6` is big-endian milliseconds, `n4` four random bytes. `r16` makes a challenge unpredictable and lets its relay know
 * its own without having stored it; given away with the proof it opens the commitment to everybody.
 */
import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { KeyHex, PresenceProof, ServerName } from '../contract.ts'
import { verifyStrict } from './ed25519.ts'

/** A session (1 h), the life of the gossip about it (90 min), and 5 minutes by which clocks may differ. */
export const proofAgeMsMax = 155 * 60_000
/** How far ahead of ours the clock of the relay that made it may be. */
export const proofAheadMsMax = 5 * 60_000
/** Characters of the host that a client bound its signature to. */
const boundHostLengthMax = 128

export const challengeNonceBytes = 4

export interface ChallengeInput {
  /** A `KeyObject` (`createSecretKey`) is much faster than bytes. */
  readonly houseKey: KeyObject | Uint8Array
  readonly serverHost: ServerName
  readonly key: KeyHex
  /** Of the caller as far as a session is bound to it; else empty. */
  readonly address: string
}

export interface Challenge {
  /** 48 hex digits. */
  readonly challenge: string
  /** 32 hex digits. */
  readonly r: string
}

/** A new challenge. The same input gives the same one. */
export function challengeOf(
  input: ChallengeInput & {
    readonly atMs: number
    /** Four random bytes. */
    readonly nonce: Uint8Array
  },
): Challenge {
  const head = Buffer.alloc(10)
  head.writeUIntBE(input.atMs, 0, 6)
  head.set(input.nonce.subarray(0, challengeNonceBytes), 6)
  const key = Buffer.from(input.key, 'hex')
  const r = openingOf(input, head, key)
  const commitment = commitmentOf(input.serverHost, head, key, r)
  return { challenge: Buffer.concat([head, commitment]).toString('hex'), r: r.toString('hex') }
}

/** When a challenge says that it was made, in milliseconds; undefined when it is not 48 hex digits. */
export function challengeTime(challenge: string): number | undefined {
  return isHex(challenge, 48) ? Number.parseInt(challenge.slice(0, 12), 16) : undefined
}

/**
 * Whether this house made the challenge for that key and address; gives its `r`, and when. How old it may be is for the
 * caller to say.
 */
export function ownChallenge(
  input: ChallengeInput & { readonly challenge: string },
): { readonly r: string; readonly atMs: number } | undefined {
  const atMs = challengeTime(input.challenge)
  if (atMs === undefined) return undefined
  const bytes = Buffer.from(input.challenge, 'hex')
  const head = bytes.subarray(0, 10)
  const key = Buffer.from(input.key, 'hex')
  const r = openingOf(input, head, key)
  const own = timingSafeEqual(commitmentOf(input.serverHost, head, key, r), bytes.subarray(10))
  return own ? { r: r.toString('hex'), atMs } : undefined
}

/** The bytes that a client signs: the challenge's text, or that text bound to the host that the client believes it is at. */
export function signedText(challenge: string, boundHost?: string): Uint8Array {
  return Buffer.from(
    boundHost === undefined ? challenge : `skrepka-auth-v1:${boundHost}:${challenge}`,
    'utf8',
  )
}

/** Why a proof is none, or that it is one. */
export type ProofVerdict =
  | { readonly kind: 'valid'; readonly atMs: number }
  | { readonly kind: 'malformed' | 'stale' | 'future' | 'foreign' | 'forged' }

/**
 * Whether `proof` shows that `key` logged in at `server`: made for this server and key (else 'foreign'), at most
 * `proofAgeMsMax` old, at most `proofAheadMsMax` ahead, signed by the key. The costly part comes last.
 */
export function verifyProof(claim: {
  readonly proof: PresenceProof
  readonly key: KeyHex
  readonly server: ServerName
  readonly nowMs: number
}): ProofVerdict {
  const { proof, server, nowMs } = claim
  const atMs = challengeTime(proof.challenge)
  if (atMs === undefined || !isHex(claim.key, 64) || !hasProofShape(proof)) return { kind: 'malformed' }
  if (nowMs - atMs > proofAgeMsMax) return { kind: 'stale' }
  if (atMs - nowMs > proofAheadMsMax) return { kind: 'future' }
  const bytes = Buffer.from(proof.challenge, 'hex')
  const key = Buffer.from(claim.key, 'hex')
  const commitment = commitmentOf(server, bytes.subarray(0, 10), key, Buffer.from(proof.r, 'hex'))
  if (!commitment.equals(bytes.subarray(10))) return { kind: 'foreign' }
  const signature = Buffer.from(proof.signature, 'hex')
  // Clients sign the bare text or one bound to a host; a proof with a host may still be of the bare kind.
  const signed =
    verifyStrict(key, signedText(proof.challenge), signature) ||
    (proof.boundHost !== undefined &&
      verifyStrict(key, signedText(proof.challenge, proof.boundHost), signature))
  return signed ? { kind: 'valid', atMs } : { kind: 'forged' }
}

function hasProofShape({ r, signature, boundHost }: PresenceProof): boolean {
  return isHex(r, 32) && isHex(signature, 128) && (boundHost === undefined || isBoundHost(boundHost))
}

function isBoundHost(host: string): boolean {
  return host.length > 0 && host.length <= boundHostLengthMax && /^[a-z0-9.:[\]-]+$/.test(host)
}

function isHex(text: string, length: number): boolean {
  return text.length === length && /^[0-9a-f]+$/.test(text)
}

function openingOf(input: ChallengeInput, head: Uint8Array, key: Uint8Array): Buffer {
  const address = Buffer.from(input.address, 'utf8')
  const length = Buffer.alloc(2)
  length.writeUInt16BE(address.length)
  const mac = createHmac('sha256', input.houseKey).update('skrepka-challenge-v1\0')
  return mac.update(head).update(key).update(length).update(address).digest().subarray(0, 16)
}

function commitmentOf(server: ServerName, head: Uint8Array, key: Uint8Array, r: Uint8Array): Buffer {
  const hash = createHash('sha256').update(`skrepka-presence-v1\0${server}\0`, 'utf8')
  return hash.update(head).update(key).update(r).digest().subarray(0, 14)
}
