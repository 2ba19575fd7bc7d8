/** Batches that wait for their authorizer, run in one transaction that stays open until the house has decided. */
import type { Batch, BatchResult } from '../contract.ts'
import type { BatchKind } from '../protocol.ts'
import { faultOfFiles, sqlErrorText } from './errors.ts'
import { runNewEvent, runStateEvent, type StateWatch, watchState } from './materialise.ts'
import { beginAt, type Opened, type Preparing } from './opened.ts'

/**
 * Runs the batches, each whole or not at all, those that pass numbered densely. Leaves a transaction open when at least
 * one event passed. Throws only what is the files' fault, with nothing open; returning early leaves nothing open either.
 */
export function* prepareBatches(opened: Opened, kind: BatchKind, batches: readonly Batch[]): Preparing {
  // A batch that ended the whole transaction is left out when the others run again.
  const broken = new Map<number, string>()
  for (;;) {
    const results = yield* attempt(opened, kind, batches, broken)
    if (results !== undefined) return results
  }
}

type Steps<T> = Generator<undefined, T>

function* attempt(
  opened: Opened,
  kind: BatchKind,
  batches: readonly Batch[],
  broken: Map<number, string>,
): Steps<readonly BatchResult[] | undefined> {
  const { connection, position } = opened
  const start = kind === 'event' ? position.log : position.seq
  const results: BatchResult[] = []
  let at = start
  let isComplete = false
  beginAt(opened)
  const watch = kind === 'event' ? watchState(opened) : undefined
  try {
    for (const [index, batch] of batches.entries()) {
      const error = broken.get(index) ?? (yield* runBatch(opened, kind, batch, at))
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
    if (at > start) opened.pending = finish(opened, kind, at, watch)
    isComplete = at > start
    return results
  } finally {
    watch?.end()
    if (!isComplete) rollBack(opened)
  }
}

/** Writes how far the tables are, in the transaction that brought them there. */
function finish(
  { own, position }: Opened,
  kind: BatchKind,
  at: number,
  watch: StateWatch | undefined,
): Opened['pending'] {
  if (kind === 'state') {
    own.setStateSeq.run(BigInt(at))
    return { ...position, seq: at }
  }
  watch?.keep(at)
  own.setModule.run(BigInt(at))
  return { ...position, log: at, module: at }
}

/** The error of one batch, its traces gone; undefined when it passed. */
function* runBatch(opened: Opened, kind: BatchKind, batch: Batch, from: number): Steps<string | undefined> {
  const { own, connection } = opened
  const { user, payloads, signature } = batch
  connection.role = 'server'
  own.savepoint.run()
  try {
    let idx = from
    for (const payload of payloads) {
      idx += 1
      if (kind === 'event') runNewEvent(opened, { idx, user, payload, signature })
      else runStateEvent(opened, { kind: 'event', user, payload })
      yield
    }
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

/** Forgets what was prepared, or is being. */
export function abortPrepared(opened: Opened): void {
  opened.preparing?.return([])
  opened.preparing = undefined
  opened.pending = undefined
  rollBack(opened)
}
