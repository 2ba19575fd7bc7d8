/** Signs and stores entries of one's own. */
import { william3 } from '@leaf/codec/william3'
import { authorise } from '../meadowcap/verify.ts'
import type { EntryStore } from '../store/contract.ts'
import { StoreError } from '../store/store-error.ts'
import type { Area } from '../willow/area.ts'
import { equalBytes, type Path } from '../willow/path.ts'
import { nextTimestamp } from '../willow/timestamp.ts'
import type { Authority } from './authority.ts'
import { LeafError } from './errors.ts'
import type { Identity } from './identity.ts'
import { notePrefix } from './notes.ts'
import type { Platform } from './platform.ts'

export interface Writing {
  readonly path: Path
  readonly payload: Uint8Array
  /** Content that stands there already is not written again. */
  readonly content: boolean
}

export interface WriteRequest {
  readonly namespace: Uint8Array
  readonly subspace: Uint8Array
  readonly items: readonly Writing[]
  readonly as: Identity | undefined
  /** Kept in the same step, by their names. */
  readonly notes?: ReadonlyMap<string, string>
}

export interface Written {
  readonly timestamp: bigint
  /** Of the last of them. */
  readonly arrival: number
}

export interface Writer {
  /**
   * Stores all or nothing, durably, with one timestamp that is newer than everything at and above their paths. Throws
   * LeafError `NotAuthorised`; `Obsolete` when others keep writing there.
   */
  write(request: WriteRequest): Promise<Written>
  /** Whether a key here may write at this path. */
  mayWrite(namespace: Uint8Array, subspace: Uint8Array, path: Path, as?: Identity): boolean
}

const triesMax = 5
const u64Max = 2n ** 64n - 1n

export interface WriterDependencies {
  readonly store: EntryStore
  readonly authority: Authority
  readonly platform: Platform
}

export function createWriter({ store, authority, platform }: WriterDependencies): Writer {
  const grantAt = (
    where: Pick<WriteRequest, 'namespace' | 'subspace' | 'as'>,
    path: Path,
    timestamp: bigint,
  ) => {
    const area: Area = {
      subspace: where.subspace,
      path,
      times: { start: timestamp, end: timestamp === u64Max ? undefined : timestamp + 1n },
    }
    return authority.grantFor('write', where.namespace, area, where.as)
  }

  const attempt = async (request: WriteRequest): Promise<Written> => {
    const { namespace, subspace } = request
    const items: Writing[] = []
    let newest: bigint | undefined
    for (const item of request.items) {
      const above = await store.newestAbove(namespace, subspace, item.path)
      const same =
        item.content &&
        above !== undefined &&
        above.hasPayload &&
        above.entry.path.length === item.path.length &&
        equalBytes(above.entry.digest, item.path.at(-1) ?? new Uint8Array())
      if (same) continue
      items.push(item)
      if (above !== undefined && (newest === undefined || above.entry.timestamp > newest))
        newest = above.entry.timestamp
    }
    const timestamp = nextTimestamp(platform.now(), newest)
    const signed = await Promise.all(
      items.map(async ({ path, payload }) => {
        const grant = grantAt(request, path, timestamp)
        if (grant === undefined)
          throw new LeafError('NotAuthorised', 'expected a key or a capability that may write here')
        const entry = {
          namespace,
          subspace,
          path,
          timestamp,
          payloadLength: BigInt(payload.length),
          digest: william3(payload),
        }
        const authorised = await authorise(platform.ed25519, entry, grant.capability, grant.receiver.keyPair)
        return { authorised, payload }
      }),
    )
    const notes = [...(request.notes ?? [])].map(([name, value]) => [`${notePrefix}${name}`, value] as const)
    const outcomes = await store.write(signed, new Map(notes))
    const arrival = outcomes.reduce(
      (most, one) => (one.kind === 'stored' ? Math.max(most, one.arrival) : most),
      0,
    )
    return { timestamp, arrival }
  }

  return {
    mayWrite: (namespace, subspace, path, as) =>
      grantAt({ namespace, subspace, as }, path, nextTimestamp(platform.now(), undefined)) !== undefined,
    write: async request => {
      for (let tries = 1; ; tries++) {
        try {
          return await attempt(request)
        } catch (error) {
          const raced = error instanceof StoreError && error.code === 'refused'
          if (!raced) throw error
          if (tries === triesMax)
            throw new LeafError('Obsolete', 'something newer stands there, and keeps changing', error)
        }
      }
    },
  }
}
