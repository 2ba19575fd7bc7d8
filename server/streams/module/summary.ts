/** What the engine itself has to know of a module; everything else is the hosts' matter. */
import { decodeDrisl, type DrislValue, isArray, isMap } from '@leaf/codec/drisl'
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { ReadTx } from '../../kernel/storage/database.ts'
import { moduleBytes } from '../database/modules.ts'

export interface ModuleSummary {
  /** Everybody may read the log as it is. */
  readonly publicLog: boolean
  /** Queries whose SQL cannot ask who the caller is. */
  readonly queriesWithoutUser: ReadonlySet<string>
}

export interface ModuleSummaries {
  /** Of a module that is kept; for one that is gone, what promises nothing. */
  of(cid: string): Promise<ModuleSummary>
}

/** Modules whose summary is remembered. */
const summariesMax = 1000

const nothingKnown: ModuleSummary = { publicLog: false, queriesWithoutUser: new Set() }

export function createModuleSummaries(tx: ReadTx): ModuleSummaries {
  const known = createBoundedMap<string, Promise<ModuleSummary>>(summariesMax)
  return {
    of: cid => {
      const there = known.get(cid)
      if (there !== undefined) return there
      const begun = moduleBytes(tx, cid).then(bytes => {
        if (bytes !== undefined) return summaryOf(decodeDrisl(bytes))
        known.delete(cid)
        return nothingKnown
      })
      begun.catch(() => known.delete(cid))
      known.set(cid, begun)
      return begun
    },
  }
}

/** What a decoded module says; what is not understood promises nothing. */
export function summaryOf(module: DrislValue): ModuleSummary {
  if (!isMap(module)) return nothingKnown
  const queries = isArray(module['queries']) ? module['queries'] : []
  const without = new Set<string>()
  const withUser = new Set<string>()
  for (const query of queries) {
    if (!isMap(query)) continue
    const { name, sql } = query
    if (typeof name !== 'string' || typeof sql !== 'string') continue
    // A parameter can be asked for by its name only, and only in the text of the query itself.
    if (sql.includes('requesting_user')) withUser.add(name)
    else without.add(name)
  }
  for (const name of withUser) without.delete(name)
  return { publicLog: module['publicLog'] === true, queriesWithoutUser: without }
}
