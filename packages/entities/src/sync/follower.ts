/** Tells a client what has arrived here since it last heard, once and then as it comes. */
import type { EntryStore, StoredEntry } from '../store/contract.ts'
import type { AreaView } from './area-view.ts'
import type { ArrivalSet } from './arrival-set.ts'
import { SyncError } from './contract.ts'
import { encodeSince, type Since } from './frames.ts'
import type { Link } from './link.ts'

export interface FollowerOptions {
  readonly store: EntryStore
  readonly link: Link
  /** Arrivals that came from the client. */
  readonly heard: ArrivalSet
  /** Throws SyncError for an area that is not served. */
  readonly viewOf: (area: number) => AreaView
  readonly send: (entries: readonly StoredEntry[]) => Promise<number>
}

export interface Follower {
  /** Sends what came after what the client knows of, and says how far that reaches. */
  catchUp(from: Since): Promise<void>
  /** Goes on in these areas, from where they were caught up. Throws SyncError for one that was not. */
  follow(areas: readonly number[]): void
  close(): void
}

/** Entries read at once. */
const arrivalsAtOnce = 512
/** Arrivals of others that pass before a client is told how far it has heard, though nothing came for it. */
const silentArrivals = 1024

interface Reached {
  readonly epoch: string
  readonly arrival: number
  /** What the client was told last. */
  readonly told: number
}

export function createFollower({ store, link, heard, viewOf, send }: FollowerOptions): Follower {
  const reached = new Map<number, Reached>()
  const live = new Set<number>()
  let stopListening: (() => void) | undefined
  let dirty = false
  let pushing = false

  const sendFresh = async (area: number, from: number): Promise<{ arrival: number; sent: number }> => {
    const view = viewOf(area)
    let arrival = from
    let sent = 0
    while ((await store.lastArrival()) > arrival) {
      const fresh = await store.arrivals(view.namespace, arrival, arrivalsAtOnce)
      sent += await send(fresh.filter(one => view.includes(one.entry) && !heard.has(one.arrival)))
      arrival = fresh.at(-1)?.arrival ?? arrival
      if (fresh.length < arrivalsAtOnce) break
    }
    return { arrival, sent }
  }
  const tell = async (area: number, epoch: string, arrival: number) => {
    await link.send(encodeSince({ area, epoch, arrival, owed: false }))
    reached.set(area, { epoch, arrival, told: arrival })
  }
  const pushAll = async () => {
    const epoch = await store.epoch()
    for (const area of live) {
      const last = reached.get(area)
      if (last === undefined || last.epoch !== epoch)
        throw new SyncError('unavailable', 'the store was restored: begin again')
      const { arrival, sent } = await sendFresh(area, last.arrival)
      if (sent > 0 || arrival - last.told >= silentArrivals) await tell(area, epoch, arrival)
      else reached.set(area, { ...last, arrival })
    }
  }
  const push = async () => {
    if (pushing) return
    pushing = true
    try {
      while (dirty) {
        dirty = false
        await pushAll()
      }
    } catch (error) {
      link.break(error)
    } finally {
      pushing = false
    }
  }
  const wake = () => {
    dirty = true
    void push()
  }

  return {
    catchUp: async ({ area, epoch: known, arrival: from }) => {
      const epoch = await store.epoch()
      if (known !== epoch) return tell(area, epoch, await store.lastArrival())
      const { arrival } = await sendFresh(area, from)
      return tell(area, epoch, arrival)
    },
    follow: areas => {
      for (const area of areas) {
        if (!reached.has(area))
          throw new SyncError('protocol', `expected area ${area} to be caught up before it is followed`)
        live.add(area)
      }
      stopListening ??= store.listen(wake)
      wake()
    },
    close: () => {
      stopListening?.()
      live.clear()
    },
  }
}
