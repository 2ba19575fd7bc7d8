/**
 * Subscriptions that outlive connections.
 *
 * Rows that have an integer column `idx` are delivered once: after a reconnect the subscription goes on behind the
 * largest idx that was delivered, and rows up to it are dropped, also when pages overlap. So such a query gives its rows
 * in the order of idx. A query whose rows have none, or that says `resume: 'again'`, is asked again as at first. A
 * subscription without `start` that has had no row yet begins anew at the stream's head.
 */
import type { DrislValue } from '@leaf/codec/drisl'
import { fromBinary, messageOf } from './client-calls.ts'
import type { Connection } from './client-connection.ts'
import { type ClientPlatform, LeafError, type ResolvedOptions } from './client-types.ts'
import type { SqlRow } from './sql-value.ts'
import { decodeNamedText, decodeSubscriptionResponse, type Notification } from './wire-replies.ts'
import { encodeStreamQuery, encodeUnsubscribe, type LeafQuery } from './wire-requests.ts'

export interface SubscribeInput {
  readonly streamDid: string
  readonly query: LeafQuery
  readonly resume: 'idx' | 'again'
  /** One page after another; the next waits until this one settles. */
  readonly onPage: (page: RawPage) => void | Promise<void>
}

export type RawPage =
  | { readonly ok: true; readonly rows: readonly SqlRow[]; readonly hasMore: boolean }
  /** With `ended`, nothing more will come. */
  | { readonly ok: false; readonly error: LeafError; readonly ended: boolean }

export interface Subscriptions {
  /** Resolves when the server has it; gives what ends it. Throws LeafError. */
  subscribe(input: SubscribeInput): Promise<() => Promise<void>>
}

interface Subscription {
  readonly input: SubscribeInput
  /** The server's name of it; undefined while there is none. */
  id: string | undefined
  lastIdx: number | undefined
  readonly waiting: RawPage[]
  delivering: boolean
  ended: boolean
}

const throttleWaitMs = 1000

export interface SubscriptionsSettings {
  readonly connection: Connection
  readonly options: ResolvedOptions
  readonly platform: ClientPlatform
}

export function createSubscriptions(settings: SubscriptionsSettings): Subscriptions {
  const { connection, options, platform } = settings
  const all = new Set<Subscription>()
  const server = createServerSide(connection)
  const end = (subscription: Subscription) => {
    subscription.ended = true
    all.delete(subscription)
  }
  const renew = createRenewal({
    server,
    platform,
    next: () => [...all].find(one => one.id === undefined && one.waiting.length === 0),
    refused: (subscription, error) => {
      end(subscription)
      deliver(subscription, { ok: false, error, ended: true })
    },
  })
  const deliver = (subscription: Subscription, page: RawPage) => {
    subscription.waiting.push(page)
    if (!subscription.delivering) void pump(subscription)
    else if (subscription.waiting.length >= options.pagesWaitingMax)
      // What is behind these pages is in the log, and is read again when there is room.
      server.drop(subscription).catch((error: unknown) => report(connection, error))
  }
  const pump = async (subscription: Subscription) => {
    await deliverWaiting(subscription, connection)
    if (subscription.id === undefined && !subscription.ended && connection.socket.connected) await renew()
  }
  connection.on('disconnect', () => {
    server.forget()
    for (const subscription of all) subscription.id = undefined
  })
  connection.on('authenticated', () => void renew())
  connection.socket.on('stream/subscription_response', (data: unknown) => {
    try {
      const { subscriptionId, response } = decodeSubscriptionResponse(fromBinary(data))
      const subscription = server.find(subscriptionId)
      if (subscription !== undefined && !subscription.ended)
        deliver(subscription, pageOf(subscription, response))
    } catch (cause) {
      report(connection, new LeafError('malformed', `a page cannot be read: ${messageOf(cause)}`, { cause }))
    }
  })
  return {
    subscribe: async input => {
      const subscription = newSubscription(input)
      await server.open(subscription)
      all.add(subscription)
      // The connection may have ended between the answer and now.
      if (subscription.id === undefined && connection.socket.connected) await renew()
      return async () => {
        end(subscription)
        subscription.waiting.length = 0
        await server.drop(subscription)
      }
    },
  }
}

/** An end of the connection is told elsewhere. */
function report(connection: Connection, error: unknown): void {
  if (error instanceof LeafError && (error.code === 'disconnected' || error.code === 'closed')) return
  connection.report(error instanceof LeafError ? error : new LeafError('malformed', messageOf(error)))
}

function newSubscription(input: SubscribeInput): Subscription {
  return { input, id: undefined, lastIdx: undefined, waiting: [], delivering: false, ended: false }
}

/** One page after another; whoever throws is told, and gets the next one all the same. */
async function deliverWaiting(subscription: Subscription, connection: Connection): Promise<void> {
  subscription.delivering = true
  for (let page = subscription.waiting.shift(); page !== undefined; page = subscription.waiting.shift()) {
    try {
      await subscription.input.onPage(page)
    } catch (cause) {
      connection.report(
        new LeafError('handler', `a subscription's handler threw: ${messageOf(cause)}`, { cause }),
      )
    }
  }
  // In the same step as the last look at what waits: a page that comes now starts anew.
  subscription.delivering = false
}

/** What the server has of subscriptions. */
interface ServerSide {
  open(subscription: Subscription): Promise<void>
  drop(subscription: Subscription): Promise<void>
  find(id: string): Subscription | undefined
  forget(): void
}

function createServerSide(connection: Connection): ServerSide {
  const byId = new Map<string, Subscription>()
  return {
    open: async subscription => {
      const { streamDid, query } = subscription.input
      const start = subscription.lastIdx === undefined ? query.start : subscription.lastIdx + 1
      const argument = encodeStreamQuery({ streamDid, query: { ...query, start } })
      await connection.call('stream/subscribe_events', argument, {
        onAnswer: value => {
          // Its first page may be in the same read as the answer.
          const id = readSubscriptionId(value)
          subscription.id = id
          byId.set(id, subscription)
        },
      })
    },
    drop: async subscription => {
      const { id } = subscription
      if (id === undefined) return
      byId.delete(id)
      subscription.id = undefined
      await connection.call('stream/unsubscribe', encodeUnsubscribe({ subscriptionId: id }))
    },
    find: id => byId.get(id),
    forget: () => byId.clear(),
  }
}

function readSubscriptionId(value: DrislValue): string {
  try {
    return decodeNamedText(value, 'subscriptionId')
  } catch (cause) {
    throw new LeafError('malformed', `stream/subscribe_events: ${messageOf(cause)}`, { cause })
  }
}

interface RenewalSettings {
  readonly server: ServerSide
  readonly platform: Pick<ClientPlatform, 'setTimer'>
  /** One that the server does not have. */
  readonly next: () => Subscription | undefined
  readonly refused: (subscription: Subscription, error: LeafError) => void
}

/** Opens what the server does not have, one at a time: it counts how often. */
function createRenewal({ server, platform, next, refused }: RenewalSettings): () => Promise<void> {
  let running = false
  /** Whether to go on with the next one. */
  const renewOne = async (subscription: Subscription): Promise<boolean> => {
    try {
      await server.open(subscription)
      if (subscription.ended) await server.drop(subscription)
      return true
    } catch (error) {
      if (!(error instanceof LeafError)) throw error
      // When there is a connection again, all this begins anew.
      if (error.code === 'disconnected' || error.code === 'closed' || error.code === 'authentication')
        return false
      if (error.code === 'rate-limited' || error.code === 'timeout') {
        platform.setTimer(() => void renew(), error.retryAfterMs ?? throttleWaitMs)
        return false
      }
      refused(subscription, error)
      return true
    }
  }
  const renew = async (): Promise<void> => {
    if (running) return
    running = true
    try {
      for (let one = next(); one !== undefined; one = next()) if (!(await renewOne(one))) return
    } finally {
      running = false
    }
  }
  return renew
}

/** Leaves out what was delivered before, and remembers what is delivered now. */
function pageOf(subscription: Subscription, response: Notification): RawPage {
  if (!response.ok) return { ok: false, error: new LeafError('refused', response.error), ended: false }
  if (subscription.input.resume === 'again') return response
  const before = subscription.lastIdx ?? Number.NEGATIVE_INFINITY
  const rows: SqlRow[] = []
  for (const row of response.rows) {
    const idx = row.get('idx')
    if (idx?.kind === 'integer') {
      const number = Number(idx.value)
      if (number <= before) continue
      subscription.lastIdx = Math.max(subscription.lastIdx ?? number, number)
    }
    rows.push(row)
  }
  return { ok: true, rows, hasMore: response.hasMore }
}
