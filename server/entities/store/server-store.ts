/** The store of the house: the library's rules, with whom the house keeps, what it keeps, and where large payloads lie. */
import { william3 } from '@leaf/codec/william3'
import { createVerifier, type Verifier } from '@leaf/entities/meadowcap/verify'
import type { Ed25519 } from '@leaf/entities/crypto'
import type { EntryStore, IngestOutcome, SubspaceUsage } from '@leaf/entities/store/contract'
import { createStore } from '@leaf/entities/store/engine'
import { equalBytes, pathKey } from '@leaf/entities/willow/path'
import { timestampOf } from '@leaf/entities/willow/timestamp'
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database } from '../../kernel/storage/database.ts'
import type { EntitiesSettings } from '../config.ts'
import { hexOf } from '../hex.ts'
import { databaseBacking } from './backing.ts'
import type { Keeping } from './keeping.ts'
import { inlineBytesMax, type LargePayloads } from './large-payloads.ts'

/** PostgreSQL's indexes take no longer keys; the same on SQLite, so that what one takes the other takes too. */
export const pathKeyBytesMax = 2048

const emptyDigest = william3(new Uint8Array())

export interface ServerStoreOptions {
  readonly settings: Pick<EntitiesSettings, 'futureSecondsMax' | 'payloadBytesMax'>
  readonly database: Database
  readonly ed25519: Ed25519
  readonly clock: Clock
  readonly random: Random
  readonly keeping: Keeping
  readonly large: LargePayloads
}

export interface ServerStore {
  readonly store: EntryStore
  readonly verifier: Verifier
}

/** Whatever comes in by whichever way, by sync or in a drop, is held to the same rules. */
export function createServerStore(options: ServerStoreOptions): ServerStore {
  const { settings, database, clock, random, keeping, large } = options
  const verifier = createVerifier(options.ed25519)
  const inner = createStore({
    backing: databaseBacking(database),
    verifier,
    random: length => new Uint8Array(random.bytes(length)),
  })

  const ingest: EntryStore['ingest'] = async (entries, given = {}) => {
    const quotas = new Map<string, SubspaceUsage>()
    for (const { entry } of entries) {
      const name = hexOf(entry.subspace)
      if (!quotas.has(name)) quotas.set(name, await keeping.quotaOf(entry.subspace))
    }
    const isTooLong = entries.map(({ entry }) => pathKey(entry.path).length > pathKeyBytesMax)
    const taken = await inner.ingest(
      entries.filter((_, index) => isTooLong[index] !== true),
      {
        ...given,
        timestampMax: timestampOf(clock.now() + settings.futureSecondsMax * 1000),
        namespaceAllowed: namespace => keeping.isNamespaceKept(namespace),
        quotaOf: (_namespace, subspace) => quotas.get(hexOf(subspace)),
      },
    )
    let next = 0
    return isTooLong.map((long): IngestOutcome => {
      if (long) return { kind: 'refused', fault: 'limit' }
      const outcome = taken[next++]
      if (outcome === undefined) throw new Error('expected an outcome for every entry')
      return outcome
    })
  }

  return {
    verifier,
    store: {
      ...inner,
      ingest,
      putPayload: async (digest, bytes) => {
        if (bytes.length > settings.payloadBytesMax) return false
        return bytes.length > inlineBytesMax ? large.put(digest, bytes) : inner.putPayload(digest, bytes)
      },
      payload: async digest => {
        const inline = await inner.payload(digest)
        if (inline === undefined || inline.length > 0 || equalBytes(digest, emptyDigest)) return inline
        return large.get(digest)
      },
    },
  }
}
