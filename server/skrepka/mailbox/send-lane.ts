/** Sends of one moment share a transaction, and within it their statements: one fsync, a few statements, many answers. */
import type { Tx } from '../../kernel/storage/database.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { KeyHex, Mesh, ServerName } from '../contract.ts'
import type { Append, Batch, BatchOutcome, Taken } from './append.ts'
import type { BoxMap, Boxes } from './boxes.ts'

/** Of one transaction; one batch alone may be larger. */
const messagesMax = 1000
const bytesMax = 32 * 1024 * 1024
/** Batches that may wait; beyond it a send is refused. */
const waitingMax = 10_000

interface Job {
  readonly batch: Batch
  readonly resolve: (outcome: BatchOutcome) => void
  readonly reject: (error: unknown) => void
}

export interface SendLane {
  /** Appends a batch whole or not at all; resolves when it is durable, or known to be full. */
  send(batch: Batch): Promise<BatchOutcome>
  waiting(): number
}

export interface SendLaneDependencies {
  /** Whether this process is the only one that writes: then a transaction also takes what comes until it begins. */
  readonly isOnlyWriter: boolean
  readonly boxes: Boxes
  readonly append: Append
  readonly stage: Mesh['stage']
  /** After the commit: mail that was stored, and relays to try at once. */
  readonly stored: (messages: readonly Exclude<Taken, 'duplicate'>[], servers: readonly ServerName[]) => void
}

interface Result {
  readonly outcomes: readonly BatchOutcome[]
  readonly stored: readonly Exclude<Taken, 'duplicate'>[]
  readonly servers: readonly ServerName[]
}

export function createSendLane(deps: SendLaneDependencies): SendLane {
  const { boxes, append, stage } = deps
  let waiting: Job[] = []
  let isWriting = false

  /** Takes as many from the front as one transaction may have. */
  const take = (): Job[] => {
    let messages = 0
    let bytes = 0
    let end = 0
    for (const { batch } of waiting) {
      messages += batch.length
      for (const { blob } of batch) bytes += blob.length
      if (end > 0 && (messages > messagesMax || bytes > bytesMax)) break
      end += 1
    }
    const jobs = waiting.slice(0, end)
    waiting = waiting.slice(end)
    return jobs
  }

  const run = async (tx: Tx, map: BoxMap, jobs: readonly Job[]): Promise<Result> => {
    const outcomes = await append(
      tx,
      map,
      jobs.map(job => job.batch),
    )
    const stored: Exclude<Taken, 'duplicate'>[] = []
    for (const outcome of outcomes) {
      if (outcome.kind === 'full') continue
      for (const message of outcome.messages) if (message !== 'duplicate') stored.push(message)
    }
    const servers = stored.length === 0 ? [] : await stage(tx, stored)
    return { outcomes, stored, servers }
  }

  const write = async (): Promise<void> => {
    // Taken once, also when the transaction runs again.
    let jobs: Job[] | undefined = deps.isOnlyWriter ? undefined : take()
    const recipients = () => recipientsOf((jobs ??= take()))
    try {
      const options = jobs === undefined ? { create: true } : { create: true, locks: [...recipientsOf(jobs)] }
      const { outcomes, stored, servers } = await boxes.change(recipients, options, (tx, map) =>
        run(tx, map, jobs ?? []),
      )
      if (stored.length > 0) deps.stored(stored, servers)
      for (const [index, outcome] of outcomes.entries()) jobs?.[index]?.resolve(outcome)
    } catch (error) {
      // Those that were not taken yet would have met the same.
      for (const job of jobs ?? take()) job.reject(error)
    }
  }

  const drain = async (): Promise<void> => {
    isWriting = true
    while (waiting.length > 0) await write()
    isWriting = false
  }

  return {
    send: batch =>
      new Promise((resolve, reject) => {
        if (waiting.length >= waitingMax) {
          throw new Refusal('unavailable', 'too many sends are waiting', { retryAfterMs: 1000 })
        }
        waiting.push({ batch, resolve, reject })
        if (!isWriting) void drain()
      }),
    waiting: () => waiting.length,
  }
}

function recipientsOf(jobs: readonly Job[]): Set<KeyHex> {
  const keys = new Set<KeyHex>()
  for (const { batch } of jobs) for (const { to } of batch) keys.add(to)
  return keys
}
