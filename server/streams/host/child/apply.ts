/** Brings a target up to the log: events that were accepted before, and entries of the state journal between them. */
import type { LogEvent } from '../contract.ts'
import type { CatchUpItem } from '../protocol.ts'
import { faultOfFiles, messageOf } from './errors.ts'
import { appendToMirror } from './files.ts'
import { insertEvent, runOldEvent, runStateEvent, watchState } from './materialise.ts'
import { beginAt, type Opened } from './opened.ts'
import { rollBack } from './prepare.ts'

export interface Applied {
  /** How many of the items are in the tables now. */
  readonly count: number
  /** Why the next one cannot be. */
  readonly error: string | undefined
  /** The scratch copy of the state has served; open again. */
  readonly reopen: boolean
}

/** Applies as many items as the time allows, at least one, in one transaction. */
export function applyItems(opened: Opened, items: readonly CatchUpItem[], inTime: () => boolean): Applied {
  if (opened.target.build) mirrorForBuild(opened, items)
  const first = run(opened, items, items.length, inTime)
  if (first.error === undefined || first.count === 0) return first
  // What came before the one that failed stands.
  const before = run(opened, items, first.count, () => true)
  return { ...before, error: before.error ?? first.error }
}

function run(
  opened: Opened,
  items: readonly CatchUpItem[],
  countMax: number,
  inTime: () => boolean,
): Applied {
  const { own, connection } = opened
  let position = opened.position
  let count = 0
  let reopen = false
  beginAt(opened)
  const watch = watchState(opened)
  try {
    for (const item of items) {
      if (count >= countMax || (count > 0 && !inTime())) break
      if (opened.scratchUpTo !== undefined && isBeyond(item, opened.scratchUpTo)) {
        reopen = true
        break
      }
      position = runItem(opened, item, position)
      count += 1
    }
    connection.role = 'server'
    watch?.keep(position.module)
    if (position.module !== opened.position.module) own.setModule.run(BigInt(position.module))
    if (position.seq !== opened.position.seq) own.setStateSeq.run(BigInt(position.seq))
    own.commit.run()
    opened.position = position
    return { count, error: undefined, reopen }
  } catch (error) {
    rollBack(opened)
    if (faultOfFiles(error) !== undefined) throw error
    return { count, error: messageOf(error), reopen: false }
  } finally {
    watch?.end()
  }
}

/** Beyond what the true state has: then it is the true one that must be used. */
function isBeyond(item: CatchUpItem, upTo: number): boolean {
  return item.kind === 'state' || item.event.idx > upTo
}

function runItem(opened: Opened, item: CatchUpItem, position: Opened['position']): Opened['position'] {
  if (item.kind === 'state') {
    if (item.entry.seq <= position.seq) return position
    runStateEvent(opened, item.entry)
    return { ...position, seq: item.entry.seq }
  }
  const { event } = item
  let { log, module } = position
  if (event.idx > log) {
    opened.connection.role = 'server'
    insertEvent(opened, event)
    log = event.idx
  }
  if (event.idx > module) {
    runOldEvent(opened, event)
    module = event.idx
  }
  return { ...position, log, module }
}

/** A build only reads the mirror; what it lacks is written beside it. */
function mirrorForBuild(opened: Opened, items: readonly CatchUpItem[]): void {
  const missing: LogEvent[] = []
  for (const item of items)
    if (item.kind === 'event' && item.event.idx > opened.position.log) missing.push(item.event)
  if (missing.length === 0) return
  const log = appendToMirror(opened.files.events, missing)
  opened.position = { ...opened.position, log }
}
