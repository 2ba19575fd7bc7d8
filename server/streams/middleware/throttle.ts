/**
 * How often actors may create streams and subscribe: the seed's throttle. A fixed window begins with an actor's first
 * attempt; every attempt counts, also one that is refused. What anonymous connections of one address do is counted
 * together as well.
 */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Metrics } from '../../kernel/metrics.ts'
import type { ActorLimits } from '../config-parsers.ts'

export type ThrottledEndpoint = 'stream/create' | 'stream/subscribe_events'

/** Who is counted. */
export interface Actor {
  /** A DID, or `anonymous:<connection>`. */
  readonly key: string
  /** Of an anonymous connection; undefined for somebody who is signed in. */
  readonly address: string | undefined
}

/** The right to one subscription. Exactly one call of `release`, whatever came of it; further ones do nothing. */
export interface Permit {
  release(): void
}

/** Refused: `text` is what the caller is told. */
export interface Refused {
  readonly text: string
}

export interface Throttle {
  /** Counts an attempt to create. Undefined: it may go on. */
  create(actor: Actor): Refused | undefined
  /** Counts an attempt to subscribe; a permit counts as an active subscription until it is released. */
  subscribe(actor: Actor): Permit | Refused
  /** Subscriptions that are active, of everybody. */
  active(): number
}

export interface ThrottleOptions {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly log: Logger
  readonly metrics: Metrics
  readonly windowMs: number
  readonly limits: { readonly creates: number; readonly subscribes: number; readonly active: number }
  readonly overrides: ReadonlyMap<string, ActorLimits>
  /** What all anonymous connections of one address may do, as a multiple of what one may. */
  readonly addressFactor: number
  /** Actors that are remembered at most. Default 100,000. */
  readonly actorsMax?: number
}

interface Counter {
  startMs: number
  creates: number
  subscribes: number
  active: number
}

/** Why somebody was refused: attempts in the window, active subscriptions, or either of all of her address. */
type Reason = 'window' | 'active' | 'address-window' | 'address-active'

const actorsMaxDefault = 100_000
/** Counters that are looked at, for whether they are over, at every attempt. */
const sweepStep = 4
/** An address has no prefix that a DID or an anonymous connection could have. */
const addressKey = (address: string) => `address ${address}`

/** A throttle that has counted nothing yet. */
export function createThrottle(options: ThrottleOptions): Throttle {
  const { log, overrides, addressFactor } = options
  const counters = createCounters(options)
  const refuse = createRefusing(options)
  const usual = limitsTimes(options.limits, 1)
  const ofAddress = limitsTimes(usual, addressFactor)

  const attempt = (endpoint: ThrottledEndpoint, actor: Actor): Refused | readonly Counter[] => {
    const which = endpoint === 'stream/create' ? 'creates' : 'subscribes'
    const own: Party = { counter: counters.of(actor.key), limits: overrides.get(actor.key) ?? usual }
    const parties =
      actor.address === undefined
        ? [own]
        : [own, { counter: counters.of(addressKey(actor.address)), limits: ofAddress }]
    for (const { counter } of parties) counter[which] += 1
    for (const party of parties) {
      const reason = reasonOf(party, which)
      if (reason === undefined) continue
      return refuse({
        ...party,
        endpoint,
        actor,
        which,
        reason: party === own ? reason : `address-${reason}`,
      })
    }
    const { counter } = own
    log.info(
      { actor: actor.key, endpoint, attempts: counter[which], active: counter.active },
      'a throttled request',
    )
    return parties.map(party => party.counter)
  }

  return {
    create: actor => {
      const result = attempt('stream/create', actor)
      return 'text' in result ? result : undefined
    },
    subscribe: actor => {
      const result = attempt('stream/subscribe_events', actor)
      if ('text' in result) return result
      for (const counter of result) counter.active += 1
      counters.activeChanged(1)
      let released = false
      return {
        release: () => {
          if (released) return
          released = true
          for (const counter of result) counter.active -= 1
          counters.activeChanged(-1)
        },
      }
    },
    active: counters.active,
  }
}

/** Each at least one, as the seed has it. */
function limitsTimes({ creates, subscribes, active }: ThrottleOptions['limits'], factor: number) {
  return {
    creates: Math.max(1, creates) * factor,
    subscribes: Math.max(1, subscribes) * factor,
    active: Math.max(1, active) * factor,
  }
}

/** Tells about refusals, and puts them in words. */
function createRefusing({ clock, log, metrics, windowMs }: ThrottleOptions) {
  const limited = metrics.counter('leaf_streams_throttled_total', 'Attempts that were refused as too many.', [
    'endpoint',
    'reason',
  ])
  let limitedTotal = 0
  return ({ endpoint, actor, reason, counter, limits, which }: Breach): Refused => {
    limitedTotal += 1
    limited.add({ endpoint, reason })
    log.warn(
      { actor: actor.key, address: actor.address, endpoint, reason, limited_requests_total: limitedTotal },
      'a request was refused as too many',
    )
    // The keys in the order in which the seed's server writes them, and then ours.
    return {
      text: JSON.stringify({
        activeSubscriptions: counter.active,
        attemptsInWindow: counter[which],
        code: 'rate_limited',
        endpoint,
        limit: limits[which] ?? 0,
        maxActiveSubscriptions: limits.active ?? 0,
        // No wait ends a subscription; when `reason` is `active`, this is when attempts are counted anew.
        retryAfterMs: Math.max(0, Math.ceil(counter.startMs + windowMs - clock.monotonic())),
        reason,
      }),
    }
  }
}

interface Party {
  readonly counter: Counter
  readonly limits: ActorLimits
}

interface Breach extends Party {
  readonly endpoint: ThrottledEndpoint
  readonly actor: Actor
  readonly reason: Reason
  readonly which: 'creates' | 'subscribes'
}

function reasonOf(
  { counter, limits }: Party,
  which: 'creates' | 'subscribes',
): 'window' | 'active' | undefined {
  const attempts = limits[which]
  if (attempts !== undefined && counter[which] > attempts) return 'window'
  if (which === 'subscribes' && limits.active !== undefined && counter.active >= limits.active)
    return 'active'
  return undefined
}

/** Counters by key, in the order in which their windows began; bounded. */
function createCounters({ clock, windowMs, actorsMax = actorsMaxDefault }: ThrottleOptions) {
  const counters = new Map<string, Counter>()
  let active = 0

  const isOver = (counter: Counter, nowMs: number) =>
    counter.active === 0 && nowMs - counter.startMs >= 2 * windowMs
  const sweep = (nowMs: number) => {
    let looked = 0
    for (const [key, counter] of counters) {
      // At the bound even one whose window runs goes: counting an actor anew is better than refusing everybody.
      if (isOver(counter, nowMs) || (counters.size > actorsMax && counter.active === 0)) counters.delete(key)
      // One with subscriptions must not hide those behind it.
      else if (counter.active > 0) {
        counters.delete(key)
        counters.set(key, counter)
      }
      if (++looked >= sweepStep) return
    }
  }

  return {
    of: (key: string): Counter => {
      const nowMs = clock.monotonic()
      sweep(nowMs)
      let counter = counters.get(key)
      if (counter === undefined) {
        counter = { startMs: nowMs, creates: 0, subscribes: 0, active: 0 }
        counters.set(key, counter)
      } else if (nowMs - counter.startMs >= windowMs) {
        counter.startMs = nowMs
        counter.creates = 0
        counter.subscribes = 0
        counters.delete(key)
        counters.set(key, counter)
      }
      return counter
    },
    activeChanged: (by: number) => {
      active += by
    },
    active: () => active,
  }
}
