/** Follows a query: first what there is, then every change, with nothing lost in between. */
import type { CatalogEntry } from './catalog.ts'
import type { Place } from './place.ts'
import { loadEntry, type QueryDependencies, type QueryOptions, select } from './query.ts'
import type { EntityView } from './view.ts'

export interface Diff {
  readonly added: readonly EntityView[]
  readonly changed: readonly EntityView[]
  readonly removed: readonly Place[]
  /** All that fit now, in their order. */
  readonly views: readonly EntityView[]
}

/** Changes that come while one is being handled are told together. The first is told even when nothing fits. */
export async function* watchQuery(
  options: QueryOptions,
  deps: QueryDependencies,
  signal: AbortSignal,
): AsyncGenerator<Diff> {
  const { catalog } = deps
  let known = new Map<string, Seen>()
  for (let first = true; !signal.aborted; first = false) {
    const seen = catalog.stamp
    const entries = await select(options, deps)
    const { now, diff, moved } = await compare(known, entries, deps)
    known = now
    const different = diff.added.length + diff.changed.length + diff.removed.length > 0
    if (first || different || moved) yield diff
    if (!signal.aborted) await Promise.race([catalog.changed(seen), aborted(signal)])
  }
}

interface Seen {
  readonly entry: CatalogEntry
  readonly view: EntityView
}

async function compare(
  known: ReadonlyMap<string, Seen>,
  entries: readonly CatalogEntry[],
  { reader }: QueryDependencies,
): Promise<{ readonly now: Map<string, Seen>; readonly diff: Diff; readonly moved: boolean }> {
  const now = new Map<string, Seen>()
  const added: EntityView[] = []
  const changed: EntityView[] = []
  for (const entry of entries) {
    const before = known.get(entry.name)
    if (before !== undefined && before.entry === entry) {
      now.set(entry.name, before)
      continue
    }
    const view = await loadEntry(entry, reader)
    if (view === undefined) continue
    now.set(entry.name, { entry, view })
    if (before === undefined) added.push(view)
    else if (before.entry.state !== entry.state) changed.push(view)
  }
  const removed = [...known].flatMap(([name, { entry }]) => (now.has(name) ? [] : [entry.place]))
  const names = [...now.keys()]
  const moved =
    [...known.keys()].filter(name => now.has(name)).join() !== names.filter(name => known.has(name)).join()
  return { now, diff: { added, changed, removed, views: [...now.values()].map(({ view }) => view) }, moved }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** A query that is followed: by `for await`, or by a callback. */
export interface Watch extends AsyncIterable<Diff> {
  /** Ends it, also while it waits. */
  stop(): void
}

/**
 * With a callback it begins at once, and tells one diff after another; errors, also of the callback, go to `onError` and
 * end it.
 */
export function createWatch(
  run: (signal: AbortSignal) => AsyncGenerator<Diff>,
  onDiff?: (diff: Diff) => void | Promise<void>,
  onError: (error: unknown) => void = () => undefined,
): Watch {
  const ending = new AbortController()
  const follow = async (tell: (diff: Diff) => void | Promise<void>) => {
    for await (const diff of run(ending.signal)) {
      if (ending.signal.aborted) return
      await tell(diff)
    }
  }
  if (onDiff !== undefined)
    follow(onDiff).catch((error: unknown) => {
      ending.abort()
      onError(error)
    })
  return {
    [Symbol.asyncIterator]: () => run(ending.signal),
    stop: () => ending.abort(),
  }
}
