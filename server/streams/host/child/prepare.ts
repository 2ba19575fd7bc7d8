/** Batches that wait for their authorizer, run in one transaction that stays open until the house has decided. */
import type { Batch, BatchResult } from '../contract.ts'
import type { BatchKind } from '../protocol.ts'
import { faultOfFiles, sqlErrorText } from './errors.ts'
import { runNewEvent, runStateEvent, watchState } from './materialise.ts'
import type { Opened } from './opened.ts'

/**
 * Runs the batches, each whole or not at all, those that pass numbered densely. Leaves a transaction open when at least
 * one event passed. Throws only what is the files' fault, with nothing open.
 */
export function prepareBatches(
  opened: Opened,
  kind: BatchKind,
  batches: readonly Batch[],
): readonly BatchResult[] {
  // A batch that ended the whole transaction is left out when the others run again.
  const broken = new Map<number, string>()
  for (;;) {
    const results = attempt(opened, kind, batches, broken)
    if (results !== undefined) return results
  }
}

function attempt(
  opened: Opened,
  kind: BatchKind,
  batches: readonly Batch[],
  broken: Map<number, string>,
): readonly BatchResult[] | undefined {
  const { own, connection, position } = opened
  const start = kind === 'event' ? position.log : position.seq
  const run = kind === 'event' ? runEvents : runStateEvents
  const results: BatchResult[] = []
  let at = start
  connection.role = 'server'
  own.begin.run()
  const watch = kind === 'event' ? watchState(opened) : undefined
  try {
    for (const [index, batch] of batches.entries()) {
      const known = broken.get(index)
      const error = known ?? runOne(opened, () => run(opened, batch, at))
      if (error !== undefined && !connection.database.isTransaction) {
        broken.set(index, error)
        return undefined
      }
      if (error !== undefined) {
        results.push({ ok: false, error })
        continue
      }
      results.push({ ok: true, firstIdx: at + 1, lastIdx: at + batch.payloads.length })
      at += batch.payloads.length
    }
    connection.role = 'server'
    if (at === start) {
      own.rollback.run()
    } else if (kind === 'event') {
      watch?.keep(at)
      own.setModule.run(BigInt(at))
      opened.pending = { ...position, log: at, module: at }
    } else {
      own.setStateSeq.run(BigInt(at))
      opened.pending = { ...position, seq: at }
    }
    return results
  } catch (error) {
    rollBack(opened)
    throw error
  } finally {
    watch?.end()
  }
}

/** The error of one batch, its traces gone; undefined when it passed. */
function runOne(opened: Opened, run: () => void): string | undefined {
  const { own, connection } = opened
  connection.role = 'server'
  own.savepoint.run()
  try {
    run()
    connection.role = 'server'
    own.release.run()
    return undefined
  } catch (error) {
    connection.role = 'server'
    if (faultOfFiles(error) !== undefined) throw error
    if (connection.database.isTransaction) {
      own.rollbackTo.run()
      own.release.run()
    }
    return sqlErrorText(error)
  }
}

function runEvents(opened: Opened, { user, payloads, signature }: Batch, from: number): void {
  let idx = from
  for (const payload of payloads) {
    idx += 1
    runNewEvent(opened, { idx, user, payload, signature })
  }
}

function runStateEvents(opened: Opened, { user, payloads }: Batch): void {
  for (const payload of payloads) runStateEvent(opened, { kind: 'event', user, payload })
}

/** Ends what is open, if anything is. */
export function rollBack({ connection, own }: Opened): void {
  connection.role = 'server'
  if (connection.database.isTransaction) own.rollback.run()
}

/** Makes the tables show what was prepared. False when they could not: then they are behind, and catch up. */
export function commitPrepared(opened: Opened): boolean {
  const { pending, own, connection } = opened
  opened.pending = undefined
  if (pending === undefined) return true
  connection.role = 'server'
  try {
    own.commit.run()
    opened.position = pending
    return true
  } catch {
    // Whatever it was (a full disk): the log is the truth, and the next request tries again.
    rollBack(opened)
    return false
  }
}

/** Forgets what was prepared. */
export function abortPrepared(opened: Opened): void {
  opened.pending = undefined
  rollBack(opened)
}
