/** Rate limits of pages: the same classes as XRPC's, charged by name. */
import { Refusal } from '../../kernel/errors.ts'
import type { LimitRule } from '../../kernel/limit.ts'
import type { RateClass } from '../xrpc/method.ts'
import { parseWindows, presetWindows, type RateLimitOptions } from './ratelimit.ts'

/** Takes one point of a class for `key`; throws Refusal 'limited'. */
export type ChargePage = (rateClass: RateClass, key: string) => Promise<void>

/** A class without windows of its own is counted as `standard`: no page is without a limit. */
export function createPageCharge(options: Omit<RateLimitOptions, 'clock' | 'log'>): ChargePage {
  const { preset, overrides, limiter } = options
  if (preset === 'off') return async () => undefined
  const windowsOf = (name: RateClass) => overrides[name] ?? presetWindows[preset][name]
  const rulesOf = (name: RateClass): readonly LimitRule[] =>
    parseWindows(windowsOf(name) === '' ? windowsOf('standard') : windowsOf(name)).map(
      ({ points, seconds }) => ({
        name: `pds-page-${name}-${seconds}`,
        points,
        windowMs: seconds * 1000,
      }),
    )
  return async (rateClass, key) => {
    const states = await Promise.all(rulesOf(rateClass).map(rule => limiter.consume(rule, key)))
    const exceeded = states.find(state => state.exceeded)
    if (exceeded === undefined) return
    throw new Refusal('limited', 'too many attempts from here; please wait a little', {
      name: 'RateLimitExceeded',
      retryAfterMs: exceeded.resetMs,
    })
  }
}
