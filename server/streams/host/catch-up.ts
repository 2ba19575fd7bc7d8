/** What a target lacks, in the order in which it happened. */
import type { HostSources, LogEvent, StateEvent } from './contract.ts'
import { catchUpBytesMax, catchUpItemsMax } from './limits.ts'
import type { CatchUpItem, Position } from './protocol.ts'

export interface CatchUpRange {
  readonly did: string
  readonly head: number
  readonly stateHead: number
}

/** The next events and entries of the journal after a position, bounded. Throws when the log ends before its head. */
export async function readCatchUp(
  sources: HostSources,
  { did, head, stateHead }: CatchUpRange,
  at: Position,
): Promise<readonly CatchUpItem[]> {
  const after = Math.min(at.log, at.module)
  const events = after < head ? await sources.events(did, after, catchUpItemsMax, catchUpBytesMax) : []
  const entries =
    at.seq < stateHead ? await sources.stateEvents(did, at.seq, catchUpItemsMax, catchUpBytesMax) : []
  const items = inOrder(
    events.filter(event => event.idx <= head),
    entries.filter(entry => entry.seq <= stateHead),
    { after, head },
  )
  const first = events[0]
  if (items.length === 0 || (first !== undefined && first.idx !== after + 1))
    throw new Error(`the log of ${did} does not go on after ${after}, though its head is ${head}`)
  return items
}

/** An entry comes after the event that was the head when it was accepted. */
function inOrder(
  events: readonly LogEvent[],
  entries: readonly StateEvent[],
  { after, head }: { readonly after: number; readonly head: number },
): readonly CatchUpItem[] {
  const items: CatchUpItem[] = []
  let next = 0
  const addEntriesUpTo = (idx: number) => {
    for (let entry = entries[next]; entry !== undefined && entry.afterIdx <= idx; entry = entries[next]) {
      items.push({ kind: 'state', entry })
      next += 1
    }
  }
  addEntriesUpTo(after)
  for (const event of events) {
    items.push({ kind: 'event', event })
    addEntriesUpTo(event.idx)
  }
  const last = events.at(-1)?.idx ?? after
  if (last >= head) addEntriesUpTo(Number.MAX_SAFE_INTEGER)
  return items
}
