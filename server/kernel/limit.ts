/** Rate limits: so many points in a window, for a key. In memory or in Redis, with one behaviour. */
import type { Clock } from './clock.ts'
import type { Logger } from './log.ts'

export interface LimitRule {
  /** Names the counter; rules of one name share it. `[a-z0-9-]+` */
  readonly name: string
  readonly points: number
  readonly windowMs: number
}

export interface LimitState {
  readonly rule: LimitRule
  readonly remaining: number
  /** Until the window ends. Milliseconds. */
  readonly resetMs: number
  readonly exceeded: boolean
}

export interface Limiter {
  /** Takes `points` (default 1) for `key` and says how things stand. Fixed windows that begin with the first point. */
  consume(rule: LimitRule, key: string, points?: number): Promise<LimitState>
  /** Gives points back; used when what was paid for did not happen. */
  restore(rule: LimitRule, key: string, points: number): Promise<void>
  close(): Promise<void>
}

interface Counter {
  points: number
  /** Monotonic. */
  endMs: number
}

export interface MemoryLimiterOptions {
  readonly clock: Clock
  /**
   * Counters that are kept at most. When there are more, the one that began first is forgotten, which is a favour to
   * its key; so keep it far above the number of callers that can matter within a window.
   */
  readonly keysMax: number
}

/** Counters that are looked at, for whether they are over, whenever one is added. */
const sweepStep = 4

/** Counts within this process. */
export function createMemoryLimiter({ clock, keysMax }: MemoryLimiterOptions): Limiter {
  // In the order in which the windows began.
  const counters = new Map<string, Counter>()

  const sweep = (nowMs: number) => {
    let looked = 0
    for (const [id, counter] of counters) {
      if (counter.endMs <= nowMs || counters.size >= keysMax) counters.delete(id)
      if (++looked >= sweepStep) return
    }
  }

  const current = (id: string, nowMs: number): Counter | undefined => {
    const counter = counters.get(id)
    if (counter === undefined || counter.endMs > nowMs) return counter
    counters.delete(id)
    return undefined
  }

  return {
    consume: async (rule, key, points = 1) => {
      const nowMs = clock.monotonic()
      const id = counterId(rule, key)
      let counter = current(id, nowMs)
      if (counter === undefined) {
        sweep(nowMs)
        counter = { points: 0, endMs: nowMs + rule.windowMs }
        counters.set(id, counter)
      }
      counter.points += points
      return stateOf(rule, counter.points, counter.endMs - nowMs)
    },
    restore: async (rule, key, points) => {
      const counter = current(counterId(rule, key), clock.monotonic())
      if (counter !== undefined) counter.points = Math.max(0, counter.points - points)
    },
    close: async () => counters.clear(),
  }
}

function counterId(rule: LimitRule, key: string): string {
  return `${rule.name}:${key}`
}

function stateOf(rule: LimitRule, taken: number, resetMs: number): LimitState {
  return { rule, remaining: Math.max(0, rule.points - taken), resetMs, exceeded: taken > rule.points }
}

/** What the limiter needs of a Redis connection; ioredis has it. */
export interface RedisScripts {
  eval(script: string, keyCount: number, ...keysAndArguments: (string | number)[]): Promise<unknown>
}

export interface RedisLimiterOptions {
  readonly redis: RedisScripts
  /** Counts while Redis does not answer. Its own limits then hold for each node by itself. */
  readonly fallback: Limiter
  readonly clock: Clock
  readonly log: Logger
  /** Before every key, so that several houses may share a Redis. Default `leaf:limit:`. */
  readonly prefix?: string
}

/** Redis has this long to answer a request that waits for it. */
const redisMsMax = 250
/** After a failure nobody waits for Redis for this long. */
const redisPauseMs = 1000

// One step on the server: two nodes never see each other's half-done count, and no counter is left without an end.
const consumeScript = `local taken = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) left = tonumber(ARGV[2]) end
return { taken, left }`

const restoreScript = `local taken = tonumber(redis.call('GET', KEYS[1]) or '0')
local given = math.min(taken, tonumber(ARGV[1]))
if given > 0 then redis.call('DECRBY', KEYS[1], given) end
return given`

/** Counts in Redis, for all nodes together. If Redis is gone, requests go on, counted by `fallback`, and a warning is logged. */
export function createRedisLimiter(options: RedisLimiterOptions): Limiter {
  const { redis, fallback, clock, log, prefix = 'leaf:limit:' } = options
  let pausedUntilMs = Number.NEGATIVE_INFINITY

  const ask = async (script: string, id: string, ...args: number[]): Promise<unknown> => {
    if (clock.monotonic() < pausedUntilMs) return undefined
    try {
      return await withinMs(redisMsMax, redis.eval(script, 1, prefix + id, ...args), clock)
    } catch (error) {
      pausedUntilMs = clock.monotonic() + redisPauseMs
      log.warn({ error }, 'redis does not answer: rate limits are counted in memory')
      return undefined
    }
  }

  return {
    consume: async (rule, key, points = 1) => {
      const answer = await ask(consumeScript, counterId(rule, key), points, rule.windowMs)
      if (!Array.isArray(answer)) return await fallback.consume(rule, key, points)
      return stateOf(rule, Number(answer[0]), Number(answer[1]))
    },
    restore: async (rule, key, points) => {
      const answer = await ask(restoreScript, counterId(rule, key), points)
      if (answer === undefined) await fallback.restore(rule, key, points)
    },
    close: () => fallback.close(),
  }
}

function withinMs<T>(ms: number, promise: Promise<T>, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(new Error(`expected an answer within ${ms} ms`)))
    promise.then(resolve, reject).finally(cancel)
  })
}
