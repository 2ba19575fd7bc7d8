/** What a client of sync is given, and what it tells. */
import type { Ed25519, KeyPair } from '../crypto.ts'
import type { EntryStore, IngestOptions, StoredEntry } from '../store/contract.ts'
import type { After, Transport } from './contract.ts'
import type { AreaRequest, Refused } from './frames.ts'
import type { SyncMemory } from './sync-notes.ts'

export interface SyncStatus {
  readonly phase: 'connecting' | 'syncing' | 'equal' | 'live' | 'ended'
  readonly sent: number
  readonly received: number
  readonly rounds: number
  /** Entries that the server did not take, so that the two are not equal there; undefined: none. */
  readonly refused?: Refused
}

export interface SyncOptions {
  readonly store: EntryStore
  readonly transport: Transport
  readonly ed25519: Ed25519
  readonly random: (length: number) => Uint8Array
  /** Whose areas these are: the receiver of their capabilities. */
  readonly key: KeyPair
  /** The server that is meant: another name in its hello ends the connection. */
  readonly serverName: string
  readonly areas: readonly AreaRequest[]
  readonly memory: SyncMemory
  /** Goes on after both are equal, until the signal ends. */
  readonly live: boolean
  readonly signal: AbortSignal
  readonly ingest?: () => IngestOptions
  /** Whether a payload is to be fetched now. Default: all. */
  readonly wants?: (entry: StoredEntry['entry']) => boolean
  readonly onStatus?: (status: SyncStatus) => void
  /** A clock's `after`: with it, a server that stays silent where it owes something is given up. */
  readonly after?: After
  readonly silenceMs?: number
}

export interface SyncResult {
  readonly sent: number
  readonly received: number
  /** Of range reconciliation, over all areas. */
  readonly rounds: number
  /** Entries that the server did not take; undefined: none. */
  readonly refused?: Refused
  /** Which areas the server served, in the order in which they were asked for. */
  readonly served: readonly boolean[]
}
