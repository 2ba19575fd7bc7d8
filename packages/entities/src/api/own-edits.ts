/** What others wrote at the same time as we: their states are looked at when they come, and our edits made again on them. */
import { william3 } from '@leaf/codec/william3'
import { roleOf } from '../leaf/entity-path.ts'
import type { AuthorisedEntry } from '../meadowcap/verify.ts'
import type { EntryStore, IngestOutcome } from '../store/contract.ts'
import { nameOf } from '../store/keys.ts'
import type { Entry } from '../willow/entry.ts'
import { equalBytes } from '../willow/path.ts'
import type { Editor, TheirState } from './editor.ts'
import type { Pending } from './pending.ts'
import type { Place } from './place.ts'

export interface OwnEditsDependencies {
  readonly store: EntryStore
  readonly pending: Pending
  readonly editor: Editor
}

/** Their states that wait for their bytes. */
const theirsMax = 1000

interface Theirs {
  readonly place: Place
  readonly stands: boolean
}

/** The store as whoever brings entries sees it: what comes for an entity with pending edits is looked at. */
export function createOwnEdits({ store, pending, editor }: OwnEditsDependencies) {
  const theirs = new Map<string, Theirs>()
  /** Snapshots that are here, and whose components are not. */
  let incomplete: (Theirs & TheirState)[] = []
  let reached = 0
  let last: Promise<void> = Promise.resolve()

  const tryAll = async () => {
    const all = incomplete
    incomplete = []
    for (const one of all) {
      // An edit that could not be made again is made again with the next state that comes.
      const done = await editor.reapply(one.place, one).catch(() => true)
      if (!done) incomplete.push(one)
    }
  }
  /** Once more after everything that has begun; nobody waits for it before the end. */
  const again = () => {
    if (incomplete.length > 0) last = last.then(tryAll)
  }

  const look = async (entry: Entry, outcome: IngestOutcome): Promise<IngestOutcome> => {
    const role = roleOf(entry.path)
    if (role.kind !== 'entity' || entry.payloadLength === 0n) return outcome
    if (outcome.kind !== 'stored' && outcome.kind !== 'obsolete') return outcome
    const place = { namespace: entry.namespace, subspace: entry.subspace, path: role.path }
    const full = theirs.size >= theirsMax || incomplete.length >= theirsMax
    if (full || (await pending.at(place)) === undefined) return outcome
    const stands = outcome.kind === 'stored'
    theirs.set(nameOf(entry.digest), { place, stands })
    // What is older than ours is asked for all the same: it may have what ours does not.
    return stands ? outcome : { kind: 'known' }
  }
  const wrapped: EntryStore = {
    ...store,
    ingest: async (entries, options) => {
      const outcomes = await store.ingest(entries, options)
      return Promise.all(outcomes.map((outcome, index) => lookAt(entries[index], outcome)))
    },
    putPayload: async (digest, bytes) => {
      const kept = await store.putPayload(digest, bytes)
      const found = theirs.get(nameOf(digest))
      const fits = found !== undefined && equalBytes(william3(bytes), digest)
      if (fits) {
        theirs.delete(nameOf(digest))
        incomplete.push({ ...found, snapshot: bytes })
      }
      again()
      return kept || fits
    },
    arrivals: async (namespace, after, limit) => {
      reached = await store.lastArrival()
      return store.arrivals(namespace, after, limit)
    },
    lastArrival: async () => {
      reached = await store.lastArrival()
      return reached
    },
  }
  const lookAt = (one: AuthorisedEntry | undefined, outcome: IngestOutcome) =>
    one === undefined ? Promise.resolve(outcome) : look(one.entry, outcome)
  return { store: wrapped, reached: () => reached, settled: () => last }
}
