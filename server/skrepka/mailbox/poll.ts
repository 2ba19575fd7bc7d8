/** A poll: what waits after a cursor, or the next that comes, or nothing after a while. */
import type { Clock } from '../../kernel/clock.ts'
import type { KeyHex } from '../contract.ts'
import type { Boxes } from './boxes.ts'
import type { Collector, Page } from './collect.ts'
import type { Waiter, Waiters, WaitEnd } from './waiters.ts'

export interface Poll {
  readonly key: KeyHex
  /** Names the token. */
  readonly session: string
  readonly cursor: number
  /** Calls back once, when nobody waits for the answer any more. */
  readonly onGone: (listener: () => void) => void
}

export interface PollDependencies {
  readonly clock: Clock
  readonly boxes: Boxes
  readonly collector: Collector
  readonly waiters: Waiters
  readonly timeoutMs: number
  /** Polls that one token may park; the oldest ends. */
  readonly perSessionMax: number
}

/** Gives the function that answers polls. */
export function createPoll(deps: PollDependencies): (poll: Poll) => Promise<Page> {
  const { clock, boxes, collector, waiters } = deps
  /** What each token has parked, oldest first. */
  const parked = new Map<string, Waiter[]>()

  const park = (session: string, waiter: Waiter) => {
    const own = parked.get(session)
    if (own === undefined) {
      parked.set(session, [waiter])
      return
    }
    own.push(waiter)
    const oldest = own.length > deps.perSessionMax ? own[0] : undefined
    if (oldest !== undefined) waiters.end(oldest, 'timeout')
  }
  const unpark = (session: string, waiter: Waiter) => {
    const own = parked.get(session)
    if (own === undefined) return
    const at = own.indexOf(waiter)
    if (at >= 0) own.splice(at, 1)
    if (own.length === 0) parked.delete(session)
  }

  /** One look, and if there is nothing, one wait. Undefined: there may be something now. */
  const tryOnce = async (
    poll: Poll,
    dueMs: number,
    parkedAs: (waiter: Waiter) => void,
  ): Promise<Page | undefined> => {
    const { key, session, cursor } = poll
    let over: (why: WaitEnd) => void = () => undefined
    const wait = new Promise<WaitEnd>(resolve => {
      over = resolve
    })
    const waiter: Waiter = { key, dueMs, end: over }
    parkedAs(waiter)
    // It waits before it looks: what comes in between wakes it.
    waiters.add(waiter)
    park(session, waiter)
    try {
      const box = boxes.known(key) ?? (await boxes.look(key))
      let answer: Page = { ...emptyPage, cursor: collector.clamp(box, cursor) }
      if (!collector.isIdle(box, cursor)) {
        answer = await collector.collect(key, cursor)
        if (answer.events.length > 0) return answer
      }
      return (await wait) === 'mail' ? undefined : answer
    } finally {
      waiters.withdraw(waiter)
      unpark(session, waiter)
    }
  }

  return async poll => {
    const dueMs = clock.monotonic() + deps.timeoutMs
    let current: Waiter | undefined
    poll.onGone(() => {
      if (current !== undefined) waiters.end(current, 'gone')
    })
    for (;;) {
      const page = await tryOnce(poll, dueMs, waiter => {
        current = waiter
      })
      if (page !== undefined) return page
    }
  }
}

const emptyPage: Page = { events: [], cursor: 0, box: 0, shift: 0, rows: undefined }
