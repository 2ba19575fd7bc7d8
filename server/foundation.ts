/** What every system stands on, opened as the settings ask: storage, limits, the network, identities, listeners. */
import { type Clock, systemClock } from './kernel/clock.ts'
import type { Environment, Mode } from './kernel/config.ts'
import { createOperatorFetch, createSafeFetch, type SafeFetch } from './kernel/fetch.ts'
import type { Tracer } from './kernel/http/access.ts'
import type { ProblemPage } from './kernel/http/answer.ts'
import { freePort } from './kernel/http/free-port.ts'
import { createProxyTrust } from './kernel/http/proxies.ts'
import type { Mount } from './kernel/http/router.ts'
import { createHttpServer } from './kernel/http/server.ts'
import { type OwnName, ownNameOf } from './kernel/identity/own-did.ts'
import { createPlcClient } from './kernel/identity/plc-client.ts'
import { createPlcDirectory } from './kernel/identity/plc-directory.ts'
import { createIdentityResolver } from './kernel/identity/resolver.ts'
import type { IdentityResolver, PlcClient } from './kernel/identity/types.ts'
import { createLifecycle, type Lifecycle } from './kernel/lifecycle.ts'
import { createMemoryLimiter, createRedisLimiter, type Limiter } from './kernel/limit.ts'
import { createLogger, type Logger } from './kernel/log.ts'
import { createMetrics, type Metrics } from './kernel/metrics.ts'
import { type Random, systemRandom } from './kernel/random.ts'
import { type HouseSettings, s3Of } from './kernel/settings.ts'
import type { Spans } from './kernel/spans.ts'
import type { BlobStore } from './kernel/storage/blobs.ts'
import { openDataFolder } from './kernel/storage/data-folder.ts'
import type { Database } from './kernel/storage/database.ts'
import { openBlobs, openDatabase } from './kernel/storage/open.ts'
import { processTerminal } from './kernel/terminal.ts'
import { version } from './version.ts'

/** Handed to systems as it is; each takes what it needs. */
export interface Foundation {
  readonly house: HouseSettings
  readonly production: boolean
  /** Of the one address; never 0. */
  readonly port: number
  /** Without a trailing slash. */
  readonly publicUrl: string
  readonly name: OwnName
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
  readonly database: Database
  readonly blobs: BlobStore
  readonly limiter: Limiter
  /** For addresses that others chose. */
  readonly fetch: SafeFetch
  /** For addresses that the operator chose. */
  readonly operatorFetch: SafeFetch
  readonly resolver: IdentityResolver
  readonly plc: PlcClient
  /** Where the PLC directory is; known once it has started. */
  readonly plcUrl: () => string
  /** Traces of what is no request; absent when nobody traces. */
  readonly spans?: Spans
  /** Adds an HTTP server to the lifecycle. */
  readonly serve: (server: ServeOptions) => void
}

export interface ServeOptions {
  /** In the log: `http`, `streams listener`. */
  readonly name: string
  readonly mounts: readonly Mount[]
  readonly hosts: readonly string[]
  readonly port: number
  readonly problemPage?: ProblemPage
}

interface FoundationOptions {
  readonly house: HouseSettings
  readonly mode: Mode
  /** The host name that the operator set. */
  readonly hostname: string | undefined
  readonly env: Environment
  /** Stops the process: for state that must not be served any longer. */
  readonly onFatal: (error: unknown) => void
}

/** Counters kept in memory; far above the number of callers within a window. */
const limiterKeysMax = 200_000

/** Opens it all; nothing listens yet. What was opened is closed by the lifecycle. */
export async function layFoundation(options: FoundationOptions): Promise<Foundation> {
  const { house } = options
  const production = options.mode === 'production'
  const port = house.port === 0 ? await freePort() : house.port
  const publicUrl = house.publicUrl ?? `http://localhost:${port}`
  const clock = systemClock
  const random = systemRandom
  const log = createLogger({ level: house.logLevel, format: house.logFormat, write: processTerminal.error })
  const metrics = createMetrics()
  const lifecycle = createLifecycle({ clock, log, deadlineMs: house.shutdownSeconds * 1000 })
  const storage = await openStorage(house, lifecycle, log)
  const limiter = await openLimiter(house, log)
  lifecycle.add({ name: 'limits', stop: () => limiter.close() })
  const plcUrl = openPlc({ house, database: storage.database, lifecycle, log })
  const tracer = house.otel ? await openTracer(options.env) : undefined
  if (tracer !== undefined) lifecycle.add({ name: 'traces', stop: () => tracer.close() })
  const fetch = createSafeFetch({ allowLoopback: !production })
  const operatorFetch = createOperatorFetch()
  const base = { house, production, port, publicUrl, clock, random, log, metrics, lifecycle }
  return {
    ...base,
    ...storage,
    name: ownNameOf(publicUrl, options.hostname),
    version,
    limiter,
    fetch,
    operatorFetch,
    resolver: createIdentityResolver({ fetch, operatorFetch, plcUrl, clock, allowLocalhost: !production }),
    plc: createPlcClient({ url: plcUrl, fetch: operatorFetch }),
    plcUrl,
    ...(tracer === undefined ? {} : { spans: tracer.spans }),
    serve: createServe(base, options.onFatal, tracer),
  }
}

async function openStorage(house: HouseSettings, lifecycle: Lifecycle, log: Logger) {
  const folder = openDataFolder(house.dataDir)
  const options = {
    dataDir: house.dataDir,
    databaseUrl: house.databaseUrl,
    s3: s3Of(house),
    clock: systemClock,
    random: systemRandom,
    log: log.child({ room: 'storage' }),
  }
  const database = await openDatabase(options)
  const blobs = await openBlobs(options)
  lifecycle.add({
    name: 'storage',
    stop: async () => {
      await database.close()
      folder.close()
    },
  })
  return { database, blobs }
}

/** The embedded directory gets its address when it starts; nobody asks for it before. */
function openPlc(options: {
  readonly house: HouseSettings
  readonly database: Database
  readonly lifecycle: Lifecycle
  readonly log: Logger
}): () => string {
  const { house, database, lifecycle, log } = options
  if (house.plcDirectoryUrl !== undefined) {
    const url = house.plcDirectoryUrl
    return () => url
  }
  let url = ''
  const directory = createPlcDirectory({
    database,
    clock: systemClock,
    log: log.child({ room: 'plc' }),
    version,
  })
  lifecycle.add({
    name: 'plc directory',
    start: async () => {
      url = await directory.start({ port: house.plcPort })
    },
    stop: () => directory.stop(),
  })
  return () => url
}

function createServe(
  base: Pick<Foundation, 'house' | 'production' | 'clock' | 'random' | 'log' | 'metrics' | 'lifecycle'>,
  onFatal: (error: unknown) => void,
  tracer: Tracer | undefined,
): Foundation['serve'] {
  const { house, lifecycle } = base
  return ({ name, ...rest }) => {
    const server = createHttpServer({
      ...rest,
      trust: createProxyTrust(house.trustedProxies),
      localHostsOnly: !base.production,
      clock: base.clock,
      random: base.random,
      log: base.log.child({ room: 'http' }),
      metrics: base.metrics,
      onCorruption: onFatal,
      ...(tracer === undefined ? {} : { tracer }),
      connectionsMax: house.connectionsMax,
    })
    lifecycle.add({
      name,
      start: async () => void (await server.listen()),
      quiesce: () => server.stopAccepting(),
      stop: deadlineMs => server.close(deadlineMs),
    })
  }
}

async function openLimiter(house: HouseSettings, log: Logger): Promise<Limiter> {
  const memory = createMemoryLimiter({ clock: systemClock, keysMax: limiterKeysMax })
  if (house.redisUrl === undefined) return memory
  const { openRedis } = await import('./kernel/storage/redis.ts')
  const redis = await openRedis({ url: house.redisUrl, clock: systemClock, log })
  const limiter = createRedisLimiter({ redis, fallback: memory, clock: systemClock, log })
  return {
    ...limiter,
    close: async () => {
      await limiter.close()
      await redis.close()
    },
  }
}

async function openTracer(env: Environment) {
  const { createTracer } = await import('./kernel/otel.ts')
  return createTracer({ env, version })
}
