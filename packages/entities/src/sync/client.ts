/** The side that asks: brings a store and a server to the same entries, and keeps them there. */
import type { Ed25519, KeyPair } from '../crypto.ts'
import type { EntryStore, IngestOptions, StoredEntry } from '../store/contract.ts'
import { createClientSession } from './client-session.ts'
import { type After, SyncError, type Transport } from './contract.ts'
import type { AreaRequest, Refused } from './frames.ts'
import { createLink } from './link.ts'
import type { SyncMemory } from './sync-notes.ts'

export type { SyncMemory } from './sync-notes.ts'

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

/**
 * Syncs once, and stays when `live`. Throws SyncError when it could not, or was stopped before both were equal; everything
 * that came until then is kept, and the next time goes on from there.
 */
export async function syncWith(options: SyncOptions): Promise<SyncResult> {
  const { transport, after, silenceMs, signal } = options
  const link = createLink({
    transport,
    after,
    silenceMs,
    onRefused: refused => session.refused(refused),
  })
  const session = createClientSession(options, link)
  const stop = () => {
    session.stop()
    link.end()
  }
  const reading = link
    .run((type, reader) => session.handle(type, reader))
    .then(
      () => session.gone(new SyncError('closed', 'the connection has ended')),
      (error: unknown) => session.gone(error),
    )
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    const result = await session.work()
    link.end()
    await reading
    return result
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'closed') {
      link.end(error instanceof SyncError && error.code === 'protocol' ? error : undefined)
      throw error
    }
    // Why the connection ended tells more than that it has.
    link.end()
    await reading
    throw session.why() ?? error
  } finally {
    signal.removeEventListener('abort', stop)
    session.close()
  }
}
