/**
 * The one primitive for all that is followed: number what you append; replay past a cursor; then wait for something
 * past the cursor. Followers pull: a slow one re-reads the log, and nothing is queued for anyone.
 */

export interface Numbered {
  /** Rises strictly in the log; holes are allowed, and never filled later. */
  readonly seq: number
}

export interface Follow<Item extends Numbered> {
  /**
   * Everything with `seq` greater than `cursor`, in batches, in order, then live, until `signal` ends it. Never an
   * empty batch. Followers at one place get the very same array: do not change it. Throws what `read` throws.
   */
  from(cursor: number, signal: AbortSignal): AsyncIterable<readonly Item[]>
  /** Something was appended. Cheap; may be called for no reason. */
  wake(): void
  /** Wakes everybody and ends every iteration. */
  close(): void
  /** How many followers there are, for metrics. */
  count(): number
}

export interface FollowOptions<Item extends Numbered> {
  /** At most `limit` committed items with `seq` > `after`, ascending; an empty answer means there is none. */
  readonly read: (after: number, limit: number) => Promise<readonly Item[]>
  /** Items a batch holds at most. */
  readonly batchItemsMax: number
  /** Items that are kept in memory for followers near the head, so that they share one read. */
  readonly tailItemsMax: number
  /** How large an item is; with it the two bounds below hold. */
  readonly bytesOf?: (item: Item) => number
  /** Bytes of a batch from memory; one item alone may be larger. Batches of `read` are bounded by `read`. */
  readonly batchBytesMax?: number
  /** Bytes of what is kept in memory; the newest batch is kept in any case. */
  readonly tailBytesMax?: number
  /** Awaited before a follower takes a batch: lets the owner pace many followers. What comes meanwhile joins the batch. */
  readonly turn?: () => Promise<void>
}

/** Batches of the tail that are remembered, so that followers at one place share one array. */
const sharedBatchesMax = 64

/** Follows a log. Whoever is near its end is served from memory, with the very same objects. */
export function createFollow<Item extends Numbered>(options: FollowOptions<Item>): Follow<Item> {
  const tail = createTail(options)
  const past = createPast(options)
  const waiting = new Set<() => void>()
  let generation = 0
  let closed = false
  let reading: Reading | undefined
  let followers = 0

  const wake = () => {
    generation += 1
    const woken = [...waiting]
    waiting.clear()
    for (const resume of woken) resume()
  }

  /** One read past the end of the tail, for everybody who is there. */
  const startReading = (after: number): Reading => {
    const started: Reading = { after, generation, empty: false, done: Promise.resolve() }
    started.done = options
      .read(after, options.batchItemsMax)
      .then(items => {
        started.empty = items.length === 0
        tail.append(after, items)
      })
      .finally(() => {
        reading = undefined
      })
    return started
  }

  const next = async (cursor: number, seen: number): Promise<readonly Item[]> => {
    for (;;) {
      if (tail.isBefore(cursor)) return past.after(cursor)
      const batch = tail.after(cursor)
      if (batch !== undefined) return batch
      reading ??= startReading(cursor)
      const joined = reading
      await joined.done
      // A read that began before the wake-up we answer may have missed what it was about.
      if (joined.empty && joined.after <= cursor && joined.generation >= seen) return []
    }
  }

  async function* from(cursor: number, signal: AbortSignal): AsyncGenerator<readonly Item[]> {
    let position = cursor
    let resume: (() => void) | undefined
    const onAbort = () => {
      if (resume === undefined) return
      waiting.delete(resume)
      resume()
    }
    followers += 1
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted && !closed) {
        if (options.turn !== undefined) await options.turn()
        const seen = generation
        const batch = await next(position, seen)
        if (signal.aborted || closed) return
        const last = batch.at(-1)
        if (last !== undefined) {
          position = last.seq
          yield batch
        } else if (seen === generation) {
          await new Promise<void>(resolve => {
            resume = resolve
            waiting.add(resolve)
          })
          resume = undefined
        }
      }
    } finally {
      followers -= 1
      signal.removeEventListener('abort', onAbort)
    }
  }

  return {
    from,
    wake,
    close: () => {
      closed = true
      wake()
    },
    count: () => followers,
  }
}

interface Reading {
  readonly after: number
  /** How often was woken before it began. */
  readonly generation: number
  empty: boolean
  done: Promise<void>
}

interface Tail<Item> {
  /** Whether the tail lacks items directly after `cursor` because it begins later. */
  isBefore(cursor: number): boolean
  /** What the tail has after `cursor`; undefined when it ends there, or earlier. */
  after(cursor: number): readonly Item[] | undefined
  /** Takes what the log has directly after `cursor`. A run that begins past the end of the tail replaces it. */
  append(cursor: number, items: readonly Item[]): void
}

/** A run of the log without omissions: every committed item with `begin` < seq <= `end`. */
function createTail<Item extends Numbered>(options: FollowOptions<Item>): Tail<Item> {
  const { batchItemsMax, tailItemsMax, bytesOf = () => 0 } = options
  const { batchBytesMax = Number.MAX_SAFE_INTEGER, tailBytesMax = Number.MAX_SAFE_INTEGER } = options
  let begin: number | undefined
  let items: readonly Item[] = []
  let bytes = 0
  const shared = new Map<number, readonly Item[]>()
  const end = () => items.at(-1)?.seq ?? begin ?? Number.NEGATIVE_INFINITY

  const cut = (start: number): readonly Item[] => {
    let stop = start
    let size = 0
    while (stop < items.length && stop - start < batchItemsMax) {
      const item = items[stop]
      size += item === undefined ? 0 : bytesOf(item)
      if (size > batchBytesMax && stop > start) break
      stop += 1
    }
    return items.slice(start, stop)
  }

  const forget = () => {
    let dropped = 0
    while (items.length - dropped > tailItemsMax || (bytes > tailBytesMax && dropped < items.length - 1)) {
      const oldest = items[dropped]
      if (oldest === undefined) break
      begin = oldest.seq
      bytes -= bytesOf(oldest)
      dropped += 1
    }
    if (dropped > 0) items = items.slice(dropped)
  }

  return {
    isBefore: cursor => begin !== undefined && cursor < begin,
    after: cursor => {
      if (cursor >= end()) return undefined
      const known = shared.get(cursor)
      if (known !== undefined) return known
      const batch = cut(firstAfter(items, cursor))
      if (shared.size >= sharedBatchesMax) shared.clear()
      shared.set(cursor, batch)
      return batch
    },
    append: (cursor, fresh) => {
      if (fresh.length === 0 || cursor < end()) return
      const follows = cursor === end()
      if (!follows) begin = cursor
      items = follows ? [...items, ...fresh] : [...fresh]
      bytes = (follows ? bytes : 0) + fresh.reduce((sum, item) => sum + bytesOf(item), 0)
      shared.clear()
      forget()
    },
  }
}

/** Reads from before the tail that are remembered: many who fell behind are often behind alike. */
const pastReadsMax = 8

interface PastRead<Item> {
  readonly after: number
  /** The last seq that it brought, once it is done. */
  last: number | undefined
  readonly items: Promise<readonly Item[]>
}

/** What lies before the tail, read in pieces that followers share. */
function createPast<Item extends Numbered>(options: Pick<FollowOptions<Item>, 'read' | 'batchItemsMax'>) {
  let reads: readonly PastRead<Item>[] = []

  const start = (after: number): PastRead<Item> => {
    const read: PastRead<Item> = {
      after,
      last: undefined,
      items: options.read(after, options.batchItemsMax),
    }
    reads = [read, ...reads.slice(0, pastReadsMax - 1)]
    read.items.then(
      items => {
        read.last = items.at(-1)?.seq ?? after
      },
      // A read that failed is not one to share.
      () => {
        reads = reads.filter(other => other !== read)
      },
    )
    return read
  }

  return {
    /** Items directly after `cursor`. */
    after: async (cursor: number): Promise<readonly Item[]> => {
      for (;;) {
        // One that is under way and begins shortly before is worth waiting for: most likely it has what follows.
        const known = reads.find(
          ({ after, last }) => after <= cursor && cursor < (last ?? after + options.batchItemsMax),
        )
        const items = await (known ?? start(cursor)).items
        const first = firstAfter(items, cursor)
        if (first < items.length || known === undefined) return first === 0 ? items : items.slice(first)
      }
    },
  }
}

/** Index of the first item whose seq is greater than `cursor`, by halving. */
function firstAfter(items: readonly Numbered[], cursor: number): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((items[middle]?.seq ?? 0) <= cursor) low = middle + 1
    else high = middle
  }
  return low
}
