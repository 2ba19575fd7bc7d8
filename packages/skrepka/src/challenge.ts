/**
 * What a client signs to log in. The challenges of relays with proof-carrying presence commit to the relay's name:
 *
 *     challenge = ts6 ‖ n4 ‖ SHA-256("skrepka-presence-v1" 00 ‖ serverHost 00 ‖ ts6 ‖ n4 ‖ pubkey32 ‖ r16)[0..14]
 *
 * With `r`, which such a relay gives beside the challenge, a client sees that its signature cannot be used at another.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { fromHex, isHex, toHex } from './hex.ts'

/** Characters of a challenge that is still signed; relays of today give 48. */
export const challengeLengthMax = 256

/** The bytes that are signed: the challenge's text, or that text bound to a host (`relay.example`, lower case). */
export function challengeText(challenge: string, boundHost?: string): Uint8Array {
  return utf8ToBytes(boundHost === undefined ? challenge : `skrepka-auth-v1:${boundHost}:${challenge}`)
}

/** Whether a challenge with its opening `r` was made by the relay named `serverHost` for `publicKey`. */
export function namesRelay(claim: {
  /** 48 hex digits. */
  readonly challenge: string
  /** 32 hex digits. */
  readonly r: string
  /** The relay's own name, `host` or `host:port`. */
  readonly serverHost: string
  /** 32 bytes. */
  readonly publicKey: Uint8Array
}): boolean {
  if (!isHex(claim.challenge, 48) || !isHex(claim.r, 32)) return false
  const commitment = sha256(
    concatBytes(
      utf8ToBytes(`skrepka-presence-v1\0${claim.serverHost}\0`),
      fromHex(claim.challenge.slice(0, 20)),
      claim.publicKey,
      fromHex(claim.r),
    ),
  )
  return toHex(commitment.subarray(0, 14)) === claim.challenge.slice(20)
}
