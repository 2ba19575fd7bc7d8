/** What anybody reaches over HTTP. */
import type { Route } from '../../kernel/http/route.ts'
import type { EntitiesDependencies } from '../dependencies.ts'
import type { Membership } from '../store/membership.ts'
import type { PublicAreas } from '../store/public-areas.ts'
import { anybody, type Reading, type Viewer } from '../store/reading.ts'
import { entityRoute, type Exchange } from './exchange.ts'
import { createReadEntity } from './read-entity.ts'
import { createReadPayload } from './read-payload.ts'
import { createServerInfo } from './server-info.ts'
import { createStatePublic } from './state-public.ts'

const minute = 60_000

export interface EntityRoutesOptions
  extends Pick<EntitiesDependencies, 'settings' | 'database' | 'limiter' | 'accounts' | 'clock'> {
  readonly reading: Reading
  readonly publicAreas: PublicAreas
  readonly membership: Membership
  readonly serverName: string
  /** Hex. */
  readonly serverKey: string
}

export function createEntityRoutes(options: EntityRoutesOptions): readonly Route[] {
  const { settings, database, limiter, accounts, clock, reading, publicAreas, membership } = options
  const rule = { name: 'entities-read', points: settings.readLimit, windowMs: minute }
  const viewerOf = async ({ request }: Exchange): Promise<Viewer> => {
    const did = await accounts?.didOf(request)
    if (did === undefined) return anybody
    return { subspaces: (await membership.linkedBy(did)).map(({ subspace }) => subspace) }
  }
  const get = (path: string, handle: (exchange: Exchange) => Promise<void>) =>
    entityRoute({ path, methods: ['GET'], limiter, rule, handle })
  return [
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
  ]
}
