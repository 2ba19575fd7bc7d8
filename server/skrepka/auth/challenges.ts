/** Challenges: made and known again without being stored; what is stored is that one was used. */
import { createSecretKey } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'
import type { KeyHex, ServerName } from '../contract.ts'
import { type Challenge, challengeNonceBytes, challengeOf, ownChallenge } from '../mesh/proof.ts'

/** A challenge that we made, in time. */
export interface KnownChallenge {
  /** What opens it to others, when they are shown the login. */
  readonly r: string
  readonly atMs: number
}

export interface Challenges {
  /** A new one, for a key and an address. Undefined: so many are open that nobody gets one now. */
  make(
    key: KeyHex,
    from: { readonly address: string; readonly bound: string },
  ): (Challenge & { readonly expiresAt: number }) | undefined
  /** Undefined: not ours, not for this key and address, or too old. */
  find(
    challenge: string,
    key: KeyHex,
    from: { readonly address: string; readonly bound: string },
  ): KnownChallenge | undefined
}

/** Challenges of the key before this one are good for this long after the start. */
const previousKeyMs = 60_000

export interface ChallengeDependencies {
  readonly serverHost: ServerName
  readonly houseKey: Uint8Array
  readonly previousHouseKey: Uint8Array | undefined
  readonly clock: Clock
  readonly random: Random
  readonly expiryMs: number
  /** Pairs of an address and a key that may have open challenges. */
  readonly pairsMax: number
  readonly perPairMax: number
}

export function createChallenges(deps: ChallengeDependencies): Challenges {
  const { serverHost, clock, random, expiryMs } = deps
  const current = createSecretKey(deps.houseKey)
  const previous = deps.previousHouseKey === undefined ? undefined : createSecretKey(deps.previousHouseKey)
  const previousUntilMs = clock.monotonic() + previousKeyMs
  const open = createOpen(deps)

  return {
    make: (key, { address, bound }) => {
      const atMs = clock.now()
      if (!open.add(`${address} ${key}`, atMs)) return undefined
      const nonce = random.bytes(challengeNonceBytes)
      const made = challengeOf({ houseKey: current, serverHost, key, address: bound, atMs, nonce })
      return { ...made, expiresAt: atMs + expiryMs }
    },
    find: (challenge, key, { address: from, bound }) => {
      const keys =
        previous !== undefined && clock.monotonic() < previousUntilMs ? [current, previous] : [current]
      // One that was made without an address is good from any.
      for (const houseKey of keys) {
        for (const address of new Set([bound, ''])) {
          const found = ownChallenge({ houseKey, serverHost, key, address, challenge })
          if (found === undefined) continue
          return isInTime(found.atMs) && open.has(`${from} ${key}`, found.atMs) ? found : undefined
        }
      }
      return undefined
    },
  }

  function isInTime(atMs: number): boolean {
    const ageMs = clock.now() - atMs
    return ageMs < expiryMs && ageMs > -expiryMs
  }
}

/** Open challenges of an address and a key, counted; oldest first. */
interface OpenChallenge {
  readonly atMs: number
  /** By the monotonic clock. */
  readonly endMs: number
}

/** Bounds open challenges: a further one of a pair that has its number ends its oldest. */
function createOpen(deps: Pick<ChallengeDependencies, 'clock' | 'expiryMs' | 'pairsMax' | 'perPairMax'>) {
  // In the order of their last challenge, so that those that are over are in front.
  const pairs = new Map<string, readonly OpenChallenge[]>()
  const sweep = (nowMs: number) => {
    for (const [name, open] of pairs) {
      if ((open.at(-1)?.endMs ?? 0) > nowMs) break
      pairs.delete(name)
    }
  }
  return {
    /** False: there are too many pairs. */
    add: (name: string, atMs: number): boolean => {
      const nowMs = deps.clock.monotonic()
      sweep(nowMs)
      const open = (pairs.get(name) ?? []).filter(one => one.endMs > nowMs)
      if (open.length === 0 && pairs.size >= deps.pairsMax) return false
      pairs.delete(name)
      pairs.set(name, [...open, { atMs, endMs: nowMs + deps.expiryMs }].slice(-deps.perPairMax))
      return true
    },
    /** Whether a challenge of that time is among those that count. Another node's, or one of before a restart, is. */
    has: (name: string, atMs: number): boolean => {
      const open = pairs.get(name) ?? []
      return open.length < deps.perPairMax || atMs >= (open[0]?.atMs ?? 0)
    },
  }
}
