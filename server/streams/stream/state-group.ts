/** Runs one group of state events, or one clearing of the state, with the stream's lane alone. */
import { errorText } from './error-text.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Logger } from '../../kernel/log.ts'
import { insertStateEvents } from '../database/state-events.ts'
import { advanceStateHead, type StreamRecord } from '../database/streams.ts'
import type { StateEvent } from '../host/contract.ts'
import type { Waiting } from './append-queue.ts'
import { type StreamEntry, viewOf, wake } from './entry.ts'
import {
  checkNumbers,
  channelOf,
  type GroupDependencies,
  type GroupRunner,
  movedOn,
  orAbort,
  settle,
} from './group.ts'
import { streamFrozen } from './texts.ts'

/** Bytes that an entry of the journal takes beside its payload, about. */
const entryBytes = 64

/** Entries of a journal that wait for a checkpoint; beyond it nothing is added. */
const journalEventsMax = 100_000

export interface StateGroupDependencies extends GroupDependencies {
  /** Something was added to the journal. */
  readonly onJournal: (entry: StreamEntry) => void
}

export function createStateGroup(deps: StateGroupDependencies): GroupRunner {
  const { hosts, registry, onJournal } = deps
  const store = createStateStore(deps)
  return async (entry, group) => {
    const record = await registry.record(entry)
    if (record.frozen !== 0) throw streamFrozen()
    if (record.stateHead - record.stateKept >= journalEventsMax) throw journalFull()
    const prepared = await hosts.prepareState(viewOf(record), group)
    const made = await orAbort(prepared, async () => {
      checkNumbers(record.stateHead, group, prepared.results)
      return group.flatMap((item, index) => (prepared.results[index]?.ok === true ? eventsOf(item) : []))
    })
    if (made.length > 0) await orAbort(prepared, () => store(entry, record, made))
    settle(group, prepared.results)
    if (made.length === 0) {
      await prepared.abort()
      return
    }
    await prepared.commit()
    wake(entry)
    onJournal(entry)
  }
}

const journalFull = () =>
  new Refusal('unavailable', 'The state of this stream has changed too often lately', { retryAfterMs: 5000 })

/** Clearing is an entry of the journal like any other; the host applies it when it catches up. */
export function createClearGroup(deps: GroupDependencies & { readonly log: Logger }): GroupRunner {
  const { hosts, registry, log } = deps
  const store = createStateStore(deps)
  return async (entry, group) => {
    const record = await registry.record(entry)
    if (record.frozen !== 0) throw streamFrozen()
    const after = await store(entry, record, [{ kind: 'clear', user: '', payload: new Uint8Array(0) }])
    for (const item of group) item.resolve({ firstIdx: 0, lastIdx: 0 })
    try {
      await hosts.catchUp(viewOf(after))
    } catch (error) {
      // It is stored, so it holds; whoever asks the stream next is told what is wrong with its module.
      log.warn({ stream: entry.did, error: errorText(error) }, 'could not clear the state at once')
    }
    wake(entry)
  }
}

type Unnumbered = Pick<StateEvent, 'kind' | 'user' | 'payload'>

function eventsOf({ user, payloads }: Waiting): readonly Unnumbered[] {
  return payloads.map(payload => ({ kind: 'event' as const, user, payload }))
}

function createStateStore({ database, node }: GroupDependencies) {
  return async (entry: StreamEntry, record: StreamRecord, made: readonly Unnumbered[]) => {
    const { id, head: afterIdx, stateHead: from } = record
    const events = made.map((event, index) => ({ ...event, seq: from + 1 + index, afterIdx }))
    const to = from + events.length
    const stored = await database.write(async tx => {
      if (!(await advanceStateHead(tx, { id, node, from, to }))) return false
      await insertStateEvents(tx, id, events)
      tx.notify(channelOf(id))
      return true
    })
    if (!stored) throw movedOn()
    const after = { ...record, stateHead: to }
    entry.record = after
    for (const { payload } of events) entry.journalBytes += payload.length + entryBytes
    return after
  }
}
