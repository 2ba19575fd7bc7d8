/**
 * Skrepka: a relay for end-to-end encrypted mail, and its part of a mesh of relays. Owns the tables `skrepka_*`, the
 * routes `/auth/challenge`, `/auth/verify`, `/poll`, `/messages`, `/federation/*`, `/.well-known/skrepka-relay` and
 * `/skrepka/*`, and everything in the blob store below `skrepka/`. Does not own: what is in the mail (it cannot read
 * it), the messenger's pages, storage, time, the network (handed in).
 */
import type { Clock } from '../kernel/clock.ts'
import type { Route } from '../kernel/http/route.ts'
import { createSealer } from '../kernel/keys.ts'
import type { System } from '../kernel/lifecycle.ts'
import type { Logger } from '../kernel/log.ts'
import type { Metrics } from '../kernel/metrics.ts'
import type { Random } from '../kernel/random.ts'
import type { BlobStore } from '../kernel/storage/blobs.ts'
import type { Database } from '../kernel/storage/database.ts'
import { ownListener, type SkrepkaSettings } from './config.ts'
import type { CallPeer, ServerName } from './contract.ts'
import { openHouseKeys } from './database/house-key.ts'
import { migrations } from './database/schema.ts'
import { createBodyReader } from './http/body.ts'
import { createNodeHandler } from './http/node.ts'
import { relayPaths } from './http/paths.ts'
import { createRelay } from './relay.ts'
import { addMetrics, createStatus } from './status.ts'

export interface SkrepkaDependencies {
  readonly settings: SkrepkaSettings
  /** Without a trailing slash; its host and port are the relay's name unless the settings have one. */
  readonly publicUrl: string
  readonly database: Database
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  /** Calls other relays by the rules of the network, for a relay of this name. */
  readonly callPeer: CallPeer
}

/** The relay as a system, and its own listener's routes. */
export type Skrepka = Awaited<ReturnType<typeof createSkrepka>>

/** The relay's name by its settings, or by the address of the house. */
export function serverHostOf(settings: Pick<SkrepkaSettings, 'serverHost'>, publicUrl: string): ServerName {
  return settings.serverHost ?? new URL(publicUrl).host.toLowerCase()
}

/** Brings the tables up to date and builds the relay. Nothing runs in the background before `system.start`. */
export async function createSkrepka(deps: SkrepkaDependencies) {
  const { settings, database, blobs, clock, random, log, metrics, callPeer } = deps
  const serverHost = serverHostOf(settings, deps.publicUrl)
  await database.migrate('skrepka', migrations)
  const keys = await openHouseKeys(database, { fresh: random.bytes(32), nowMs: clock.now() })
  const relay = await createRelay({
    settings,
    serverHost,
    houseKey: keys.current,
    ...(keys.previous === undefined ? {} : { previousHouseKey: keys.previous }),
    clock,
    random,
    database,
    blobs,
    log,
    metrics,
    callPeer,
    ...(settings.seal === undefined ? {} : { sealer: createSealer(settings.seal, random) }),
  })
  const bodies = createBodyReader({ clock, inFlightMax: settings.bodyBytesInFlightMax })
  const handle = createNodeHandler({ relay, bodies, settings, log })
  addMetrics(metrics, { relay, bodyBytes: bodies.inFlight })
  const system: System = {
    name: 'skrepka',
    routes: relayPaths.map((path): Route => ({ path, handle, writesRequestId: true })),
    upgrades: [],
    start: () => relay.start(),
    stop: async () => {
      bodies.stop()
      await relay.stop()
    },
    status: createStatus({ settings, serverHost, database, relay }),
  }
  const ownRoutes: readonly Route[] = [{ path: '/*', handle, writesRequestId: true }]
  return { system, relay, serverHost, ownListener: ownListener(settings), ownRoutes }
}
