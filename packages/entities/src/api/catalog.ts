/**
 * A local index of the entities of one namespace: which kinds of components each has, and when it was written. It lives
 * in memory, is built from the store when it is first asked, and follows it by arrival numbers from then on.
 */
import { roleOf } from '../leaf/entity-path.ts'
import type { Backing } from '../store/backing.ts'
import type { EntryStore, StoredEntry } from '../store/contract.ts'
import { join, nameOf } from '../store/keys.ts'
import { pathKey } from '../willow/path.ts'
import type { Keyring } from './keyring.ts'
import { type Place, placeName } from './place.ts'
import type { EntityEntry, Reader } from './reader.ts'
import { stateName } from './view.ts'

export interface CatalogEntry {
  /** Begins with the names of all places above it. */
  readonly name: string
  readonly place: Place
  readonly timestamp: bigint
  /** Names of the schemas of what can be read here. */
  readonly schemas: ReadonlySet<string>
  /** Changes with everything that can be seen of the entity. */
  readonly state: string
}

export interface Catalog {
  /** Entities that can be loaded, the newest last. Brings itself up to date first. */
  byTime(): Promise<readonly CatalogEntry[]>
  /** Those with a component of some schema, in no order; the same after `byTime`. */
  withSchema(schema: string): ReadonlySet<CatalogEntry>
  /** Rises whenever something may have changed. */
  readonly stamp: number
  /** Resolves when the stamp is not `seen` any more. */
  changed(seen: number): Promise<void>
  /** Begins anew: entries were removed without a successor. */
  reset(): void
  close(): void
}

export interface CatalogDependencies {
  readonly namespace: Uint8Array
  readonly store: EntryStore
  readonly backing: Backing
  readonly reader: Reader
  readonly keyring: Keyring
}

/** Arrivals that are read at once. */
const arrivalsAtOnce = 1024

export function createCatalog(deps: CatalogDependencies): Catalog {
  const { namespace, store, reader, keyring } = deps
  const table = createTable()
  /** Entities whose bytes have not all arrived, and what they wait for. */
  const waiting = new Map<string, EntityEntry & { readonly for: readonly Uint8Array[] }>()
  let arrival = 0
  let keysSeen = keyring.version
  let stamp = 0
  let read = -1
  let closed = false
  let wakers: (() => void)[] = []
  const wake = () => {
    stamp += 1
    const all = wakers
    wakers = []
    for (const one of all) one()
  }
  const stop = store.listen(wake)

  const enter = async (found: readonly EntityEntry[]) => {
    const states = await reader.entitiesOf(found)
    for (const [index, { place, entry }] of found.entries()) {
      const name = placeName(place)
      const state = states[index]
      waiting.delete(name)
      if (state?.kind === 'incomplete') waiting.set(name, { place, entry, for: state.missing })
      if (state?.kind !== 'ready') {
        table.delete(name)
        continue
      }
      table.put({
        name,
        place,
        timestamp: entry.entry.timestamp,
        schemas: new Set(state.view.open.map(({ schema }) => nameOf(schema))),
        state: stateName(state.view),
      })
    }
  }
  /** Whatever is at and below a path, and older. */
  const prune = ({ subspace, path, timestamp }: StoredEntry['entry']) => {
    const above = nameOf(join(subspace, pathKey(path)))
    table.deleteBelow(above, timestamp)
    for (const [name, { entry }] of waiting)
      if (name.startsWith(above) && entry.entry.timestamp < timestamp) waiting.delete(name)
  }
  const take = async (page: readonly StoredEntry[]) => {
    const found: EntityEntry[] = []
    const pruning: StoredEntry['entry'][] = []
    for (const entry of page) {
      const { subspace, path } = entry.entry
      const role = roleOf(path)
      if (role.kind === 'entity') found.push({ place: { namespace, subspace, path: role.path }, entry })
      else if (role.kind === 'other') pruning.push(entry.entry)
    }
    await enter(found)
    // What they prune is older than they are, so that it does not matter which comes first.
    for (const entry of pruning) prune(entry)
  }
  const takeArrived = async () => {
    const all = [...waiting.values()]
    const names = all.flatMap(one => one.for)
    if (names.length === 0) return
    const missing = new Set((await store.missingPayloads(names)).map(nameOf))
    await enter(all.filter(one => one.for.some(id => !missing.has(nameOf(id)))))
  }
  const catchUp = async () => {
    if (keysSeen !== keyring.version) reset()
    while (read !== stamp) {
      const seen = stamp
      for (;;) {
        const fresh = await store.arrivals(namespace, arrival, arrivalsAtOnce)
        await take(fresh)
        arrival = fresh.at(-1)?.arrival ?? arrival
        if (fresh.length < arrivalsAtOnce) break
      }
      await takeArrived()
      read = seen
    }
  }
  const reset = () => {
    keysSeen = keyring.version
    arrival = 0
    read = -1
    table.clear()
    waiting.clear()
    wake()
  }
  let running: Promise<void> | undefined
  const isBehind = () => read !== stamp || keysSeen !== keyring.version
  const upToDate = async () => {
    while (isBehind()) {
      running ??= catchUp().finally(() => {
        running = undefined
      })
      await running
    }
  }

  return {
    byTime: async () => {
      await upToDate()
      return table.byTime
    },
    withSchema: schema => table.withSchema(schema),
    get stamp() {
      return stamp
    },
    changed: seen =>
      stamp !== seen || closed ? Promise.resolve() : new Promise(resolve => void wakers.push(resolve)),
    reset,
    close: () => {
      closed = true
      stop()
      wake()
    },
  }
}

function createTable() {
  const byName = new Map<string, CatalogEntry>()
  const bySchema = new Map<string, Set<CatalogEntry>>()
  const byTime: CatalogEntry[] = []
  const none: ReadonlySet<CatalogEntry> = new Set()
  const before = (a: CatalogEntry, b: CatalogEntry) =>
    a.timestamp < b.timestamp || (a.timestamp === b.timestamp && a.name < b.name)
  const indexOf = (entry: CatalogEntry) => {
    let low = 0
    let high = byTime.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (before(byTime[middle] as CatalogEntry, entry)) low = middle + 1
      else high = middle
    }
    return low
  }
  const remove = (name: string) => {
    const entry = byName.get(name)
    if (entry === undefined) return
    byName.delete(name)
    byTime.splice(indexOf(entry), 1)
    for (const schema of entry.schemas) bySchema.get(schema)?.delete(entry)
  }
  return {
    byTime,
    withSchema: (schema: string) => bySchema.get(schema) ?? none,
    delete: remove,
    put: (entry: CatalogEntry) => {
      remove(entry.name)
      byName.set(entry.name, entry)
      byTime.splice(indexOf(entry), 0, entry)
      for (const schema of entry.schemas) {
        const set = bySchema.get(schema) ?? new Set()
        set.add(entry)
        bySchema.set(schema, set)
      }
    },
    deleteBelow: (above: string, timestamp: bigint) => {
      for (const [name, entry] of byName)
        if (name.startsWith(above) && entry.timestamp < timestamp) remove(name)
    },
    clear: () => {
      byName.clear()
      bySchema.clear()
      byTime.length = 0
    },
  }
}
