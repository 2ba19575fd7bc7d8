/**
 * Streams: authoritative event logs with SQL modules, subscriptions and queries, in the Leaf Framework's wire format.
 * Owns the tables `streams_*`, the folder `streams` in the data folder, the routes `/socket.io` and `/streams/*`, and
 * the service `#leaf_server` of the server's DID document. Does not own: accounts, the PLC directory, storage, time,
 * the network (all handed in).
 */
import { join } from 'node:path'
import type { Mount } from '../kernel/http/router.ts'
import type { System } from '../kernel/lifecycle.ts'
import type { StreamsDependencies } from './dependencies.ts'
import { createDoor } from './door.ts'
import { engineSettings, hostLimits } from './engine-settings.ts'
import type { HostSources, SqlHosts } from './host/contract.ts'
import type { HostLimits } from './host/limits.ts'
import { leafServerEntry } from './http/own-listener.ts'
import { createStreamsEngine, migrateStreams, type StreamsEngine } from './stream/engine.ts'
import { createHostSources } from './stream/sources.ts'

/** Streams as a system, and what pages and the command line ask of them. */
export type StreamsSystem = Awaited<ReturnType<typeof createStreams>>

/** What the listener of streams' own serves, and where. */
export interface OwnListener {
  readonly name: string
  readonly mounts: readonly Mount[]
  readonly hosts: readonly string[]
  readonly port: number
}

interface CreateStreamsOptions extends StreamsDependencies {
  /** Makes what runs the SQL of modules. */
  readonly openHosts: (sources: HostSources, folder: string, limits: Partial<HostLimits>) => SqlHosts
}

/** Brings the tables up to date and builds streams. Nothing runs in the background before `system.start`. */
export async function createStreams(deps: CreateStreamsOptions) {
  const { settings, database, log, publicUrl } = deps
  await migrateStreams(database)
  const hosts = deps.openHosts(
    createHostSources(database),
    join(deps.dataDir, 'streams'),
    hostLimits(settings),
  )
  const engine = createStreamsEngine({ ...deps, hosts, settings: engineSettings(settings, publicUrl) })
  const door = createDoor(deps, engine)
  if (settings.unsafeAuthToken !== undefined && deps.production)
    log.warn({}, 'UNSAFE_AUTH_TOKEN is set: whoever has it may send events in the name of anybody')
  const system: System = {
    name: 'streams',
    routes: door.routes,
    upgrades: door.upgrades,
    start: () => engine.start(),
    stop: async deadlineMs => {
      // Connections first: their calls are answered while there is an engine.
      await door.stop(deadlineMs / 2)
      await engine.stop()
      await hosts.close()
    },
    status: async () => ({ ok: true, line: await statusLine(engine, door.counts()) }),
  }
  const { listen } = settings
  const listener: OwnListener | undefined =
    listen === undefined
      ? undefined
      : { name: 'streams listener', mounts: [door.own], hosts: [listen.host], port: listen.port }
  return { system, engine, listener, serverDid: door.serverDid, service: leafServerEntry(publicUrl) }
}

async function statusLine(
  engine: Pick<StreamsEngine, 'counts'>,
  { connections }: { readonly connections: number },
): Promise<string> {
  const { streams, events, subscriptions } = await engine.counts()
  const many = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`
  return `${many(streams, 'stream')}, ${many(events, 'event')}; ${many(connections, 'connection')}, ${many(subscriptions, 'subscription')}`
}
