/** Whose entries are kept here, and how many. */
import type { SubspaceUsage } from '@leaf/entities/store/contract'
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/storage/database.ts'
import type { EntitiesSettings } from '../config.ts'
import { hexOf } from '../hex.ts'

/** Woken when a subspace was linked, or its account went. */
export const membersChannel = 'entities:members'

export interface Keeping {
  isNamespaceKept(namespace: Uint8Array): boolean
  /** What a subspace may have; nothing (zeros) when it is not kept here. */
  quotaOf(subspace: Uint8Array): Promise<SubspaceUsage>
  stop(): void
}

/** Quotas that are remembered, and for how long at most. */
const rememberedMax = 20_000
const rememberedMs = 60_000

const nothing: SubspaceUsage = { entries: 0, bytes: 0 }

export interface KeepingOptions {
  readonly settings: Pick<EntitiesSettings, 'store' | 'invited' | 'namespaces' | 'entriesMax' | 'bytesMax'>
  readonly database: Database
  readonly clock: Clock
}

export function createKeeping({ settings, database, clock }: KeepingOptions): Keeping {
  const namespaces = new Set(settings.namespaces)
  const invited = new Set(settings.invited)
  const whole: SubspaceUsage = { entries: settings.entriesMax, bytes: settings.bytesMax }
  const remembered = createBoundedMap<string, { readonly quota: SubspaceUsage; readonly untilMs: number }>(
    rememberedMax,
  )
  const stop = database.listen(membersChannel, () => remembered.clear())

  const look = async (subspace: Uint8Array, name: string): Promise<SubspaceUsage> => {
    const row = await database.direct.get<{ removed_at: number | null }>(
      'SELECT removed_at FROM entities_member WHERE subspace = $1',
      [subspace],
    )
    // Whose account goes is emptied: nothing may come in behind.
    if (row !== undefined) return row.removed_at === null ? whole : nothing
    return settings.store === 'anyone' || invited.has(name) ? whole : nothing
  }

  return {
    isNamespaceKept: namespace => namespaces.has(hexOf(namespace)),
    quotaOf: async subspace => {
      const name = hexOf(subspace)
      const nowMs = clock.monotonic()
      const known = remembered.get(name)
      if (known !== undefined && known.untilMs > nowMs) return known.quota
      const quota = await look(subspace, name)
      remembered.set(name, { quota, untilMs: nowMs + rememberedMs })
      return quota
    },
    stop,
  }
}
