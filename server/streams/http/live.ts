/** Waiting for events over HTTP: long polls, and server-sent events. */
import type { ServerResponse } from 'node:http'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Streams } from '../stream/contract.ts'
import { jsonOfEvent } from './event-form.ts'
import { corsHeaders, type Read, sseType } from './request.ts'

export interface Live {
  /** Waits for something past `after`, for a while; gives the head. */
  poll(read: Read, after: number, head: number): Promise<number>
  /** Sends every event past `after`, or past the `Last-Event-ID` of one who comes back, until she goes. */
  follow(read: Read, after: number): Promise<void>
  /** Readers that wait now. */
  count(): number
  /** Ends all of them. */
  stop(): void
}

/** How long a poll is held. */
const pollMs = 25_000
/** How often a quiet line is kept from being taken for a dead one. */
const heartbeatMs = 15_000
/** After this long a reader is let go, to come back by herself. */
const followMsMax = 3_600_000
const batchEventsMax = 200
const batchBytesMax = 1024 * 1024

interface LiveOptions {
  readonly streams: Pick<Streams, 'readLog' | 'waitPast'>
  readonly clock: Clock
  readonly readersMax: number
  readonly readersPerAddressMax: number
}

/** Nobody waits yet. */
export function createLive(options: LiveOptions): Live {
  const { streams, clock } = options
  const readers = createReaders(options)
  const stopping = new AbortController()

  const endOf = (read: Read, ms: number) => {
    const timeout = new AbortController()
    const cancel = clock.after(ms, () => timeout.abort())
    return { signal: AbortSignal.any([read.signal, stopping.signal, timeout.signal]), cancel }
  }
  const poll = async (read: Read, after: number, head: number): Promise<number> => {
    if (head > after) return head
    const leave = readers.enter(read.address)
    const { signal, cancel } = endOf(read, pollMs)
    try {
      return await streams.waitPast(read.stream, after, signal)
    } finally {
      cancel()
      leave()
    }
  }
  const follow = async (read: Read, after: number): Promise<void> => {
    const leave = readers.enter(read.address)
    const { signal, cancel } = endOf(read, followMsMax)
    const { response } = read
    response.writeHead(200, {
      ...corsHeaders,
      'content-type': sseType,
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    const cancelHeartbeat = clock.every(heartbeatMs, () => {
      // One who does not read needs no sign of life.
      if (!response.writableNeedDrain) response.write(': \n\n')
    })
    try {
      // Says at once that it works, and how soon to come back.
      response.write('retry: 2000\n\n')
      await pump(read, lastEventIdOf(read) ?? after, signal)
    } finally {
      cancelHeartbeat()
      cancel()
      leave()
      response.end()
    }
  }
  const pump = async (read: Read, after: number, signal: AbortSignal): Promise<void> => {
    let cursor = after
    while (!signal.aborted) {
      const events = await streams.readLog(read.stream, cursor, batchEventsMax, batchBytesMax)
      for (const event of events) {
        cursor = event.idx
        await write(read.response, `id: ${event.idx}\ndata: ${jsonOfEvent(event)}\n\n`, signal)
        if (signal.aborted) return
      }
      if (events.length === 0) await streams.waitPast(read.stream, cursor, signal)
    }
  }
  return { poll, follow, count: readers.count, stop: () => stopping.abort() }
}

/** Resolves when the reader takes more, or has gone. */
function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (response.write(text) || signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    response.once('drain', done)
    response.once('close', done)
    signal.addEventListener('abort', done)
  })
}

/** Where one who was cut off goes on. What is no idx is ignored, as browsers send back whatever they got. */
function lastEventIdOf({ request }: Read): number | undefined {
  const id = request.headers['last-event-id']
  if (typeof id !== 'string' || !/^\d{1,15}$/.test(id)) return undefined
  return Number(id)
}

function createReaders({ readersMax, readersPerAddressMax }: LiveOptions) {
  const byAddress = new Map<string, number>()
  let all = 0
  return {
    count: () => all,
    enter: (address: string): (() => void) => {
      const here = byAddress.get(address) ?? 0
      if (all >= readersMax || here >= readersPerAddressMax)
        throw new Refusal('limited', 'too many readers wait for events; come back later', {
          retryAfterMs: 10_000,
        })
      all += 1
      byAddress.set(address, here + 1)
      return () => {
        all -= 1
        const left = (byAddress.get(address) ?? 1) - 1
        if (left === 0) byAddress.delete(address)
        else byAddress.set(address, left)
      }
    },
  }
}
