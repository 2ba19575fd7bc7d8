/**
 * Pages that people see: home, sign-in, account, development's mail. Owns `/`, `/account`, `/mail`, `/live` and the
 * assets. Does not own: sign-in's routes and cookies (`pds/auth`, which is handed the functions that render its pages).
 */
import { Hono } from 'hono'
import type { HonoEnv } from '../kernel/http/hono.ts'
import { createAssets } from '../kernel/http/assets.ts'
import type { ProblemPage } from '../kernel/http/answer.ts'
import { honoRoute } from '../kernel/http/hono.ts'
import type { Mount } from '../kernel/http/router.ts'
import type { Clock } from '../kernel/clock.ts'
import type { System } from '../kernel/lifecycle.ts'
import type { AuthPages } from '../pds/auth/pages.ts'
import type { Pds } from '../pds/index.ts'
import { homePage } from './pages/home.ts'
import { createAuthPages, problemDocument } from './pages/sign-in.ts'

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
  /** The routes, once there is a PDS. */
  open(pds: Pds): Mount
}

/** Reads the assets and makes the pages. */
export async function createWeb(deps: WebDependencies): Promise<Web> {
  const assets = await createAssets({ folder: new URL('assets/', import.meta.url), prefix: '/assets' })
  const frame = { asset: (name: string) => assets.url(name), development: !deps.production }
  return {
    authPages: createAuthPages(frame),
    problemPage: problem => problemDocument(frame, problem),
    open: pds => {
      const home = new Hono<HonoEnv>()
      home.get('/', async c => {
        const systems = await Promise.all(
          deps.systems().map(async system => ({ name: system.name, ...(await system.status()) })),
        )
        return c.html(
          homePage({
            frame: { ...frame, viewer: undefined },
            publicUrl: deps.publicUrl,
            handleDomain: pds.place.domains[0] ?? '',
            systems,
          }),
        )
      })
      return { name: 'web', routes: [honoRoute('/', home, ['GET']), assets.route], upgrades: [] }
    },
  }
}
