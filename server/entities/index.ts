/**
 * Entities: a store of the Leaf Protocol that people's devices sync with. Owns the tables `entities_*`, the routes
 * `/entities/sync`, `/entities/v1/*`, `/entities/payload/*`, `/entities/drop` and `/entities/public`, and everything in
 * the blob store below `entities/`. Does not own: what entities are and how they are proven (`packages/entities`), the
 * pages that show them (`web`), accounts, storage, time (handed in).
 */
import { createNodeEd25519 } from '@leaf/entities/node/ed25519'
import type { System } from '../kernel/lifecycle.ts'
import { migrations } from './database/schema.ts'
import { openServerKey } from './database/server-key.ts'
import type { EntitiesDependencies } from './dependencies.ts'
import { createSyncMetrics } from './metrics.ts'
import { createPlaces } from './middleware/places.ts'
import { createThrottle } from './middleware/throttle.ts'
import { createEntityRoutes } from './http/routes.ts'
import { hexOf } from './hex.ts'
import { createStatus } from './status.ts'
import { createKeeping } from './store/keeping.ts'
import { createLargePayloads } from './store/large-payloads.ts'
import { createMembership } from './store/membership.ts'
import { createPublicAreas } from './store/public-areas.ts'
import { createReading } from './store/reading.ts'
import { createServerStore } from './store/server-store.ts'
import { createSyncSocket } from './sync/socket.ts'

/** Entities as a system, and what pages and the command line ask of them. */
export type Entities = Awaited<ReturnType<typeof createEntities>>

/** Brings the tables up to date and builds entities. Nothing runs in the background before `system.start`. */
export async function createEntities(deps: EntitiesDependencies) {
  const { settings, database, clock, random, log, sealer } = deps
  await database.migrate('entities', migrations)
  const ed25519 = createNodeEd25519()
  const fresh = random.bytes(32)
  const keyPair = await openServerKey({ database, sealer, ed25519, fresh, nowMs: clock.now() })
  const serverKey = keyPair.publicKey
  const serverName = new URL(deps.publicUrl).host
  const keeping = createKeeping({ settings, database, clock })
  const large = createLargePayloads(deps)
  const { store, verifier } = createServerStore({ ...deps, ed25519, keeping, large })
  const publicAreas = createPublicAreas({
    database,
    verifier,
    ed25519,
    keeping,
    serverName,
    serverKey,
    clock,
  })
  const membership = createMembership({
    database,
    store,
    keeping,
    ed25519,
    accounts: deps.accounts,
    clock,
    log,
  })
  const reading = createReading({ database, store, publicAreas })
  const metrics = createSyncMetrics(deps.metrics, () => socket.count())
  const throttle = createThrottle({ perSecond: settings.entriesPerSecond, clock })
  const { routes, drops } = createEntityRoutes({
    ...deps,
    store,
    verifier,
    throttle,
    metrics,
    reading,
    publicAreas,
    membership,
    serverName,
    serverKey: hexOf(serverKey),
  })
  const socket = createSyncSocket({
    store,
    verifier,
    ed25519,
    serverName,
    serverKey,
    isPublic: request => publicAreas.isPublicArea(request),
    payloadBytesMax: settings.payloadBytesMax,
    places: createPlaces({ max: settings.connectionsMax, perNetworkMax: settings.connectionsPerAddressMax }),
    throttle,
    clock,
    random,
    log,
    metrics,
  })
  const system: System = {
    name: 'entities',
    routes,
    upgrades: [socket.route],
    start: async () => {
      large.start()
      membership.start()
      drops.sweep().catch((error: unknown) => log.warn({ error }, 'drops that were left behind stay there'))
      socket.start()
    },
    stop: async deadlineMs => {
      await socket.stop(deadlineMs / 2)
      await membership.stop()
      await large.stop()
      keeping.stop()
      publicAreas.stop()
      await store.close()
    },
    status: createStatus({ database, store, connections: () => socket.count() }),
  }
  return {
    system,
    store,
    database,
    /** Hex, of what is kept here. */
    namespaces: settings.namespaces,
    serverKey,
    serverName,
    publicAreas,
    membership,
    reading,
  }
}
