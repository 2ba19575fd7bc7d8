/**
 * Mail as a stream of server-sent events, each with its cursor as `id`. Nothing is acknowledged by being written: only a
 * cursor does that, given with /poll, with /skrepka/ack, or when the stream begins. What is not acknowledged holds back
 * what comes after it.
 */
import type { Clock } from '../../kernel/clock.ts'
import type { KeyHex } from '../contract.ts'
import type { Boxes } from './boxes.ts'
import type { Collector, Page } from './collect.ts'
import type { Waiter, Waiters, WaitEnd } from './waiters.ts'

/** Events, and bytes of blobs, that are written and not acknowledged. */
export const windowEventsMax = 50
export const windowBytesMax = 8 * 1024 * 1024
/** A silent stream shows that it lives. */
const heartbeatMs = 15_000

export interface EventStream {
  readonly key: KeyHex
  /** Mail up to this cursor was received before, if this mailbox gave it. */
  readonly position: number
  /** Whether its session is still good. */
  readonly isLive: () => Promise<boolean>
  readonly onGone: (listener: () => void) => void
  readonly encode: (page: Page, index: number) => AsyncIterable<Uint8Array>
}

const text = (line: string) => Buffer.from(line, 'utf8')
const heartbeat = text(': \n\n')

export function createEvents(deps: {
  readonly clock: Clock
  readonly boxes: Boxes
  readonly collector: Collector
  readonly waiters: Waiters
}): (stream: EventStream) => AsyncIterable<Uint8Array> {
  const { boxes, collector } = deps

  /** What was written and is not acknowledged, oldest first. */
  const stillOpen = async (key: KeyHex, open: readonly Written[]): Promise<Written[]> => {
    if (open.length === 0) return []
    const box = await boxes.look(key)
    if (box === undefined || box.count === 0) return []
    return open.filter(one => one.seq > box.acked)
  }

  return async function* stream({ key, position, isLive, onGone, encode }) {
    const waits = createWaits(deps, key)
    onGone(waits.leave)
    let at = position
    let open: Written[] = []
    try {
      yield text('retry: 3000\n\n')
      while (!waits.isOver() && (await isLive())) {
        waits.begin()
        open = await stillOpen(key, open)
        const page = roomIn(open) > 0 ? await collector.peek(key, at) : undefined
        let wrote = false
        for (const [index, { seq, size }] of (page?.events ?? []).entries()) {
          if (page === undefined || roomIn(open) <= 0) break
          yield* encode(page, index)
          open.push({ seq, size })
          at = seq + page.shift
          wrote = true
        }
        if (wrote) continue
        if ((await waits.end()) === 'timeout') yield heartbeat
      }
    } finally {
      waits.leave()
    }
  }
}

interface Written {
  readonly seq: number
  readonly size: number
}

/** Events that may still be written; none when the bytes are used up. */
function roomIn(open: readonly Written[]): number {
  const bytes = open.reduce((sum, one) => sum + one.size, 0)
  return bytes >= windowBytesMax ? 0 : windowEventsMax - open.length
}

/** The waits of one stream, one after the other. Each begins before the look that it follows. */
function createWaits({ clock, waiters }: { readonly clock: Clock; readonly waiters: Waiters }, key: KeyHex) {
  let isOver = false
  let current: { readonly waiter: Waiter; readonly done: Promise<WaitEnd> } | undefined

  const begin = () => {
    if (current !== undefined) waiters.withdraw(current.waiter)
    let over: (why: WaitEnd) => void = () => undefined
    const done = new Promise<WaitEnd>(resolve => {
      over = resolve
    })
    const waiter: Waiter = {
      key,
      dueMs: Number.POSITIVE_INFINITY,
      end: why => {
        if (why === 'gone' || why === 'stop') isOver = true
        over(why)
      },
    }
    current = { waiter, done }
    waiters.add(waiter)
  }
  return {
    begin,
    end: async (): Promise<WaitEnd> => {
      if (current === undefined) return 'mail'
      const { waiter, done } = current
      const cancel = clock.after(heartbeatMs, () => waiters.end(waiter, 'timeout'))
      const why = await done
      cancel()
      current = undefined
      return why
    },
    isOver: () => isOver,
    /** Nobody reads any more. */
    leave: () => {
      isOver = true
      if (current !== undefined) waiters.end(current.waiter, 'gone')
    },
  }
}
