/** The only file that knows everybody: opens what the settings ask for, and hands each room what it needs. */
import { readConfiguration } from './configuration.ts'
import { systemClock } from './kernel/clock.ts'
import type { Environment } from './kernel/config.ts'
import { createOperatorFetch, createSafeFetch } from './kernel/fetch.ts'
import { createHealthRoutes } from './kernel/http/health.ts'
import { createProxyTrust } from './kernel/http/proxies.ts'
import { freePort } from './kernel/http/free-port.ts'
import { createHttpServer } from './kernel/http/server.ts'
import { createPlcClient } from './kernel/identity/plc-client.ts'
import { createPlcDirectory } from './kernel/identity/plc-directory.ts'
import { createIdentityResolver } from './kernel/identity/resolver.ts'
import { createSealer } from './kernel/keys.ts'
import { createLifecycle, type System } from './kernel/lifecycle.ts'
import { createMemoryLimiter, createRedisLimiter, type Limiter } from './kernel/limit.ts'
import { createLogger, type Logger } from './kernel/log.ts'
import { createMetrics } from './kernel/metrics.ts'
import { systemRandom } from './kernel/random.ts'
import type { House } from './kernel/run.ts'
import { type HouseSettings, s3Of } from './kernel/settings.ts'
import { openDataFolder } from './kernel/storage/data-folder.ts'
import { openBlobs, openDatabase } from './kernel/storage/open.ts'
import { openSequence } from './kernel/storage/sequence.ts'
import { processTerminal } from './kernel/terminal.ts'
import { createPds } from './pds/index.ts'
import { version } from './version.ts'
import { createWeb } from './web/index.ts'

interface ComposeOptions {
  readonly env: Environment
  /** Stops the process: for state that must not be served any longer. */
  readonly onFatal: (error: unknown) => void
}

/** Counters kept in memory; far above the number of callers within a window. */
const limiterKeysMax = 200_000

/** Reads the settings and builds the house; nothing listens yet. Throws ConfigError with every fault at once. */
export async function compose({ env, onFatal }: ComposeOptions): Promise<House> {
  const { mode, values, notes } = readConfiguration(env)
  const { house, pds: pdsSettings } = values
  const production = mode === 'production'
  const port = house.port === 0 ? await freePort() : house.port
  const publicUrl = house.publicUrl ?? `http://localhost:${port}`
  const clock = systemClock
  const random = systemRandom
  const log = createLogger({ level: house.logLevel, format: house.logFormat, write: processTerminal.error })
  for (const { name, sentence } of notes) log.warn({}, `${name} ${sentence}`)
  const metrics = createMetrics()
  const lifecycle = createLifecycle({ clock, log, deadlineMs: house.shutdownSeconds * 1000 })

  const folder = openDataFolder(house.dataDir)
  const storage = {
    dataDir: house.dataDir,
    databaseUrl: house.databaseUrl,
    s3: s3Of(house),
    clock,
    random,
    log: log.child({ room: 'storage' }),
  }
  const database = await openDatabase(storage)
  const blobs = await openBlobs(storage)
  const limiter = await openLimiter(house, log)
  lifecycle.add({
    name: 'storage',
    stop: async () => {
      await database.close()
      folder.close()
    },
  })
  lifecycle.add({ name: 'limits', stop: () => limiter.close() })

  // The embedded directory gets its address when it starts; nobody asks for it before.
  let plcUrl = house.plcDirectoryUrl ?? ''
  if (house.plcDirectoryUrl === undefined) {
    const directory = createPlcDirectory({ database, clock, log: log.child({ room: 'plc' }), version })
    lifecycle.add({
      name: 'plc directory',
      start: async () => {
        plcUrl = await directory.start({ port: house.plcPort })
      },
      stop: () => directory.stop(),
    })
  }
  const fetch = createSafeFetch({ allowLoopback: !production })
  const operatorFetch = createOperatorFetch()
  const resolver = createIdentityResolver({
    fetch,
    operatorFetch,
    plcUrl: () => plcUrl,
    clock,
    allowLocalhost: !production,
  })

  const web = await createWeb({ production, publicUrl, clock, systems: () => systems })
  const sequence = await openSequence({ database, name: 'firehose', folder: house.dataDir })
  lifecycle.add({ name: 'sequence', stop: () => sequence.close() })
  const pds = await createPds({
    settings: pdsSettings,
    production,
    publicUrl,
    port,
    version,
    database,
    blobs,
    sequence,
    clock,
    random,
    log: log.child({ system: 'pds' }),
    metrics,
    limiter,
    fetch,
    operatorFetch,
    resolver,
    plc: createPlcClient({ url: () => plcUrl, fetch: operatorFetch }),
    sealer: createSealer(pdsSettings.keyEncryptionSecret, random),
    pages: web.authPages,
  })
  const pages = web.open(pds)
  const systems: readonly System[] = [pds.system]

  const tracer = house.otel ? await openTracer(env) : undefined
  const health = createHealthRoutes({
    checks: [
      { name: 'database', check: () => database.check() },
      { name: 'blobs', check: () => blobs.check() },
    ],
    stopping: lifecycle.stopping,
    metrics,
    metricsToken: house.metricsToken,
    clock,
  })
  const server = createHttpServer({
    mounts: [{ name: 'house', routes: health, upgrades: [] }, pages, ...systems],
    hosts: house.bind,
    port,
    trust: createProxyTrust(house.trustedProxies),
    localHostsOnly: !production,
    clock,
    random,
    log: log.child({ room: 'http' }),
    metrics,
    onCorruption: onFatal,
    problemPage: web.problemPage,
    ...(tracer === undefined ? {} : { tracer }),
    connectionsMax: house.connectionsMax,
  })
  if (tracer !== undefined) lifecycle.add({ name: 'traces', stop: () => tracer.close() })
  lifecycle.add({
    name: 'http',
    start: async () => void (await server.listen()),
    quiesce: () => server.stopAccepting(),
    stop: deadlineMs => server.close(deadlineMs),
  })
  // Stopped before the server: it waits for sockets, which only their systems can end with a reason.
  for (const system of systems) lifecycle.add(system)

  return {
    start: async () => {
      await lifecycle.start()
      const lines = await Promise.all(
        systems.map(async system => `${system.name}: ${(await system.status()).line}`),
      )
      if (house.plcDirectoryUrl === undefined) lines.push(`plc directory for development: ${plcUrl}`)
      return { address: publicUrl, lines }
    },
    stop: () => lifecycle.stop(),
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
