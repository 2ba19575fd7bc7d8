/** Makes a failing plan small: leaves out what does not matter for the failure. */
import type { Plan, PlanEvent } from './plan.ts'

/** Whether a plan still fails in the way that is looked for. */
export type Fails = (plan: Plan) => Promise<boolean>

export interface ShrinkOptions {
  /** Runs that are spent at most. */
  readonly runsMax: number
  readonly told?: (eventsLeft: number, runs: number) => void
}

/**
 * The smallest plan that was found to fail still: chunks of events are left out, halves first, then ever smaller ones,
 * until no single one can go.
 */
export async function shrinkPlan(plan: Plan, fails: Fails, options: ShrinkOptions): Promise<Plan> {
  const { runsMax, told } = options
  let runs = 0
  const stillFails = async (candidate: Plan) => {
    runs += 1
    return fails(candidate)
  }
  const maySpend = () => runs < runsMax
  let best = plan
  let chunk = Math.ceil(best.events.length / 2)
  while (chunk >= 1 && maySpend()) {
    let removed = false
    for (let at = 0; at < best.events.length && maySpend(); ) {
      const candidate = { ...best, events: without(best.events, at, chunk) }
      if (await stillFails(candidate)) {
        best = candidate
        removed = true
        told?.(best.events.length, runs)
      } else at += chunk
    }
    if (chunk === 1 && !removed) break
    chunk = chunk === 1 ? 1 : Math.ceil(chunk / 2)
  }
  return best
}

const without = (events: readonly PlanEvent[], at: number, count: number) => [
  ...events.slice(0, at),
  ...events.slice(at + count),
]
