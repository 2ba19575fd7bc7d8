/** What anybody reaches over HTTP. */
import type { Verifier } from '@leaf/entities/meadowcap/verify'
import type { EntryStore } from '@leaf/entities/store/contract'
import type { Route } from '../../kernel/http/route.ts'
import type { EntitiesDependencies } from '../dependencies.ts'
import type { Throttle } from '../middleware/throttle.ts'
import type { SyncMetrics } from '../metrics.ts'
import type { Membership } from '../store/membership.ts'
import type { PublicAreas } from '../store/public-areas.ts'
import { anybody, type Reading, type Viewer } from '../store/reading.ts'
import { createDrops, type Drops } from './drop.ts'
import { entityRoute, type Exchange } from './exchange.ts'
import { createReadEntity } from './read-entity.ts'
import { createReadPayload } from './read-payload.ts'
import { createServerInfo } from './server-info.ts'
import { createStatePublic } from './state-public.ts'

const minute = 60_000

export interface EntityRoutesOptions
  extends Pick<
    EntitiesDependencies,
    'settings' | 'database' | 'blobs' | 'limiter' | 'accounts' | 'clock' | 'random' | 'log'
  > {
  readonly store: EntryStore
  readonly verifier: Verifier
  readonly throttle: Throttle
  readonly metrics: SyncMetrics
  readonly reading: Reading
  readonly publicAreas: PublicAreas
  readonly membership: Membership
  readonly serverName: string
  /** Hex. */
  readonly serverKey: string
}

export interface EntityRoutes {
  readonly routes: readonly Route[]
  readonly drops: Drops
}

export function createEntityRoutes(options: EntityRoutesOptions): EntityRoutes {
  const { settings, database, limiter, accounts, clock, reading, publicAreas, membership } = options
  const rule = { name: 'entities-read', points: settings.readLimit, windowMs: minute }
  const viewerOf = async ({ request }: Exchange): Promise<Viewer> => {
    const did = await accounts?.didOf(request)
    if (did === undefined) return anybody
    return { subspaces: (await membership.linkedBy(did)).map(({ subspace }) => subspace) }
  }
  const dropRule = { name: 'entities-drop', points: settings.dropLimit, windowMs: 60 * minute }
  const drops = createDrops({
    ...options,
    viewerOf,
    dropBytesMax: settings.dropBytesMax,
    payloadBytesMax: settings.payloadBytesMax,
    onTaken: outcomes => options.metrics.taken(outcomes),
  })
  const get = (path: string, handle: (exchange: Exchange) => Promise<void>) =>
    entityRoute({ path, methods: ['GET'], limiter, rule, handle })
  const routes = [
    get('/entities/v1/*', createReadEntity({ database, reading, viewerOf })),
    get('/entities/payload/*', createReadPayload({ reading, viewerOf })),
    get('/entities/server', createServerInfo(options)),
    entityRoute({
      path: '/entities/public',
      methods: ['POST'],
      limiter,
      rule,
      handle: createStatePublic({ publicAreas, clock }),
    }),
    entityRoute({
      path: '/entities/drop',
      methods: ['GET', 'POST'],
      limiter,
      rule: dropRule,
      handle: exchange => (exchange.request.method === 'POST' ? drops.take(exchange) : drops.give(exchange)),
    }),
  ]
  return { routes, drops }
}
