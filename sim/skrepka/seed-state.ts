/** Everything that the seed's server keeps on its disk: flat lists, all of which survive a restart. */
import type { KeyHex, ServerName } from '../../server/skrepka/contract.ts'
import type { SeedBucket } from './seed-wire.ts'

export interface SeedChallenge {
  readonly pubkey: KeyHex
  readonly challenge: string
  readonly expiresAt: number
  readonly ip: string
}
export interface SeedSession {
  readonly token: string
  readonly pubkey: KeyHex
  readonly expiresAt: number
  readonly ip: string
}
export interface SeedStored {
  readonly toKey: KeyHex
  readonly encryptedBlob: string
  readonly receivedAt: number
  readonly deliveredTo: Set<ServerName>
}
export interface SeedPresence {
  readonly pubkey: KeyHex
  readonly server: ServerName
  readonly expiresAt: number
}
export interface SeedForward {
  readonly toServer: ServerName
  readonly toKey: KeyHex
  readonly encryptedBlob: string
  retries: number
}
export interface SeedFailure {
  readonly failedAt: number
  readonly failures: number
}

export interface SeedState {
  challenges: SeedChallenge[]
  sessions: SeedSession[]
  messages: SeedStored[]
  presence: SeedPresence[]
  forwards: SeedForward[]
  failures: Map<ServerName, SeedFailure>
  seqCounter: number
  buckets: Map<string, SeedBucket>
}

export function createSeedState(): SeedState {
  return {
    challenges: [],
    sessions: [],
    messages: [],
    presence: [],
    forwards: [],
    failures: new Map(),
    seqCounter: 0,
    buckets: new Map(),
  }
}

/** The newest `count` by expiry. */
export function keepNewest<T extends { readonly expiresAt: number }>(
  items: readonly T[],
  count: number,
): T[] {
  const sorted = items.toSorted((a, b) => a.expiresAt - b.expiresAt)
  return sorted.slice(Math.max(0, sorted.length - count))
}

/** Leaves `count - 1` of this key's, the newest, and everybody else's. */
export function capForKey<T extends { readonly expiresAt: number; readonly pubkey: KeyHex }>(
  items: readonly T[],
  pubkey: KeyHex,
  count: number,
): T[] {
  return [
    ...items.filter(item => item.pubkey !== pubkey),
    ...keepNewest(
      items.filter(item => item.pubkey === pubkey),
      count - 1,
    ),
  ]
}
