/** What happens in a world, decided beforehand from its seed: a list that can be read, told and made shorter. */
import type { Malice } from './malice.ts'
import { malices } from './malice.ts'
import type { Weather } from './network.ts'
import { createSeededRandom, type SeededRandom } from './random.ts'
import type { CrashPoint } from './relay-process.ts'

/** Who behaves how: ours, or as the seed's server. */
export type RelayKind = 'leaf' | 'seed'

/** Something that happens; people and relays by their number. */
export type PlanEvent = { readonly atMs: number } & (
  | { readonly kind: 'send'; readonly user: number; readonly to: readonly number[]; readonly bytes: number }
  | { readonly kind: 'roam'; readonly user: number; readonly relay: number }
  | { readonly kind: 'leave'; readonly user: number; readonly forMs: number }
  | { readonly kind: 'move'; readonly user: number }
  | { readonly kind: 'forget'; readonly user: number }
  | { readonly kind: 'crash'; readonly relay: number; readonly point: CrashPoint; readonly downMs: number }
  | { readonly kind: 'restart'; readonly relay: number; readonly downMs: number }
  | { readonly kind: 'cut'; readonly from: number; readonly to: number; readonly forMs: number }
  | { readonly kind: 'isolate'; readonly relay: number; readonly forMs: number }
  | { readonly kind: 'weather'; readonly weather: Weather; readonly forMs: number }
  | { readonly kind: 'step'; readonly relay: number; readonly ms: number }
  | { readonly kind: 'malice'; readonly malice: Malice; readonly relay: number; readonly victim: number }
)

export interface Plan {
  readonly seed: string
  readonly relays: readonly { readonly kind: RelayKind; readonly skewMs: number }[]
  readonly users: number
  /** People whose client has one cursor for all relays. */
  readonly sharedCursors: readonly number[]
  readonly policy: 'open' | 'prefer' | 'require'
  /** When all is mended, and everybody settles. */
  readonly healMs: number
  readonly endMs: number
  /** Ascending by time. */
  readonly events: readonly PlanEvent[]
}

export interface PlanOptions {
  readonly relays: number
  readonly users: number
  readonly hours: number
}

const hourMs = 3_600_000
const minuteMs = 60_000
/** What people and relays need after the last fault, at most: a refreshed presence, and the longest pause between tries. */
const settleMsMax = 50 * minuteMs
/** Relays’ clocks may be wrong by this much, so that two differ by less than what proofs allow. */
const skewMsMax = 2 * minuteMs

/** The plan of a seed. */
export function createPlan(seed: string, { relays, users, hours }: PlanOptions): Plan {
  const random = createSeededRandom(`plan ${seed}`)
  const endMs = hours * hourMs
  const healMs = Math.max(endMs * 0.3, endMs - settleMsMax)
  const policy = random.pick(['prefer', 'prefer', 'require', 'open'] as const)
  // A relay of the seed's kind has no proofs: where proofs are required it is a stranger.
  const mixed = policy !== 'require' && relays > 2 && random.chance(0.25)
  const events = [
    ...usersEvents(random.fork('users'), { relays, users, untilMs: healMs }),
    ...faults(random.fork('faults'), { relays, untilMs: healMs }),
    ...(random.chance(0.6) ? malice(random.fork('malice'), { relays, users, untilMs: healMs }) : []),
  ]
  return {
    seed,
    relays: Array.from({ length: relays }, (_, at) => ({
      kind: mixed && at === relays - 1 ? 'seed' : 'leaf',
      skewMs: random.between(-skewMsMax, skewMsMax),
    })),
    users,
    sharedCursors: Array.from({ length: users }, (_, at) => at).filter(() => random.chance(0.2)),
    policy,
    healMs,
    endMs,
    events: events.toSorted((a, b) => a.atMs - b.atMs),
  }
}

interface Scope {
  readonly relays: number
  readonly users: number
  readonly untilMs: number
}

/** Times of something that happens `perHour` on average. */
function times(random: SeededRandom, untilMs: number, perHour: number): number[] {
  const count = Math.floor((untilMs / hourMs) * perHour + random.float())
  return Array.from({ length: count }, () => minuteMs + random.integer(Math.max(1, untilMs - minuteMs)))
}

function usersEvents(random: SeededRandom, { relays, users, untilMs }: Scope): PlanEvent[] {
  const events: PlanEvent[] = []
  for (let user = 0; user < users; user += 1) {
    const others = Array.from({ length: users }, (_, at) => at).filter(at => at !== user)
    for (const atMs of times(random, untilMs, 12)) {
      const count = random.chance(0.1) ? random.between(5, 60) : random.between(1, 3)
      const to = Array.from({ length: count }, () => random.pick(others))
      events.push({ atMs, kind: 'send', user, to, bytes: random.chance(0.02) ? 20_000 : 200 })
    }
    for (const atMs of times(random, untilMs, 1.5))
      events.push({ atMs, kind: 'roam', user, relay: random.integer(relays) })
    for (const atMs of times(random, untilMs, 1))
      events.push({ atMs, kind: 'leave', user, forMs: random.between(minuteMs, 40 * minuteMs) })
    for (const atMs of times(random, untilMs, 0.5)) events.push({ atMs, kind: 'move', user })
    for (const atMs of times(random, untilMs, 1)) events.push({ atMs, kind: 'forget', user })
  }
  return events
}

const crashPoints: readonly CrashPoint[] = ['now', 'before-commit', 'after-commit', 'after-answer']

function faults(random: SeededRandom, { relays, untilMs }: Omit<Scope, 'users'>): PlanEvent[] {
  const events: PlanEvent[] = []
  const number = () => random.integer(relays)
  for (const atMs of times(random, untilMs, 2 * relays)) {
    const downMs = random.chance(0.8) ? random.between(200, 20_000) : random.between(minuteMs, 8 * minuteMs)
    events.push({ atMs, kind: 'crash', relay: number(), point: random.pick(crashPoints), downMs })
  }
  for (const atMs of times(random, untilMs, 1))
    events.push({ atMs, kind: 'restart', relay: number(), downMs: random.between(200, 20_000) })
  for (const atMs of times(random, untilMs, 2)) {
    const forMs = random.between(minuteMs, 30 * minuteMs)
    const from = number()
    events.push({
      atMs,
      kind: 'cut',
      from,
      to: (from + 1 + random.integer(Math.max(1, relays - 1))) % relays,
      forMs,
    })
  }
  for (const atMs of times(random, untilMs, 1))
    events.push({ atMs, kind: 'isolate', relay: number(), forMs: random.between(minuteMs, 15 * minuteMs) })
  for (const atMs of times(random, untilMs, 3)) {
    const forMs = random.between(minuteMs, 10 * minuteMs)
    events.push({ atMs, kind: 'weather', weather: weatherOf(random), forMs })
  }
  for (const atMs of times(random, untilMs, 0.7))
    events.push({ atMs, kind: 'step', relay: number(), ms: random.between(-hourMs, hourMs) })
  return events
}

function weatherOf(random: SeededRandom): Weather {
  const some = (most: number) => (random.chance(0.5) ? random.float() * most : 0)
  return {
    latencyMs: random.chance(0.3) ? [1, 30_000] : [1, 2000],
    loss: some(0.3),
    answerLoss: some(0.4),
    duplicate: some(0.3),
    nonsense: some(0.2),
  }
}

function malice(random: SeededRandom, { relays, users, untilMs }: Scope): PlanEvent[] {
  return times(random, untilMs, 20).map(atMs => ({
    atMs,
    kind: 'malice',
    malice: random.pick(malices),
    relay: random.integer(relays),
    victim: random.integer(users),
  }))
}
