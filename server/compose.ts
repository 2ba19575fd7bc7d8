/** The only file that knows everybody: lays the foundation, and hands each room what it needs. */
import { type Configuration, readConfiguration } from './configuration.ts'
import { layFoundation, type Foundation } from './foundation.ts'
import { spawnChild } from './kernel/child.ts'
import type { Environment } from './kernel/config.ts'
import { diskFolders } from './kernel/files.ts'
import { hostname } from './kernel/machine.ts'
import { freePort } from './kernel/http/free-port.ts'
import { createHealthRoutes } from './kernel/http/health.ts'
import { createDidDocumentRoute, type ServiceEntry } from './kernel/identity/own-did.ts'
import { createSealer } from './kernel/keys.ts'
import type { System } from './kernel/lifecycle.ts'
import type { House } from './kernel/run.ts'
import { nodeIdOf } from './kernel/storage/node-id.ts'
import { openSequence } from './kernel/storage/sequence.ts'
import type { PdsSettings } from './pds/config.ts'
import { createPds, type Pds } from './pds/index.ts'
import type { SkrepkaSettings } from './skrepka/config.ts'
import type { Skrepka } from './skrepka/index.ts'
import type { MessengerSettings } from './skrepka/messenger/config.ts'
import { createWeb, type Web } from './web/index.ts'

interface ComposeOptions {
  readonly env: Environment
  /** Stops the process: for state that must not be served any longer. */
  readonly onFatal: (error: unknown) => void
}

/** Reads the settings and builds the house; nothing listens yet. Throws ConfigError with every fault at once. */
export async function compose({ env, onFatal }: ComposeOptions): Promise<House> {
  const { mode, values, notes } = readConfiguration(env)
  const { house } = values
  const ground = await layFoundation({ house, mode, hostname: values.pds.hostname, env, onFatal })
  const { production, publicUrl, clock, log, lifecycle } = ground
  for (const { name, sentence } of notes) log.warn({}, `${name} ${sentence}`)

  const systems: System[] = []
  const services: ServiceEntry[] = []
  const web = await createWeb({ production, publicUrl, clock, systems: () => systems })
  const pds = house.systems.includes('pds') ? await openPds(ground, values.pds, web) : undefined
  if (pds !== undefined) {
    systems.push(pds.system)
    services.push(pds.service)
  }

  const streams = house.systems.includes('streams') ? await openStreams(ground, values, pds) : undefined
  if (streams !== undefined) {
    systems.push(streams.system)
    services.push(streams.service)
  }
  const skrepka = house.systems.includes('skrepka') ? await openSkrepka(ground, values.skrepka) : undefined
  if (skrepka !== undefined) systems.push(skrepka.system)

  const entities = house.systems.includes('entities') ? await openEntities(ground, values, pds) : undefined
  if (entities !== undefined) systems.push(entities.system)
  const messengerUrl =
    skrepka === undefined ? undefined : await serveMessenger(ground, values.messenger, skrepka)
  const health = createHealthRoutes({
    checks: [
      { name: 'database', check: () => ground.database.check() },
      { name: 'blobs', check: () => ground.blobs.check() },
    ],
    stopping: lifecycle.stopping,
    metrics: ground.metrics,
    metricsToken: house.metricsToken,
    clock,
  })
  const didDocument = createDidDocumentRoute({
    name: ground.name,
    services,
    isPersonsHost: hostname => pds?.identity.handles.isOurs(hostname) ?? false,
  })
  ground.serve({
    name: 'http',
    mounts: [
      { name: 'house', routes: [...health, didDocument], upgrades: [] },
      web.open(pds, { streamsDid: streams?.serverDid, messengerUrl, entities }),
      ...systems,
    ],
    hosts: house.bind,
    port: ground.port,
    problemPage: web.problemPage,
  })
  if (streams?.listener !== undefined) ground.serve(streams.listener)
  if (skrepka?.ownListener !== undefined) {
    const { host, port } = skrepka.ownListener
    const mounts = [{ name: 'skrepka', routes: skrepka.ownRoutes, upgrades: [] }]
    ground.serve({ name: 'skrepka listener', mounts, hosts: [host], port })
  }
  // Stopped before the servers: they wait for sockets, which only their systems can end with a reason.
  for (const system of systems) lifecycle.add(system)

  return {
    start: async () => {
      await lifecycle.start()
      const lines = await Promise.all(
        systems.map(async system => `${system.name}: ${(await system.status()).line}`),
      )
      if (messengerUrl !== undefined) lines.push(`messenger: ${messengerUrl}`)
      if (house.plcDirectoryUrl === undefined) lines.push(`plc directory for development: ${ground.plcUrl()}`)
      return { address: publicUrl, lines }
    },
    stop: () => lifecycle.stop(),
  }
}

async function openPds(ground: Foundation, settings: PdsSettings, web: Web) {
  const sequence = await openSequence({
    database: ground.database,
    name: 'firehose',
    folder: ground.house.dataDir,
  })
  ground.lifecycle.add({ name: 'sequence', stop: () => sequence.close() })
  return createPds({
    ...ground,
    log: ground.log.child({ system: 'pds' }),
    settings,
    sequence,
    sealer: createSealer(settings.keyEncryptionSecret, ground.random),
    pages: web.authPages,
  })
}

async function openStreams(
  ground: Foundation,
  { pds: { keyEncryptionSecret }, streams: settings }: Configuration['values'],
  pds: Pds | undefined,
) {
  const { createStreams } = await import('./streams/index.ts')
  const { createSqlHosts } = await import('./streams/host/hosts.ts')
  const { house, clock, random } = ground
  const log = ground.log.child({ system: 'streams' })
  return createStreams({
    ...ground,
    log,
    settings,
    dataDir: house.dataDir,
    sealer: createSealer(keyEncryptionSecret, random),
    ...(ground.database.engine === 'sqlite'
      ? {}
      : { node: { id: nodeIdOf(house.dataDir, random), address: `${hostname()}:${ground.port}` } }),
    isMember: async did => (await pds?.forOthers.isMember(did)) ?? false,
    openHosts: (sources, folder, limits) =>
      createSqlHosts({
        folder,
        sources,
        clock,
        log,
        metrics: ground.metrics,
        limits,
        spawn: spawnChild,
        folders: diskFolders,
      }),
  })
}

async function openEntities(
  ground: Foundation,
  { pds: { keyEncryptionSecret }, entities: settings }: Configuration['values'],
  pds: Pds | undefined,
) {
  const { createEntities } = await import('./entities/index.ts')
  return createEntities({
    ...ground,
    log: ground.log.child({ system: 'entities' }),
    settings,
    sealer: createSealer(keyEncryptionSecret, ground.random),
    ...(pds === undefined ? {} : { accounts: pds.forOthers }),
  })
}

async function openSkrepka(ground: Foundation, settings: SkrepkaSettings) {
  const { createSkrepka, serverHostOf } = await import('./skrepka/index.ts')
  const { createCallPeer } = await import('./skrepka/mesh/call-peer.ts')
  return createSkrepka({
    ...ground,
    log: ground.log.child({ system: 'skrepka' }),
    settings,
    callPeer: createCallPeer({
      serverHost: serverHostOf(settings, ground.publicUrl),
      scheme: settings.federationScheme,
      trusted: settings.seedPeers,
      clock: ground.clock,
    }),
  })
}

/** Gives the messenger's address; undefined when there is none. */
async function serveMessenger(ground: Foundation, settings: MessengerSettings, skrepka: Skrepka) {
  const { listen } = settings
  if (listen === 'off') return undefined
  const { host, port } =
    listen === 'next' ? { host: '127.0.0.1', port: await freePort(ground.port + 1) } : listen
  const { createMessenger } = await import('./skrepka/messenger/routes.ts')
  const relay = { name: skrepka.serverHost, url: ground.publicUrl }
  const routes = await createMessenger({ relay: () => relay, production: ground.production })
  const mounts = [{ name: 'messenger', routes, upgrades: [] }]
  ground.serve({ name: 'messenger listener', mounts, hosts: [host], port })
  return settings.url ?? `http://localhost:${port}`
}
