/** Which entities one wants, and in which order. */
import type { ComponentKind } from '../leaf/define.ts'
import { nameOf } from '../store/keys.ts'
import type { Catalog, CatalogEntry } from './catalog.ts'
import { LeafError } from './errors.ts'
import { placeName, readWhere, type Subspace, type Where } from './place.ts'
import type { Reader } from './reader.ts'
import type { Registry } from './registry.ts'
import type { EntityView } from './view.ts'

/** Numbers, bigints and text; text by code units. */
export type OrderKey = string | number | bigint

export interface QueryOptions {
  /** At and below a path; with a subspace in front, of that one only, else of all. */
  readonly under?: Where
  /** Only of these subspaces. */
  readonly of?: readonly Subspace[]
  /** Has components of all these kinds (or of kinds that migrate to them). */
  readonly with?: readonly ComponentKind<unknown>[]
  /** Has components of none of these kinds. */
  readonly without?: readonly ComponentKind<unknown>[]
  /** Default: newest first, by the time of the entry. A function is asked for every entity that fits. */
  readonly orderBy?:
    | 'newest'
    | 'oldest'
    | 'path'
    | { readonly by: (view: EntityView) => OrderKey; readonly descending?: boolean }
  readonly limit?: number
}

/** Entities in their order; each is loaded when it is its turn. */
export interface Query extends AsyncIterable<EntityView> {
  all(): Promise<readonly EntityView[]>
  first(): Promise<EntityView | undefined>
  count(): Promise<number>
}

export interface QueryDependencies {
  readonly catalog: Catalog
  readonly reader: Reader
  readonly registry: Registry
}

export function createQuery(options: QueryOptions, deps: QueryDependencies): Query {
  async function* iterate(): AsyncGenerator<EntityView> {
    for (const entry of await select(options, deps)) {
      const view = await loadEntry(entry, deps.reader)
      if (view !== undefined) yield view
    }
  }
  return {
    [Symbol.asyncIterator]: iterate,
    all: async () => {
      const views: EntityView[] = []
      for await (const view of iterate()) views.push(view)
      return views
    },
    first: async () => {
      for await (const view of iterate()) return view
      return undefined
    },
    count: async () => (await select(options, deps)).length,
  }
}

/** Undefined: it was deleted since. */
export async function loadEntry(entry: CatalogEntry, reader: Reader): Promise<EntityView | undefined> {
  const state = await reader.entity(entry.place)
  return state.kind === 'ready' ? state.view : undefined
}

/** The entries that fit, in their order, no more than the limit. */
export async function select(
  options: QueryOptions,
  { catalog, reader, registry }: QueryDependencies,
): Promise<readonly CatalogEntry[]> {
  const { orderBy = 'newest', limit = Number.POSITIVE_INFINITY } = options
  if (!(limit >= 0))
    throw new LeafError('SchemaMismatch', `expected a limit that is not negative, got ${limit}`)
  const fits = filterOf(options, registry)
  const byTime = await catalog.byTime()
  const few = fewest(options, registry, catalog, Math.floor(byTime.length / 8))
  if (few !== undefined) return order(few.filter(fits), { orderBy, limit, reader })
  if (orderBy !== 'newest' && orderBy !== 'oldest')
    return order(byTime.filter(fits), { orderBy, limit, reader })
  const found: CatalogEntry[] = []
  const { length } = byTime
  for (let index = 0; index < length && found.length < limit; index++) {
    const entry = byTime[orderBy === 'oldest' ? index : length - 1 - index]
    if (entry !== undefined && fits(entry)) found.push(entry)
  }
  return found
}

interface Order {
  readonly orderBy: NonNullable<QueryOptions['orderBy']>
  readonly limit: number
  readonly reader: Reader
}

async function order(found: readonly CatalogEntry[], { orderBy, limit, reader }: Order) {
  const byName = (a: CatalogEntry, b: CatalogEntry) => compare(a.name, b.name)
  const byTime = (a: CatalogEntry, b: CatalogEntry) => compare(a.timestamp, b.timestamp) || byName(a, b)
  if (orderBy === 'path') return found.toSorted(byName).slice(0, limit)
  if (orderBy === 'oldest') return found.toSorted(byTime).slice(0, limit)
  if (orderBy === 'newest') return found.toSorted((a, b) => byTime(b, a)).slice(0, limit)
  const keyed: { readonly entry: CatalogEntry; readonly key: OrderKey }[] = []
  for (const entry of found) {
    const view = await loadEntry(entry, reader)
    if (view !== undefined) keyed.push({ entry, key: orderBy.by(view) })
  }
  const sign = orderBy.descending === true ? -1 : 1
  keyed.sort((a, b) => sign * compare(a.key, b.key) || byName(a.entry, b.entry))
  return keyed.slice(0, limit).map(({ entry }) => entry)
}

function compare(a: OrderKey, b: OrderKey): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The schemas that count as a kind. */
function schemasOf(kind: ComponentKind<unknown>, registry: Registry): readonly string[] {
  const found = new Set([nameOf(kind.id)])
  const open = [kind.id]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const { from } of registry.migrationsTo(next)) {
      if (found.has(nameOf(from.id))) continue
      found.add(nameOf(from.id))
      open.push(from.id)
    }
  }
  return [...found]
}

function filterOf(options: QueryOptions, registry: Registry): (entry: CatalogEntry) => boolean {
  const where = options.under === undefined ? undefined : readWhere(options.under)
  const named = options.of?.map(({ publicKey }) => nameOf(publicKey))
  const subspaces = where?.subspace === undefined ? named : [nameOf(where.subspace)]
  // The subspace is the first 32 characters of a name.
  const prefix =
    where === undefined ? '' : placeName({ subspace: new Uint8Array(32), path: where.path }).slice(32)
  const wanted = (options.with ?? []).map(kind => schemasOf(kind, registry))
  const unwanted = (options.without ?? []).flatMap(kind => schemasOf(kind, registry))
  return ({ name, schemas }) =>
    (subspaces === undefined || subspaces.includes(name.slice(0, 32))) &&
    name.startsWith(prefix, 32) &&
    wanted.every(any => any.some(schema => schemas.has(schema))) &&
    !unwanted.some(schema => schemas.has(schema))
}

/** The entries of the rarest kind that is asked for; undefined: even that has more than `max`. */
function fewest(
  options: QueryOptions,
  registry: Registry,
  catalog: Catalog,
  max: number,
): readonly CatalogEntry[] | undefined {
  let best: readonly ReadonlySet<CatalogEntry>[] | undefined
  let least = max
  for (const kind of options.with ?? []) {
    const sets = schemasOf(kind, registry).map(schema => catalog.withSchema(schema))
    const size = sets.reduce((sum, one) => sum + one.size, 0)
    if (size > least) continue
    best = sets
    least = size
  }
  return best === undefined ? undefined : [...new Set(best.flatMap(set => [...set]))]
}
