/** `/account` and what its forms do. */
import { Refusal } from '../kernel/errors.ts'
import { refusalStatus } from '../kernel/http/answer.ts'
import type { Route } from '../kernel/http/route.ts'
import type { Did } from '../kernel/identity/types.ts'
import {
  assertForm,
  type Exchange,
  type PageHttpDeps,
  pageRoute,
  readForm,
  seeOther,
  sendPage,
} from '../pds/auth/page-http.ts'
import { type PageSession, sessionBinding } from '../pds/auth/page-session.ts'
import type { Pds } from '../pds/index.ts'
import type { RateClass } from '../pds/xrpc/method.ts'
import { ago } from './ago.ts'
import type { PageOptions } from './layout.ts'
import { type AccountModel, accountPage } from './pages/account.ts'

export interface AccountRouteDeps extends PageHttpDeps {
  readonly frame: Pick<PageOptions, 'development' | 'asset'>
  readonly publicUrl: string
  readonly pds: Pds
  readonly hasEntities: boolean
  /** Mints a token for this server's streams; undefined: there are none. */
  readonly streamsToken: ((did: Did) => Promise<string>) | undefined
}

type Said = Pick<AccountModel, 'fresh' | 'notice'>
/** What a form does; gives what the page then says. */
type Act = (session: PageSession, form: URLSearchParams, deps: AccountRouteDeps) => Promise<Said>

const graphemesMax = 300
const good = (text: string): Said => ({ notice: { kind: 'good', text } })

/** Every form of the page, by the end of its path. */
const acts: Readonly<Record<string, Act>> = {
  'app-passwords': async ({ account }, form, { pds }) => {
    const made = await pds.accounts.acts.createAppPassword(account.id, {
      name: form.get('name') ?? '',
      privileged: false,
    })
    return { fresh: { name: made.name, password: made.password } }
  },
  'app-passwords/revoke': async ({ account }, form, { pds }) => {
    const name = form.get('name') ?? ''
    await pds.accounts.acts.revokeAppPassword(account.id, name)
    return good(`The app password “${name}” was taken back, and what it had opened is closed.`)
  },
  'sessions/end': async ({ account }, form, { pds }) => {
    await pds.accounts.acts.endSession(account.id, form.get('id') ?? '')
    return good('That session is over.')
  },
  'sessions/end-others': async ({ account, sessionId }, _form, { pds }) => {
    const ended = await pds.accounts.acts.endOtherSessions(account.id, sessionId)
    return good(
      `${ended} other ${ended === 1 ? 'session is' : 'sessions are'} over. You are signed in only here.`,
    )
  },
  unlink: async ({ account }, form, { pds }) => {
    const identity = { provider: form.get('provider') ?? '', providerId: form.get('id') ?? '' }
    await pds.accounts.acts.unlink(account.id, identity)
    return good('That way in is gone.')
  },
  handle: async ({ account }, form, { pds }) => {
    const handle = await pds.identity.updateHandle(
      account.did,
      (form.get('handle') ?? '').trim().replace(/^@/, ''),
    )
    return good(`You are @${handle} from now on.`)
  },
  password: async ({ account, sessionId }, form, { pds }) => {
    await pds.accounts.acts.setPassword(account.id, form.get('password') ?? '', sessionId)
    return good('The password is set. You are signed out everywhere else.')
  },
  'password/remove': async ({ account }, _form, { pds }) => {
    await pds.accounts.acts.removePassword(account.id)
    return good('The password is gone.')
  },
}

/** The routes of the account page. */
export function accountRoutes(deps: AccountRouteDeps): Route[] {
  return [
    pageRoute('GET', '/account', exchange => show(exchange, deps), deps),
    pageRoute('POST', '/account/post', exchange => post(exchange, deps), deps),
    pageRoute('POST', '/account/service-token', exchange => serviceToken(exchange, deps), deps),
    ...Object.entries(acts).map(([path, act]) =>
      pageRoute('POST', `/account/${path}`, exchange => perform(exchange, act, deps), deps),
    ),
  ]
}

async function show(exchange: Exchange, deps: AccountRouteDeps): Promise<void> {
  const session = await deps.pds.signIn.pageSessions.read(exchange.request.headers.cookie)
  if (session === undefined) return seeOther(exchange, '/sign-in?return_to=/account')
  await render(exchange, session, deps, {})
}

async function perform(exchange: Exchange, act: Act, deps: AccountRouteDeps): Promise<void> {
  const posted = await readPost(exchange, 'auth', deps)
  if (posted === undefined) return seeOther(exchange, '/sign-in?return_to=/account')
  try {
    await render(exchange, posted.session, deps, await act(posted.session, posted.form, deps))
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const text = `That did not work: ${error.message}. Nothing was changed.`
    await render(exchange, posted.session, deps, { notice: { kind: 'bad', text } }, refusalStatus(error))
  }
}

/** The session and the form of a POST that is ours and not too often; undefined when nobody is signed in. */
async function readPost(exchange: Exchange, rateClass: RateClass, deps: AccountRouteDeps) {
  const session = await deps.pds.signIn.pageSessions.read(exchange.request.headers.cookie)
  const form = await readForm(exchange, deps.clock)
  if (session === undefined) return undefined
  assertForm(exchange, form, sessionBinding(session.sessionId), deps.csrf)
  await deps.pds.charge(rateClass, session.account.did)
  return { session, form }
}

/** Writes a post: JSON for the page's script, the page again without it. */
async function post(exchange: Exchange, deps: AccountRouteDeps): Promise<void> {
  const wantsJson = exchange.request.headers.accept?.includes('application/json') === true
  if (wantsJson) return postForScript(exchange, deps)
  const posted = await readPost(exchange, 'write', deps)
  if (posted === undefined) return seeOther(exchange, '/sign-in?return_to=/account')
  try {
    const uri = await writePost(posted.session, posted.form.get('text') ?? '', deps)
    await render(exchange, posted.session, deps, good(`Stored and signed: ${uri}`))
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const text = `That did not work: ${error.message}.`
    await render(exchange, posted.session, deps, { notice: { kind: 'bad', text } }, refusalStatus(error))
  }
}

/** The same in JSON, refusals included: the script shows their words. */
async function postForScript(exchange: Exchange, deps: AccountRouteDeps): Promise<void> {
  try {
    const posted = await readPost(exchange, 'write', deps)
    if (posted === undefined) throw new Refusal('unauthenticated', 'you are signed out; please sign in again')
    const uri = await writePost(posted.session, posted.form.get('text') ?? '', deps)
    sendJson(exchange, 200, { uri })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    sendJson(exchange, refusalStatus(error), { message: error.message })
  }
}

/** A token with which the page's script speaks to streams. */
async function serviceToken(exchange: Exchange, deps: AccountRouteDeps): Promise<void> {
  try {
    const posted = await readPost(exchange, 'auth', deps)
    if (posted === undefined) throw new Refusal('unauthenticated', 'you are signed out; please sign in again')
    if (deps.streamsToken === undefined) throw new Refusal('missing', 'this server has no streams')
    sendJson(exchange, 200, { token: await deps.streamsToken(posted.session.account.did) })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    sendJson(exchange, refusalStatus(error), { message: error.message })
  }
}

async function writePost({ account }: PageSession, given: string, deps: AccountRouteDeps): Promise<string> {
  const text = given.replaceAll('\r\n', '\n').trim()
  const graphemes = [...new Intl.Segmenter().segment(text)].length
  if (graphemes === 0 || graphemes > graphemesMax) {
    throw new Refusal('invalid', `expected 1 to ${graphemesMax} characters, got ${graphemes}`)
  }
  const collection = 'app.bsky.feed.post'
  const record = { $type: collection, text, createdAt: new Date(deps.clock.now()).toISOString() }
  const answer = await deps.pds.repo.repositories.write({
    did: account.did,
    writes: [{ action: 'create', collection, record }],
  })
  return answer.results[0]?.uri ?? ''
}

function sendJson({ response }: Exchange, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

async function render(
  exchange: Exchange,
  session: PageSession,
  deps: AccountRouteDeps,
  said: Said,
  status = 200,
): Promise<void> {
  const view = await deps.pds.accounts.acts.view(session.account.id, session.sessionId)
  if (view === undefined) return seeOther(exchange, '/sign-in')
  const { account } = view
  const now = deps.clock.now()
  const model: AccountModel = {
    frame: deps.frame,
    viewer: { handle: account.handle ?? account.did, csrf: session.csrf },
    publicUrl: deps.publicUrl,
    did: account.did,
    email: account.email ?? undefined,
    emailConfirmed: account.emailConfirmedAt !== null,
    status: account.status,
    recordCount: view.recordCount,
    blobBytes: view.blobBytes,
    hasPassword: view.hasPassword,
    hasEntities: deps.hasEntities,
    identities: view.identities.map(row => ({
      ...row,
      id: row.providerId,
      lastUsed: ago(row.lastUsedAt, now),
    })),
    linkable: view.linkable,
    sessions: view.sessions.map(row => ({
      id: row.id,
      what: row.appPassword === undefined ? deviceName(row.device) : `App “${row.appPassword}”`,
      lastUsed: ago(row.lastUsedAt, now),
      here: row.here,
    })),
    appPasswords: view.appPasswords.map(row => ({ name: row.name, created: ago(row.createdAt, now) })),
    ...said,
  }
  sendPage(exchange, { status, html: accountPage(model).toString() })
}

const browsers = ['Edg', 'Firefox', 'Chrome', 'Safari'] as const

/** What a person calls the thing she is signed in with. */
function deviceName(device: string): string {
  const browser = browsers.find(name => device.includes(`${name}/`))
  const system = /\((?:X11; )?([A-Za-z]+)/.exec(device)?.[1]
  if (browser === undefined) return device === '' ? 'An app' : device.slice(0, 60)
  return `${browser === 'Edg' ? 'Edge' : browser}${system === undefined ? '' : ` on ${system}`}`
}
