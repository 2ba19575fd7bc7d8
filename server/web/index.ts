/**
 * Pages that people see: home, account, development's mail, and how sign-in looks. Owns `/`, `/account`, `/mail`,
 * `/live` and the assets. Does not own: sign-in's routes and cookies (`pds/auth`, which is handed the functions that
 * render its pages).
 */
import type { Clock } from '../kernel/clock.ts'
import type { ProblemPage } from '../kernel/http/answer.ts'
import { createAssets } from '../kernel/http/assets.ts'
import type { Route } from '../kernel/http/route.ts'
import type { Mount } from '../kernel/http/router.ts'
import type { Did } from '../kernel/identity/types.ts'
import type { System } from '../kernel/lifecycle.ts'
import { type Exchange, type PageHttpDeps, pageRoute, sendPage } from '../pds/auth/page-http.ts'
import type { AuthPages } from '../pds/auth/pages.ts'
import type { Pds } from '../pds/index.ts'
import type { Entities } from '../entities/index.ts'
import { accountRoutes } from './account-routes.ts'
import { ago } from './ago.ts'
import { entitiesAccountRoutes } from './entities-account-routes.ts'
import { type BrowsingViewer, browseRoutes } from './entities-routes.ts'
import type { PageOptions, Viewer } from './layout.ts'
import { createLiveRoute } from './live.ts'
import { homePage } from './pages/home.ts'
import { mailPage } from './pages/mail.ts'
import { createAuthPages, problemDocument } from './pages/sign-in.ts'

/** What else runs in the house, as pages need it. */
export interface Neighbours {
  /** The DID that tokens for streams name; undefined: there are none. */
  readonly streamsDid: string | undefined
  readonly messengerUrl: string | undefined
  readonly entities: Entities | undefined
}

interface WebDependencies {
  readonly production: boolean
  /** Without a trailing slash. */
  readonly publicUrl: string
  readonly clock: Clock
  /** What runs; asked for when a page is shown. */
  readonly systems: () => readonly System[]
}

export interface Web {
  readonly authPages: AuthPages
  readonly problemPage: ProblemPage
  /** The routes, once it is known whether there is a PDS; without one nobody signs in, and there is the home page alone. */
  open(pds: Pds | undefined, neighbours: Neighbours): Mount
}

/** Reads the assets and makes the pages. */
export async function createWeb(deps: WebDependencies): Promise<Web> {
  const assets = await createAssets({ folder: new URL('assets/', import.meta.url), prefix: '/assets' })
  const frame = { asset: (name: string) => assets.url(name), development: !deps.production }
  let neighbours: Neighbours = { streamsDid: undefined, messengerUrl: undefined, entities: undefined }
  const home: Home = async ({ viewer, handleDomain }) => {
    const systems = await Promise.all(
      deps.systems().map(async system => ({ name: system.name, ...(await system.status()) })),
    )
    const model = {
      frame: { ...frame, viewer },
      publicUrl: deps.publicUrl,
      handleDomain,
      systems,
      ...neighbours,
    }
    return homePage(model).toString()
  }
  return {
    authPages: createAuthPages(frame),
    problemPage: problem => problemDocument(frame, problem),
    open: (pds, given) => {
      neighbours = given
      const routes =
        pds === undefined ? [plainHome(home)] : pdsRoutes({ ...deps, frame, pds, home, neighbours })
      routes.push(...entitiesRoutes({ ...deps, frame }, pds, given.entities))
      return { name: 'web', routes: [...routes, assets.route], upgrades: [] }
    },
  }
}

type Home = (options: {
  readonly viewer?: Viewer | undefined
  readonly handleDomain?: string
}) => Promise<string>

/** The home page of a house without a PDS: nobody signs in. */
function plainHome(home: Home): Route {
  return {
    path: '/',
    methods: ['GET'],
    handle: async (request, response, context) =>
      sendPage({ request, response, context, query: new URLSearchParams() }, { html: await home({}) }),
  }
}

interface PdsRouteDeps extends WebDependencies {
  readonly frame: Pick<PageOptions, 'development' | 'asset'>
  readonly pds: Pds
  readonly home: Home
  readonly neighbours: Neighbours
}

function pdsRoutes(deps: PdsRouteDeps): Route[] {
  const { pds, frame, publicUrl } = deps
  const http = pds.signIn.pageHttp
  const viewerOf = createViewerOf(pds)
  const home = async (exchange: Exchange) => {
    const handleDomain = pds.place.domains[0] ?? ''
    sendPage(exchange, { html: await deps.home({ viewer: await viewerOf(exchange), handleDomain }) })
  }
  return [
    pageRoute('GET', '/', home, http),
    ...accountRoutes({
      ...http,
      frame,
      publicUrl,
      pds,
      streamsToken: streamsTokenOf(deps),
      hasEntities: deps.neighbours.entities !== undefined,
    }),
    ...mailRoutes(deps, viewerOf, http),
    createLiveRoute(pds.sync.live),
  ]
}

/** What streams ask for in a token: https://atproto.com/specs/xrpc#inter-service-authentication-jwt */
const streamsMethod = 'town.muni.leaf.authenticate'

function streamsTokenOf({ pds, neighbours: { streamsDid } }: PdsRouteDeps) {
  if (streamsDid === undefined) return undefined
  return (did: Did) => pds.forOthers.serviceToken(did, streamsDid, streamsMethod)
}

/** The entity browser, and with a PDS the page that links a subspace with an account. */
function entitiesRoutes(
  deps: Pick<PdsRouteDeps, 'frame' | 'publicUrl'>,
  pds: Pds | undefined,
  entities: Entities | undefined,
): Route[] {
  if (entities === undefined) return []
  const viewerOf = async ({ request }: Exchange): Promise<BrowsingViewer | undefined> => {
    const session = await pds?.signIn.pageSessions.read(request.headers.cookie)
    if (session === undefined) return undefined
    const { did, handle } = session.account
    return { did, handle: handle ?? did, csrf: session.csrf }
  }
  const handleOf = async (did: string) => pds?.forOthers.handleOf(did)
  return [
    ...browseRoutes({ ...deps, entities, viewerOf, handleOf }),
    ...(pds === undefined ? [] : entitiesAccountRoutes({ ...pds.signIn.pageHttp, ...deps, pds, entities })),
  ]
}

/** Development's mailbox; in production there is none. */
function mailRoutes({ pds, clock, frame }: PdsRouteDeps, viewerOf: ViewerOf, http: PageHttpDeps): Route[] {
  const { mailbox } = pds.accounts
  if (mailbox === undefined) return []
  const mail = async (exchange: Exchange) => {
    const letters = (await mailbox.list()).map(row => ({
      to: row.recipient,
      subject: row.subject,
      body: row.body,
      when: ago(row.createdAt, clock.now()),
    }))
    const viewer = await viewerOf(exchange)
    sendPage(exchange, { html: mailPage({ frame: { ...frame, viewer }, letters }).toString() })
  }
  return [pageRoute('GET', '/mail', mail, http)]
}

type ViewerOf = ReturnType<typeof createViewerOf>

function createViewerOf(pds: Pds) {
  return async ({ request }: Exchange): Promise<Viewer | undefined> => {
    const session = await pds.signIn.pageSessions.read(request.headers.cookie)
    if (session === undefined) return undefined
    return { handle: session.account.handle ?? session.account.did, csrf: session.csrf }
  }
}
