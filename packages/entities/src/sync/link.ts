/**
 * One connection: frames out within the other side's credit, frames in on two lanes. On the lane of entries and payloads
 * nothing ever waits for credit, so that two sides that both send cannot wait for one another; on the other, questions
 * are answered one after another, each after all entries that came before it.
 */
import { MalformedError } from '@leaf/codec/errors'
import type { WillowReader } from '../willow/wire.ts'
import { type After, type FrameType, SyncError, syncLimits, type Transport } from './contract.ts'
import {
  byeFrame,
  encodeCredit,
  encodeError,
  openFrame,
  readCredit,
  readError,
  type Refused,
} from './frames.ts'
import { createInbox, type Received } from './inbox.ts'
import { createPatience } from './patience.ts'

/** Frames that need credit: those that are many, or make work. */
const counted: readonly FrameType[] = ['entries', 'payload']

/** Handles a frame. Of entries it may say what was refused: the other side is told with its credit. */
export type Handle = (type: FrameType, reader: WillowReader) => Promise<Refused | undefined>

export interface LinkOptions {
  readonly transport: Transport
  /** Without it, a silent other side is waited for for ever. */
  readonly after?: After | undefined
  readonly silenceMs?: number | undefined
  /** The other side has refused some of the entries that it was sent. */
  readonly onRefused?: (refused: Refused) => void
}

export interface Link {
  /** Sends a frame that is small and rare. */
  send(frame: Uint8Array): Promise<void>
  /** Sends one of entries or payloads, when the other side has room for it. */
  sendCounted(frame: Uint8Array): Promise<void>
  /** Resolves when everything that was sent with credit has been taken. Throws when the link ends before. */
  drained(): Promise<void>
  /** Whether nothing is under way, and no question of the other side is open. */
  quiet(): boolean
  /** Resolves with the next frame that has been handled, or with the end. */
  changed(): Promise<void>
  /** Waits for something that the other side owes; breaks the link when it stays silent. */
  expect<T>(promise: Promise<T>): Promise<T>
  /** Handles frames until the other side says bye or is gone. Throws SyncError. Called once. */
  run(handle: Handle): Promise<void>
  /** Makes `run` throw. */
  break(error: unknown): void
  /** Ends it, with a reason if there is one. Does not wait for the other side. */
  end(error?: SyncError): void
}

export function createLink(options: LinkOptions): Link {
  const { transport } = options
  const over = Promise.withResolvers<void>()
  const broken = Promise.withResolvers<never>()
  broken.promise.catch(() => undefined)
  const patience = createPatience(options.after, options.silenceMs ?? syncLimits.silenceMs, () =>
    breakWith(new SyncError('unavailable', 'the other side has been silent for too long')),
  )
  let credit: number = syncLimits.creditFrames
  let underWay = 0
  let ended = false
  let closed = false
  let waiters: (() => void)[] = []
  const taking = createInbox(syncLimits.creditFrames)
  const answering = createInbox(syncLimits.answersMax)

  const wakeAll = () => {
    const all = waiters
    waiters = []
    for (const wake of all) wake()
  }
  const changed = () => (ended ? Promise.resolve() : new Promise<void>(resolve => waiters.push(resolve)))
  const gone = () => new SyncError('closed', 'the connection has ended')
  /** From now on nothing is sent, and nobody waits. */
  const stop = () => {
    ended = true
    taking.close()
    answering.close()
    over.resolve()
    wakeAll()
  }
  const breakWith = (error: unknown) => {
    broken.reject(error)
    stop()
  }
  const send = async (frame: Uint8Array) => {
    if (ended) throw gone()
    try {
      await patience.expect(transport.send(frame))
    } catch {
      throw gone()
    }
  }
  /** That nothing could be sent any more is no fault of a frame. */
  const unlessGone = (handle: (frame: Received) => Promise<void>) => async (frame: Received) => {
    try {
      await handle(frame)
    } catch (error) {
      if (!(ended && error instanceof SyncError && error.code === 'closed')) throw error
    }
    queueMicrotask(wakeAll)
  }
  const takeCredit = (reader: WillowReader) => {
    const { frames: given, refused } = readCredit(reader)
    if (given === 0 || given > underWay)
      throw new SyncError('protocol', 'expected credit for frames that were sent')
    credit += given
    underWay -= given
    if (refused !== undefined) options.onRefused?.(refused)
    wakeAll()
  }
  /** Reads always, whatever is being handled, so that credit comes even to those who wait for it. */
  const receive = async () => {
    let received = 0
    for await (const frame of transport.frames) {
      if (ended) return
      patience.heard()
      const { type, reader } = openFrame(frame)
      if (type === 'bye') break
      if (type === 'error') {
        const { code, message } = readError(reader)
        throw new SyncError(code, message)
      }
      if (type === 'credit') takeCredit(reader)
      else if (counted.includes(type)) taking.put({ type, reader, after: received++ })
      else answering.put({ type, reader, after: received })
    }
    stop()
  }

  return {
    send,
    sendCounted: async frame => {
      while (credit === 0 && !ended) await patience.expect(changed())
      if (ended) throw gone()
      credit -= 1
      underWay += 1
      await send(frame)
    },
    drained: async () => {
      while (underWay > 0 && !ended) await patience.expect(changed())
      if (underWay > 0) throw gone()
    },
    quiet: () => underWay === 0 && answering.idle() && taking.idle(),
    changed,
    expect: promise => patience.expect(promise),
    run: async handle => {
      let taken = 0
      const take = unlessGone(async ({ type, reader }) => {
        // What came is kept even when the other side is gone by now.
        const refused = await handle(type, reader)
        taken += 1
        await send(encodeCredit({ frames: 1, refused }))
      })
      const answer = unlessGone(async ({ type, reader, after }) => {
        while (taken < after && !ended) await changed()
        if (!ended) await handle(type, reader)
      })
      try {
        await Promise.race([
          Promise.all([Promise.race([receive(), over.promise]), taking.drain(take), answering.drain(answer)]),
          broken.promise,
        ])
      } catch (error) {
        throw error instanceof MalformedError ? new SyncError('protocol', error.message) : error
      } finally {
        stop()
        patience.end()
      }
    },
    break: breakWith,
    end: error => {
      if (closed) return
      closed = true
      const frame = error === undefined ? byeFrame : encodeError(error.code, error.message)
      transport.send(frame).catch(() => undefined)
      stop()
      patience.end()
      transport.close()
    },
  }
}
