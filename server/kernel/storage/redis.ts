import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'

/** A connection to Redis, opened again by itself when it is lost. */
export interface RedisConnection {
  /** Runs a Lua script. Fails at once while there is no connection: nothing is queued for later. */
  eval(script: string, keyCount: number, ...keysAndArguments: (string | number)[]): Promise<unknown>
  /** Throws a sentence when Redis does not answer; for readiness and `leaf doctor`. */
  check(): Promise<void>
  close(): Promise<void>
}

export interface RedisOptions {
  /** `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS. */
  readonly url: string
  readonly clock: Clock
  readonly log: Logger
}

const connectMsMax = 3000
const commandMsMax = 1000
const reconnectMsMax = 2000

/** After a failure this is logged at most so often. */
const warnEveryMs = 60_000

/**
 * Connects to Redis; the library is loaded here. Resolves also when Redis does not answer: it is tried again, and those
 * who use it have their own way without it.
 */
export async function openRedis({ url, clock, log }: RedisOptions): Promise<RedisConnection> {
  const { Redis } = await import('ioredis')
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: connectMsMax,
    commandTimeout: commandMsMax,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: attempt => Math.min(attempt * 100, reconnectMsMax),
  })
  let warnedMs = Number.NEGATIVE_INFINITY
  redis.on('error', (error: unknown) => {
    if (clock.monotonic() - warnedMs < warnEveryMs) return
    warnedMs = clock.monotonic()
    log.warn({ error }, 'redis cannot be reached')
  })
  redis.on('ready', () => {
    if (warnedMs > Number.NEGATIVE_INFINITY) log.info({}, 'redis can be reached again')
    warnedMs = Number.NEGATIVE_INFINITY
  })
  try {
    await redis.connect()
  } catch (error) {
    log.warn({ error }, 'redis does not answer: going on without it until it does')
  }
  return {
    eval: (script, keyCount, ...rest) => redis.eval(script, keyCount, ...rest),
    check: async () => {
      try {
        await redis.ping()
      } catch (error) {
        throw new Error(`redis does not answer (${error instanceof Error ? error.message : 'unknown'})`, {
          cause: error,
        })
      }
    },
    close: async () => {
      // QUIT waits for what is under way. A connection that broke unnoticed must not come back for it.
      if (redis.status === 'ready') await redis.quit().catch(() => undefined)
      redis.disconnect()
    },
  }
}
