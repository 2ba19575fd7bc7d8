/** The subscriptions of one connection. All end with it. */
import type { Permit } from '../middleware/throttle.ts'
import type { SubscriptionPage } from '../stream/contract.ts'
import { eventPacket } from './packet.ts'
import { pageParts } from './page.ts'
import type { Wire } from './wire.ts'

/** One subscription, as a handler opens it. */
export interface OpenSubscription {
  /** A ULID. */
  readonly id: string
  /** Ends it. */
  readonly signal: AbortSignal
  /** The first page waits for it. */
  readonly gate: Promise<void>
  /** To be called once the answer with the id is on its way: opens the gate when the client has seen it. */
  announced(): void
  /** Sends a page; resolves once it is gone, or never will be. */
  send(page: SubscriptionPage): Promise<void>
}

export interface Subscriptions {
  /** The permit is released when it ends. */
  open(permit: Permit): OpenSubscription
  /** Whether there was one with this id; it has ended now. */
  close(id: string): boolean
  count(): number
}

/** No subscriptions yet. */
export function createSubscriptions(options: {
  readonly wire: Pick<Wire, 'write' | 'seen' | 'signal'>
  readonly newId: () => string
}): Subscriptions {
  const { wire } = options
  const open = new Map<string, () => void>()

  const end = (id: string): boolean => {
    const release = open.get(id)
    open.delete(id)
    release?.()
    return release !== undefined
  }
  wire.signal.addEventListener('abort', () => {
    for (const id of open.keys()) end(id)
  })

  return {
    open: permit => {
      const id = options.newId()
      const controller = new AbortController()
      const gate = Promise.withResolvers<void>()
      open.set(id, () => {
        controller.abort()
        permit.release()
        gate.resolve()
      })
      // The connection may have ended while the call was on its way.
      if (wire.signal.aborted) end(id)
      return {
        id,
        signal: controller.signal,
        gate: gate.promise,
        announced: () => void wire.seen().then(gate.resolve),
        send: async page => {
          if (controller.signal.aborted) return
          await wire.write(eventPacket('stream/subscription_response', pageParts(id, page)))
        },
      }
    },
    close: end,
    count: () => open.size,
  }
}
