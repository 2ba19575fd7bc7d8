/**
 * How often methods may be called: the seed's five classes, with two presets. `reference` counts as the reference PDS
 * does, in points per hour and day; `seed` is the seed's table, in requests per minute.
 */
import type { ServerResponse } from 'node:http'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Limiter, LimitRule, LimitState } from '../../kernel/limit.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Credentials } from '../auth/credentials.ts'
import type { RateCharge, RateClass, XrpcMethod } from '../xrpc/method.ts'

export interface RateWindow {
  readonly points: number
  readonly seconds: number
}

/** `5000/3600,35000/86400`: points per seconds, several separated by commas; empty: no limit. Throws an Error that says what was expected. */
export function parseWindows(text: string): readonly RateWindow[] {
  if (text.trim() === '') return []
  return text.split(',').map(part => {
    const [, points, seconds] = /^\s*(\d{1,12})\/(\d{1,8})\s*$/.exec(part) ?? []
    if (points === undefined || Number(points) < 1 || Number(seconds) < 1) {
      throw new Error(`expected points/seconds such as 5000/3600, got "${part}"`)
    }
    return { points: Number(points), seconds: Number(seconds) }
  })
}

type ClassWindows = Readonly<Record<RateClass, string>>

/** https://github.com/bluesky-social/atproto: creates cost 3 points, puts 2, deletes 1. Reads count into `standard` alone. */
const referenceWindows: ClassWindows = {
  standard: '3000/300',
  write: '5000/3600,35000/86400',
  auth: '30/300,300/86400',
  upload: '1000/86400',
  read: '',
}

/** Methods that the reference counts by themselves, in windows of their own. */
const referenceMethods: ReadonlyMap<string, string> = new Map([
  ['com.atproto.server.createAccount', '100/300'],
  ['com.atproto.server.requestPasswordReset', '15/3600,50/86400'],
  ['com.atproto.server.resetPassword', '50/300'],
  ['com.atproto.server.requestAccountDelete', '5/3600,15/86400'],
  ['com.atproto.server.deleteAccount', '50/300'],
  ['com.atproto.server.requestEmailConfirmation', '5/3600,15/86400'],
  ['com.atproto.server.requestEmailUpdate', '5/3600,15/86400'],
  ['com.atproto.identity.updateHandle', '10/300,50/86400'],
  // What relays and backups do; it spares the limit of the address.
  ['com.atproto.sync.getRepo', '6000/300'],
])

const seedWindows: ClassWindows = {
  standard: '100/60',
  write: '30/60',
  auth: '10/60',
  upload: '20/60',
  read: '300/60',
}

/** The windows of each class, by preset. */
export const presetWindows: Readonly<Record<'reference' | 'seed', ClassWindows>> = {
  reference: referenceWindows,
  seed: seedWindows,
}

export interface RateLimitOptions {
  readonly preset: 'reference' | 'seed' | 'off'
  /** Windows as text, by class, in place of the preset's. */
  readonly overrides: Partial<Readonly<Record<RateClass, string | undefined>>>
  readonly limiter: Limiter
  readonly clock: Pick<Clock, 'now'>
  readonly log: Logger
}

export interface RateCaller {
  readonly input: unknown
  readonly credentials: Credentials
  readonly address: string
}

type AnyMethod = Pick<XrpcMethod<never, never>, 'nsid' | 'type' | 'rate'>

/** Both write `RateLimit-*` headers and throw RateLimitExceeded. Undefined, not a promise, when nothing is counted. */
export interface RateLimits {
  /** Every request, before anything is known of it but its address. */
  enter(response: ServerResponse, nsid: string, address: string): Promise<void> | undefined
  /** A method's own classes, before it is handled. */
  charge(response: ServerResponse, method: AnyMethod, caller: RateCaller): Promise<void> | undefined
}

/** Counted by itself alone, not also into the limit of the address. */
const apart = 'com.atproto.sync.getRepo'

export function createRateLimits(options: RateLimitOptions): RateLimits {
  const { preset } = options
  if (preset === 'off') return { enter: () => undefined, charge: () => undefined }
  const rules = createRules(options)
  const consume = createConsumer(options)

  if (preset === 'reference') {
    return {
      enter: (response, nsid, address) => {
        const counter = nsid === apart ? 'read' : 'standard'
        return consume(response, [{ rules: rules(counter, nsid), key: address, points: 1 }])
      },
      charge: (response, method, caller) => {
        const charges = (method.rate ?? []).map(charge => chargeOf(rules, charge, method.nsid, caller))
        return consume(response, charges)
      },
    }
  }
  return {
    enter: () => undefined,
    charge: (response, method, caller) => {
      // A class for every method, a point for every request.
      const fallback = { class: method.type === 'query' ? 'read' : 'standard' } as const
      const charges = (method.rate ?? [fallback]).map(charge => ({
        ...chargeOf(rules, charge, method.nsid, caller),
        points: 1,
      }))
      return consume(response, charges)
    },
  }
}

interface Charge {
  readonly rules: readonly LimitRule[]
  readonly key: string
  readonly points: number
}

type RulesOf = (name: RateClass, nsid: string) => readonly LimitRule[]

/** The rules of a class, or of a method that is counted by itself unless its class is configured. */
function createRules({ preset, overrides }: RateLimitOptions): RulesOf {
  const defaults = preset === 'seed' ? seedWindows : referenceWindows
  const known = new Map<string, readonly LimitRule[]>()
  return (name, nsid) => {
    const byItself = preset === 'reference' && overrides[name] === undefined && name !== 'standard'
    const own = byItself ? referenceMethods.get(nsid) : undefined
    const counter = own === undefined ? name : `${name}-${nsid.replaceAll('.', '-').toLowerCase()}`
    const rules = known.get(counter)
    if (rules !== undefined) return rules
    const made = parseWindows(own ?? overrides[name] ?? defaults[name]).map(({ points, seconds }) => ({
      name: `pds-${counter}-${seconds}`,
      points,
      windowMs: seconds * 1000,
    }))
    known.set(counter, made)
    return made
  }
}

function chargeOf(rules: RulesOf, charge: RateCharge<never>, nsid: string, caller: RateCaller): Charge {
  const { address, credentials } = caller
  // The dispatcher has checked the input against the method's lexicon, which is what the handler's types say.
  const input = caller.input as never
  return {
    rules: rules(charge.class, nsid),
    key: charge.key?.(input, address) ?? ('did' in credentials ? credentials.did : address),
    points: charge.points?.(input) ?? 1,
  }
}

type Consume = (response: ServerResponse, charges: readonly Charge[]) => Promise<void> | undefined

function createConsumer({ limiter, clock, log }: RateLimitOptions): Consume {
  const states = async (charges: readonly Charge[]): Promise<readonly LimitState[]> => {
    const pending = charges.flatMap(({ rules, key, points }) =>
      points < 1 ? [] : rules.map(rule => limiter.consume(rule, key, points)),
    )
    try {
      return await Promise.all(pending)
    } catch (error) {
      // Better served without counting than not served.
      log.error({ error }, 'rate limits cannot be counted')
      return []
    }
  }
  const settle = async (response: ServerResponse, charges: readonly Charge[]): Promise<void> => {
    const tightest = tightestOf(await states(charges))
    if (tightest === undefined) return
    setHeaders(response, tightest, clock.now())
    if (!tightest.exceeded) return
    throw new Refusal('limited', 'Rate Limit Exceeded', {
      name: 'RateLimitExceeded',
      retryAfterMs: tightest.resetMs,
    })
  }
  return (response, charges) =>
    charges.every(charge => charge.rules.length === 0) ? undefined : settle(response, charges)
}

function tightestOf(states: readonly LimitState[]): LimitState | undefined {
  let tightest: LimitState | undefined
  for (const state of states) {
    if (tightest === undefined || isTighter(state, tightest)) tightest = state
  }
  return tightest
}

function isTighter(a: LimitState, b: LimitState): boolean {
  if (a.exceeded !== b.exceeded) return a.exceeded
  // Of two that are exceeded, the one that lasts longer.
  return a.exceeded ? a.resetMs > b.resetMs : a.remaining < b.remaining
}

function setHeaders(response: ServerResponse, state: LimitState, nowMs: number): void {
  const { rule, remaining, resetMs, exceeded } = state
  const before = response.getHeader('ratelimit-remaining')
  if (!exceeded && typeof before === 'number' && before <= remaining) return
  response.setHeader('ratelimit-limit', rule.points)
  response.setHeader('ratelimit-remaining', Math.max(0, remaining))
  response.setHeader('ratelimit-reset', Math.floor((nowMs + resetMs) / 1000))
  response.setHeader('ratelimit-policy', `${rule.points};w=${rule.windowMs / 1000}`)
}
