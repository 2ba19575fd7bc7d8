/** One connection: frames out within the other side's credit, frames in with credit given back. */
import { MalformedError } from '@leaf/codec/errors'
import { SyncError, syncLimits, type Transport } from './contract.ts'
import { byeFrame, encodeCredit, encodeError, openFrame, readCredit, readError } from './frames.ts'
import type { FrameType } from './contract.ts'
import type { WillowReader } from '../willow/wire.ts'

/** Frames that need credit: those that are many, or make work. */
const counted: readonly FrameType[] = ['entries', 'payload']

export interface Link {
  /** Sends a frame that is small and rare. */
  send(frame: Uint8Array): Promise<void>
  /** Sends one of entries or payloads, when the other side has room for it. */
  sendCounted(frame: Uint8Array): Promise<void>
  /** Resolves when everything that was sent with credit has been taken. Throws when the link ends before. */
  drained(): Promise<void>
  /** Runs `handle` for every frame, one after another, until the other side says bye or is gone. Throws SyncError. */
  run(handle: (type: FrameType, reader: WillowReader) => Promise<void>): Promise<void>
  /** Ends it, with a reason if there is one. */
  end(error?: SyncError): Promise<void>
}

export function createLink(transport: Transport): Link {
  let credit: number = syncLimits.creditFrames
  let underWay = 0
  let ended = false
  let waiters: (() => void)[] = []
  const wakeAll = () => {
    const all = waiters
    waiters = []
    for (const wake of all) wake()
  }
  const changed = () => new Promise<void>(resolve => waiters.push(resolve))
  const gone = () => new SyncError('closed', 'the connection has ended')
  const send = async (frame: Uint8Array) => {
    if (ended) throw gone()
    try {
      await transport.send(frame)
    } catch {
      throw gone()
    }
  }

  /** Reads on while a frame is being handled, so that credit comes even to a handler that waits for it. */
  const receive = async (inbox: Inbox) => {
    try {
      for await (const frame of transport.frames) {
        const { type, reader } = openFrame(frame)
        if (type === 'bye') break
        if (type === 'error') {
          const { code, message } = readError(reader)
          throw new SyncError(code, message)
        }
        if (type === 'credit') takeCredit(readCredit(reader))
        else inbox.put({ type, reader })
      }
    } catch (error) {
      inbox.fail(translated(error))
    } finally {
      inbox.close()
      // Whoever waits for credit waits in vain from now on.
      ended = true
      wakeAll()
    }
  }
  const takeCredit = (given: number) => {
    if (given === 0 || given > underWay)
      throw new SyncError('protocol', 'expected credit for frames that were sent')
    credit += given
    underWay -= given
    wakeAll()
  }

  return {
    send,
    sendCounted: async frame => {
      while (credit === 0 && !ended) await changed()
      if (ended) throw gone()
      credit -= 1
      underWay += 1
      await send(frame)
    },
    drained: async () => {
      while (underWay > 0 && !ended) await changed()
      if (underWay > 0) throw gone()
    },
    run: async handle => {
      const inbox = createInbox()
      const pump = receive(inbox)
      try {
        for (let next = await inbox.take(); next !== undefined; next = await inbox.take()) {
          await handle(next.type, next.reader)
          if (counted.includes(next.type)) await send(encodeCredit(1))
        }
        await pump
      } catch (error) {
        throw translated(error)
      } finally {
        ended = true
        inbox.close()
        wakeAll()
      }
    },
    end: async error => {
      if (!ended) {
        const frame = error === undefined ? byeFrame : encodeError(error.code, error.message)
        await send(frame).catch(() => undefined)
      }
      ended = true
      wakeAll()
      transport.close()
    },
  }
}

/** What came was wrong: the other side is told so. */
function translated(error: unknown): unknown {
  return error instanceof MalformedError ? new SyncError('protocol', error.message) : error
}

interface Received {
  readonly type: FrameType
  readonly reader: WillowReader
}

interface Inbox {
  /** Throws SyncError when the other side sends more than it may have under way. */
  put(frame: Received): void
  /** The next frame; undefined when there will be none. Throws what `fail` was given, after all frames before it. */
  take(): Promise<Received | undefined>
  fail(error: unknown): void
  close(): void
}

/** Frames that may wait: those with credit, a round of ranges, and what is small and rare. */
const waitingMax = 64
const waitingBytesMax = 8 * 1024 * 1024

function createInbox(): Inbox {
  const frames: Received[] = []
  let bytes = 0
  let closed = false
  let failure: { readonly error: unknown } | undefined
  let wake = () => {}
  return {
    put: frame => {
      bytes += frame.reader.bytes.length
      if (frames.length >= waitingMax || bytes > waitingBytesMax)
        throw new SyncError('protocol', 'expected no more frames than there was credit for')
      frames.push(frame)
      wake()
    },
    take: async () => {
      while (frames.length === 0) {
        if (failure !== undefined) throw failure.error
        if (closed) return undefined
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
      const frame = frames.shift()
      bytes -= frame?.reader.bytes.length ?? 0
      return frame
    },
    fail: error => {
      failure = { error }
      wake()
    },
    close: () => {
      closed = true
      wake()
    },
  }
}
