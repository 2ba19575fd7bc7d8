/** The mesh: presence and mail between relays. Puts its rooms together and answers what peers ask. */
import type { Mesh } from '../contract.ts'
import type { MeshDependencies } from './dependencies.ts'
import { ownPresence } from './own-presence.ts'
import { createRooms } from './rooms.ts'
import { createRoutes } from './routes.ts'

/** What the relay tells of its mesh. */
export interface MeshCounts {
  readonly peers: number
  readonly forwards: number
}

/** The mesh of one relay. Its tables are those of `meshMigrations`. */
export function createMesh(deps: MeshDependencies): Mesh & { counts(): Promise<MeshCounts> } {
  const { settings, clock, log } = deps
  const stopping = new AbortController()
  const rooms = createRooms(deps, stopping.signal)
  const { gossip, delivery, contact, peers, staging, forget, sweep, counts } = rooms
  const answer = createRoutes(deps, rooms)
  const own = ownPresence({ settings, clock, gossip })
  let cancelSweep = () => {}
  let sweeping = Promise.resolve()

  // The next sweep begins some time after this one ended, so that a slow one never meets itself.
  const sweepOn = () => {
    sweeping = sweep().then(() => {
      if (!stopping.signal.aborted) cancelSweep = clock.after(settings.backgroundPruneInterval, sweepOn)
    })
  }

  return {
    present: own.present,
    announce: own.announce,
    absent: own.absent,
    stage: async (tx, stored) => (settings.federationEnabled ? await staging.stored(tx, stored) : []),
    deliver: servers => {
      for (const server of servers) delivery.deliver(server)
    },
    forget,
    answer,
    counts,
    start: () => {
      if (settings.federationEnabled) {
        sweeping = peers
          .load()
          .catch((error: unknown) => log.error({ error }, 'the peers could not be read'))
          .then(() => {
            for (const server of peers.told()) gossip.introduce(server)
            sweepOn()
          })
      } else sweepOn()
    },
    stop: async () => {
      stopping.abort()
      cancelSweep()
      await sweeping
      await Promise.all([gossip.idle(), delivery.idle(), contact.idle()])
    },
  }
}
