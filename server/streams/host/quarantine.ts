/** Operations of streams that were killed again and again, and are refused for a while. */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { killsMax, quarantinedMax, quarantineMs } from './limits.ts'

export interface Quarantine {
  /** Throws Refusal `unavailable` while the operation is refused. */
  check(what: string): void
  /** It was killed. */
  killed(what: string): void
  /** How many are refused now. */
  count(): number
}

export function createQuarantine(clock: Clock): Quarantine {
  const strikes = createBoundedMap<string, { readonly kills: number; readonly untilMs: number }>(
    quarantinedMax,
  )
  const refused = new Map<string, number>()
  const drop = () => {
    for (const [what, untilMs] of refused) if (untilMs <= clock.monotonic()) refused.delete(what)
  }
  return {
    check: what => {
      const untilMs = refused.get(what)
      if (untilMs === undefined) return
      const leftMs = untilMs - clock.monotonic()
      if (leftMs <= 0) return void refused.delete(what)
      throw new Refusal(
        'unavailable',
        `this was stopped ${killsMax} times because it took too long, and is refused for a while`,
        { retryAfterMs: Math.ceil(leftMs) },
      )
    },
    killed: what => {
      const now = clock.monotonic()
      const before = strikes.get(what)
      const kills = before === undefined || before.untilMs <= now ? 1 : before.kills + 1
      strikes.set(what, { kills, untilMs: now + quarantineMs })
      if (kills < killsMax) return
      drop()
      if (refused.size < quarantinedMax) refused.set(what, now + quarantineMs)
    },
    count: () => {
      drop()
      return refused.size
    },
  }
}
