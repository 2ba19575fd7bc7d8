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

  /** What there is at this moment; an empty page has the cursor to go on with. */
  const look = async ({ key, cursor }: Poll): Promise<Page> => {
    const box = await boxes.look(key)
    if (collector.isIdle(box, cursor)) return { ...emptyPage, cursor: collector.clamp(box, cursor) }
    return collector.collect(key, cursor)
  }

  // No async function here: thousands are held at a time, and each frame would be.
  return poll =>
    new Promise<Page>((resolve, reject) => {
      const { key, session } = poll
      let cursor = 0
      let isLooking = false
      /** What happened to the waiter during a look. */
      let meanwhile: WaitEnd | undefined

      const leave = () => {
        waiters.withdraw(waiter)
        unpark(session, waiter)
      }
      const finish = (page: Page) => {
        leave()
        resolve(page)
      }
      const lookNow = () => {
        isLooking = true
        meanwhile = undefined
        // It waits before it looks: what comes in between wakes it.
        waiters.add(waiter)
        look(poll).then(looked, error => {
          leave()
          reject(error)
        })
      }
      const looked = (page: Page) => {
        isLooking = false
        cursor = page.cursor
        if (page.events.length > 0) finish(page)
        else if (meanwhile !== undefined) ended(meanwhile)
      }
      const ended = (why: WaitEnd) => {
        if (isLooking) meanwhile = why
        else if (why === 'mail') lookNow()
        else finish({ ...emptyPage, cursor })
      }
      const waiter: Waiter = { key, dueMs: clock.monotonic() + deps.timeoutMs, end: ended }
      poll.onGone(() => waiters.end(waiter, 'gone'))
      park(session, waiter)
      const box = boxes.known(key)
      if (box !== undefined && collector.isIdle(box, poll.cursor)) {
        cursor = collector.clamp(box, poll.cursor)
        waiters.add(waiter)
      } else lookNow()
    })
}

const emptyPage: Page = { events: [], cursor: 0, box: 0, shift: 0, rows: undefined }
