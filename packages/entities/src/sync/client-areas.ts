/** How a client brings one area after another to the same state as the server's. */
import type { EntryStore, StoredEntry } from '../store/contract.ts'
import type { AreaView } from './area-view.ts'
import type { ArrivalSet } from './arrival-set.ts'
import type { ClientAnswers } from './client-answers.ts'
import { SyncError } from './contract.ts'
import { type AreaRequest, encodeSince } from './frames.ts'
import type { Link } from './link.ts'
import type { Payloads } from './payloads.ts'
import { askRounds } from './rounds.ts'
import type { AreaNote, SyncNotes } from './sync-notes.ts'

/** An area that is served. */
export interface OpenedArea {
  /** Its number on the wire. */
  readonly index: number
  readonly request: AreaRequest
  readonly view: AreaView
  /** Undefined: it was not synced yet. */
  note: AreaNote | undefined
}

export interface ClientAreasOptions {
  readonly store: EntryStore
  readonly link: Link
  readonly notes: SyncNotes
  readonly answers: ClientAnswers
  readonly payloads: Payloads
  /** Arrivals that came from the server. */
  readonly heard: ArrivalSet
  readonly counts: { sent: number; received: number; rounds: number }
  readonly sendEntries: (entries: readonly StoredEntry[]) => Promise<number>
  readonly onRound: () => void
}

export interface ClientAreas {
  sync(area: OpenedArea): Promise<void>
  /** Tells the server what came here since it was last told; gives whether it was told anything. */
  push(area: OpenedArea): Promise<boolean>
}

const arrivalsAtOnce = 512

export function createClientAreas(options: ClientAreasOptions): ClientAreas {
  const { store, link, notes, answers, payloads, heard, counts } = options
  const send = async (entries: readonly StoredEntry[]) => {
    counts.sent += await options.sendEntries(entries)
  }
  /** Sends what came here after `told`, and not from the server; gives how far that reaches. */
  const sendFresh = async ({ view }: OpenedArea, told: number): Promise<number> => {
    let arrival = told
    while ((await store.lastArrival()) > arrival) {
      const fresh = await store.arrivals(view.namespace, arrival, arrivalsAtOnce)
      await send(fresh.filter(one => view.includes(one.entry) && !heard.has(one.arrival)))
      arrival = fresh.at(-1)?.arrival ?? arrival
      if (fresh.length < arrivalsAtOnce) break
    }
    return arrival
  }
  type Heard = Pick<AreaNote, 'epoch' | 'heard'>
  const catchUp = async (index: number, known: Heard | undefined, owed: boolean): Promise<Heard> => {
    await link.send(encodeSince({ area: index, epoch: known?.epoch, arrival: known?.heard ?? 0, owed }))
    const since = await answers.since()
    if (since.area !== index || since.epoch === undefined)
      throw new SyncError('protocol', 'expected to hear how far the area is')
    return { epoch: since.epoch, heard: since.arrival }
  }
  const reconcile = (area: OpenedArea) =>
    askRounds({
      link,
      area: area.index,
      view: area.view,
      take: () => answers.ranges(),
      send: async keys => send(await area.view.entriesAt(keys)),
      onRound: () => {
        counts.rounds += 1
        options.onRound()
      },
    })

  return {
    sync: async area => {
      const { index, request, view } = area
      const known = await notes.load(request)
      const owed = await notes.owed(request)
      const { sent, received } = counts
      let reached = await catchUp(index, known, owed)
      // A note of another epoch says nothing: the server may have lost what it was told.
      const told = known?.epoch === reached.epoch ? known.told : await store.lastArrival()
      const pushed = await sendFresh(area, told)
      // Only when the server has taken it all do sums tell what is still different.
      await link.drained()
      await reconcile(area)
      // What was written here meanwhile, and how far the server has come by what it was sent.
      const last = await sendFresh(area, pushed)
      await link.drained()
      if (counts.sent > sent || counts.received > received) reached = await catchUp(index, reached, false)
      if (owed) await payloads.sweep(view)
      area.note = { ...reached, told: last }
      await notes.save(request, area.note)
    },
    push: async area => {
      const { note } = area
      if (note === undefined) return false
      const told = await sendFresh(area, note.told)
      if (told === note.told) return false
      await link.drained()
      // The server may have told how far it is while its side was drained.
      area.note = { ...(area.note ?? note), told }
      await notes.save(area.request, area.note)
      return true
    },
  }
}
