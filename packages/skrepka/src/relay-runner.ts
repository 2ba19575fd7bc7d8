/** Keeps one relay going: polls it when we have a mailbox there, and hands it what waits in the outbox. */
import { type Backoff, createBackoff } from './backoff.ts'
import type { RandomBytes } from './blob.ts'
import { type ClientClock, pause } from './capabilities.ts'
import { SkrepkaError } from './errors.ts'
import type { Batch } from './outbox.ts'
import type { RelaySession } from './relay-session.ts'
import { createWaker } from './waker.ts'
import type { PageAnswer } from './wire.ts'

/** How it goes with a relay, for people. */
export interface RelayStatus {
  readonly name: string
  /** Whether our mailbox is there; else it only takes what we send. */
  readonly home: boolean
  readonly state: 'connecting' | 'online' | 'offline'
  /** Why it is offline. */
  readonly problem: SkrepkaError | undefined
}

export interface RelayRunner {
  readonly status: () => RelayStatus
  /** There is something to send. */
  wakeSender(): void
  /** The network may be back: tries again at once. */
  nudge(): void
  stop(): Promise<void>
}

interface RelayRunnerOptions {
  readonly name: string
  /** Undefined: mail is not asked for here. */
  readonly mailbox:
    | { readonly session: RelaySession; cursor(): Promise<number>; keep(page: PageAnswer): Promise<void> }
    | undefined
  /** Sends by another session where senders are ephemeral. */
  readonly outgoing: {
    readonly session: () => RelaySession
    next(): Promise<Batch | undefined>
    settle(keys: readonly string[], taken: boolean): Promise<void>
  }
  readonly clock: ClientClock
  readonly random: RandomBytes
  readonly changed: () => void
  /** Our own store failed: nothing goes on. */
  readonly onFault: (error: unknown) => void
}

/** Pages that are empty at once come from a relay that does not hold polls; it is not asked more often than this. */
const pollMsMin = 1000

export function createRelayRunner(options: RelayRunnerOptions): RelayRunner {
  const { name, mailbox, outgoing, clock } = options
  const stopped = new AbortController()
  const { signal } = stopped
  const senderWaker = createWaker()
  let status: RelayStatus = { name, home: mailbox !== undefined, state: 'connecting', problem: undefined }
  let nudged = new AbortController()

  const tell = (state: RelayStatus['state'], problem?: SkrepkaError) => {
    if (status.state === state && status.problem?.message === problem?.message) return
    status = { ...status, state, problem }
    options.changed()
  }
  const rest = (delayMs: number) => pause(clock, delayMs, AbortSignal.any([signal, nudged.signal]))
  /** Waits after a failure of the relay; throws what is none. */
  const failed = async (error: unknown, backoff: Backoff) => {
    if (signal.aborted) return
    if (!(error instanceof SkrepkaError) || error.code === 'storage') throw error
    tell('offline', error)
    await rest(backoff.failed(error))
  }

  const poll = async () => {
    if (mailbox === undefined) return
    const backoff = createBackoff(options.random)
    while (!signal.aborted) {
      try {
        await mailbox.session.connect(signal)
        tell('online')
        const began = clock.now()
        const page = await mailbox.session.poll(await mailbox.cursor(), signal)
        await mailbox.keep(page)
        backoff.succeeded()
        tell('online')
        if (page.blobs.length === 0 && clock.now() - began < pollMsMin) await rest(pollMsMin)
      } catch (error) {
        await failed(error, backoff)
      }
    }
  }
  const send = async () => {
    const backoff = createBackoff(options.random)
    while (!signal.aborted) {
      const batch = await outgoing.next()
      if (batch === undefined) {
        await senderWaker.wait(signal)
        continue
      }
      try {
        await sendBatch(outgoing, batch, signal)
        backoff.succeeded()
        tell('online')
      } catch (error) {
        await failed(error, backoff)
      }
    }
  }
  const running = Promise.all([poll(), send()]).catch(error => {
    if (!signal.aborted) options.onFault(error)
  })
  return {
    status: () => status,
    wakeSender: senderWaker.wake,
    nudge: () => {
      const before = nudged
      nudged = new AbortController()
      before.abort()
      senderWaker.wake()
    },
    stop: async () => {
      stopped.abort()
      await running
    },
  }
}

/** Sends a batch; one that is refused for what it holds is taken apart, so that one bad blob does not stop the others. */
async function sendBatch(
  outgoing: RelayRunnerOptions['outgoing'],
  batch: Batch,
  signal: AbortSignal,
): Promise<void> {
  try {
    await outgoing.session().send(batch.messages, signal)
    await outgoing.settle(batch.keys, true)
  } catch (error) {
    const status = error instanceof SkrepkaError ? error.status : undefined
    if (status !== 400 && status !== 413) throw error
    if (batch.messages.length === 1) {
      await outgoing.settle(batch.keys, false)
      return
    }
    for (const [at, message] of batch.messages.entries()) {
      await sendBatch(outgoing, { keys: batch.keys.slice(at, at + 1), messages: [message] }, signal)
    }
  }
}
