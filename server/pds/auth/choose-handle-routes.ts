/** The page where somebody new chooses a handle, and the live check behind it. */
import { Refusal } from '../../kernel/errors.ts'
import type { Route } from '../../kernel/http/route.ts'
import { oauthState } from '../database/oauth-state.ts'
import type { Handles } from '../identity/handles.ts'
import type { CreateAccount } from './create-account.ts'
import {
  assertForm,
  browserBinding,
  browserOf,
  type Exchange,
  pageRoute,
  readForm,
  seeOther,
  sendPage,
  sentence,
} from './page-http.ts'
import { SignInFault } from './sign-in-fault.ts'
import { decodeState, type RegistrationState, registrationMs, stateKey } from './sign-in-state.ts'
import { enter, type SignInRouteDeps } from './sign-in-routes.ts'

export interface ChooseHandleDeps extends SignInRouteDeps {
  readonly handles: Pick<Handles, 'domains' | 'availability'>
  readonly createAccount: CreateAccount
}

/** `/pds/auth/create`, `/pds/auth/available` */
export function chooseHandleRoutes(deps: ChooseHandleDeps): Route[] {
  return [
    pageRoute('GET', '/pds/auth/create', exchange => showChooseHandle(exchange, deps), deps),
    pageRoute('POST', '/pds/auth/create', exchange => create(exchange, deps), deps),
    { path: '/pds/auth/available', methods: ['GET'], handle: availabilityHandler(deps) },
  ]
}

/** What a person typed, or what is offered to her. */
interface Choice {
  readonly name: string
  readonly domain: string
  readonly useEmail: boolean
  readonly inviteCode: string
}

async function showChooseHandle(exchange: Exchange, deps: ChooseHandleDeps): Promise<void> {
  const { browser } = browserOf(exchange, deps)
  const registration = await registrationOf(browser, deps)
  if (registration === undefined) return nothingToChoose(exchange, deps)
  if (deps.policy.signUp === 'closed') {
    const html = deps.pages.problem({
      title: 'No account here yet',
      what: `Nobody on this server has this ${registration.providerLabel} sign-in, and it takes no new accounts. Nothing was kept.`,
      next: 'If you have an account here, choose the way in that you used before.',
      link: { href: '/sign-in', label: 'To the sign-in page' },
    })
    return sendPage(exchange, { status: 403, html })
  }
  const domain = deps.handles.domains[0] ?? ''
  const name = await suggestion(registration.nameHint, domain, deps)
  sendChoice(exchange, deps, { registration, choice: { name, domain, useEmail: true, inviteCode: '' } })
}

function sendChoice(
  exchange: Exchange,
  deps: ChooseHandleDeps,
  view: {
    readonly registration: RegistrationState
    readonly choice: Choice
    readonly fault?: { readonly status: number; readonly text: string }
  },
): void {
  const { registration, choice, fault } = view
  const { browser, cookie } = browserOf(exchange, deps)
  const { email, emailVerified, label } = registration.identity
  const html = deps.pages.chooseHandle({
    provider: registration.providerLabel,
    label,
    domains: deps.handles.domains,
    name: choice.name,
    domain: choice.domain,
    email: email === null ? undefined : { address: email, verified: emailVerified, use: choice.useEmail },
    inviteRequired: deps.policy.signUp === 'invite',
    inviteCode: choice.inviteCode,
    fault: fault?.text,
    action: '/pds/auth/create',
    csrf: deps.csrf.token(browserBinding(browser)),
  })
  sendPage(exchange, { html, status: fault?.status ?? 200, cookies: [cookie] })
}

async function create(exchange: Exchange, deps: ChooseHandleDeps): Promise<void> {
  const form = await readForm(exchange, deps.clock)
  const browser = deps.cookies.read(exchange.request.headers.cookie, 'browser')
  assertForm(exchange, form, browser === undefined ? undefined : browserBinding(browser), deps.csrf)
  const registration = browser === undefined ? undefined : await registrationOf(browser, deps)
  if (browser === undefined || registration === undefined) return nothingToChoose(exchange, deps)
  await deps.charge('auth', `create ${exchange.context.address}`)
  const choice = choiceOf(form, deps.handles.domains)
  const refused = (status: number, text: string) =>
    sendChoice(exchange, deps, { registration, choice, fault: { status, text } })
  const handle = `${choice.name}.${choice.domain}`
  const free = await deps.handles.availability(handle)
  if (!free.available) return refused(400, sentence(free.message))
  try {
    const key = stateKey('registration', browser)
    const account = await deps.createAccount(wishOf(registration, choice, { handle, key }))
    return await enter(exchange, { account: account.id, returnTo: registration.returnTo }, deps)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const upstream = error.code === 'upstream' || error.code === 'upstream-timeout'
    if (upstream && (await registrationOf(browser, deps)) === undefined) {
      throw new SignInFault('unfinished', registration.providerLabel, error.message, error)
    }
    refused(upstream ? 502 : 400, sentence(error.message))
  }
}

function wishOf(
  { identity }: RegistrationState,
  choice: Choice,
  at: { readonly handle: string; readonly key: string },
): Parameters<CreateAccount>[0] {
  const { email, emailVerified } = identity
  return {
    way: { kind: 'provider', identity, registration: at.key },
    handle: at.handle,
    ...(email === null || !choice.useEmail ? {} : { email, emailConfirmed: emailVerified }),
    ...(choice.inviteCode === '' ? {} : { inviteCode: choice.inviteCode }),
  }
}

/** She may have finished in another tab, or pressed the button twice. */
async function nothingToChoose(exchange: Exchange, deps: ChooseHandleDeps): Promise<void> {
  const session = await deps.pageSessions.read(exchange.request.headers.cookie)
  if (session !== undefined) return seeOther(exchange, '/account')
  throw new SignInFault('stale', 'the provider', 'no registration for this browser')
}

async function registrationOf(
  browser: string,
  { database, clock }: ChooseHandleDeps,
): Promise<RegistrationState | undefined> {
  const row = await database.read(tx => oauthState(tx, stateKey('registration', browser)))
  if (row === undefined || row.createdAt + registrationMs <= clock.now()) return undefined
  return decodeState(row.data, 'registration')
}

function choiceOf(form: URLSearchParams, domains: readonly string[]): Choice {
  const wanted = form.get('domain') ?? ''
  const domain = domains.find(one => one === wanted) ?? domains[0] ?? ''
  const typed = (form.get('name') ?? '').trim().toLowerCase().replace(/^@/, '')
  return {
    // Somebody may have typed the whole handle.
    name: typed.endsWith(`.${domain}`) ? typed.slice(0, -domain.length - 1) : typed,
    domain,
    useEmail: form.get('use_email') === 'on',
    inviteCode: (form.get('invite_code') ?? '').trim().slice(0, 64),
  }
}

/** A handle that the person may like and can have; else nothing. */
async function suggestion(hint: string | null, domain: string, deps: ChooseHandleDeps): Promise<string> {
  const plain = (hint ?? '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .slice(0, 18)
    .replaceAll(/^-+|-+$/g, '')
  if (plain === '') return ''
  for (const name of [plain, `${plain.slice(0, 17)}2`, `${plain.slice(0, 17)}3`]) {
    if ((await deps.handles.availability(`${name}.${domain}`)).available) return name
  }
  return ''
}

/** `GET /pds/auth/available?handle=` */
function availabilityHandler(deps: ChooseHandleDeps): Route['handle'] {
  return async (request, response, context) => {
    await deps.charge('read', `available ${context.address}`)
    const handle = new URLSearchParams((request.url ?? '').split('?')[1] ?? '').get('handle') ?? ''
    const found = await deps.handles.availability(handle.slice(0, 300))
    const body = JSON.stringify(found.available ? found : { ...found, message: sentence(found.message) })
    response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    })
    response.end(body)
  }
}
