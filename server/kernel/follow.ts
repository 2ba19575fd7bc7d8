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
   * Everything with `seq` greater than `cursor`, in batches, in order, then live, until `signal` ends it. The batch
   * arrays are shared between followers: do not change them.
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
  /** At most `limit` committed items with `seq` > `after`, ascending. */
  readonly read: (after: number, limit: number) => Promise<readonly Item[]>
  /** Items a batch holds at most. */
  readonly batchItemsMax: number
  /** Items that are kept in memory for followers near the head, so that they share one read. */
  readonly tailItemsMax: number
}

/** Follows a log. Whoever is within the last `tailItemsMax` items is served from memory, with the very same objects. */
export function createFollow<Item extends Numbered>(options: FollowOptions<Item>): Follow<Item> {
  const { read, batchItemsMax, tailItemsMax } = options
  // `tail` is a run of the log without omissions: every committed item with tailFrom < seq <= its last seq.
  let tail: Item[] = []
  let tailFrom = Number.MAX_SAFE_INTEGER
  let generation = 0
  let closed = false
  let waiting: (() => void)[] = []
  let refresh: Promise<void> | undefined
  let followers = 0

  const wakeAll = () => {
    generation += 1
    const woken = waiting
    waiting = []
    for (const resolve of woken) resolve()
  }

  const extendTail = async (cursor: number): Promise<void> => {
    const after = tail.at(-1)?.seq ?? (tailFrom === Number.MAX_SAFE_INTEGER ? cursor : tailFrom)
    const fresh = await read(after, batchItemsMax)
    if (tailFrom === Number.MAX_SAFE_INTEGER) tailFrom = after
    if (fresh.length === 0) return
    tail = tail.length + fresh.length > tailItemsMax * 2 ? [...tail.slice(-tailItemsMax), ...fresh] : tail.concat(fresh)
    const dropped = tail.length - tailItemsMax
    const lastDropped = dropped > 0 ? tail[dropped - 1] : undefined
    if (lastDropped !== undefined) {
      tailFrom = lastDropped.seq
      tail = tail.slice(dropped)
    }
  }

  const next = async (cursor: number): Promise<readonly Item[]> => {
    if (cursor < tailFrom && tailFrom !== Number.MAX_SAFE_INTEGER) return read(cursor, batchItemsMax)
    const last = tail.at(-1)
    if (last === undefined || cursor >= last.seq) {
      refresh ??= extendTail(cursor).finally(() => {
        refresh = undefined
      })
      await refresh
    }
    if (cursor < tailFrom) return read(cursor, batchItemsMax)
    const start = firstAfter(tail, cursor)
    return start === 0 && tail.length <= batchItemsMax ? tail : tail.slice(start, start + batchItemsMax)
  }

  async function* from(cursor: number, signal: AbortSignal): AsyncGenerator<readonly Item[]> {
    let position = cursor
    followers += 1
    const onAbort = () => wakeAll()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      while (!signal.aborted && !closed) {
        const seen = generation
        const batch = await next(position)
        const last = batch.at(-1)
        if (last !== undefined) {
          position = last.seq
          yield batch
        } else if (seen === generation && !signal.aborted && !closed) {
          await new Promise<void>(resolve => waiting.push(resolve))
        }
      }
    } finally {
      followers -= 1
      signal.removeEventListener('abort', onAbort)
    }
  }

  return {
    from,
    wake: wakeAll,
    close: () => {
      closed = true
      wakeAll()
    },
    count: () => followers,
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
