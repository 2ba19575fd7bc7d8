/**
 * The way through a provider: *begin* (state, nonce and PKCE are kept, the browser goes there), *finish* (it comes back;
 * the person is signed in, or linked, or sent on to choose a handle).
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import { type Account, accountById, setEmail } from '../database/accounts.ts'
import { identityOf, insertIdentity, updateIdentity } from '../database/identities.ts'
import { putOauthState, takeOauthState } from '../database/oauth-state.ts'
import { sessionAccount } from '../database/sessions.ts'
import type { SettleCreationOf } from './creation-sweeper.ts'
import { isEmail } from './email-address.ts'
import type { LinkedIdentity } from './pending-account.ts'
import type { ProviderPerson, SignInProvider } from './provider.ts'
import { SignInFault } from './sign-in-fault.ts'
import { decodeState, encodeState, type FlowState, stateKey, stateMs } from './sign-in-state.ts'

/** Who goes where. */
export interface BeginSignIn {
  readonly provider: SignInProvider
  /** The secret in the browser's cookie. */
  readonly browser: string
  readonly returnTo: string
  readonly link: FlowState['link']
}

/** Who came back with what. */
export interface FinishSignIn {
  readonly provider: SignInProvider
  readonly browser: string | undefined
  /** The query of the callback. */
  readonly query: URLSearchParams
}

/** How a sign-in ended. */
export type SignedIn =
  | { readonly kind: 'known'; readonly account: Account; readonly returnTo: string }
  | { readonly kind: 'linked'; readonly returnTo: string }
  /** A registration is kept for this browser. */
  | { readonly kind: 'unknown' }

/** The way through a provider. */
export interface SignIn {
  /** Where the browser goes. Throws SignInFault. */
  begin(request: BeginSignIn): Promise<string>
  /** Throws SignInFault; the state is used up in any case. */
  finish(request: FinishSignIn): Promise<SignedIn>
}

export interface SignInDeps {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly publicUrl: string
  readonly settleCreationOf: SettleCreationOf
}

/** The flow for all providers. */
export function createSignIn(deps: SignInDeps): SignIn {
  const { database, clock, random } = deps
  const secret = () => Buffer.from(random.bytes(32)).toString('base64url')
  /** The account that an interrupted creation of this person made after all. */
  const settled = async (identity: LinkedIdentity, provider: SignInProvider) => {
    const how = await deps.settleCreationOf(identity)
    if (how === 'waiting') throw new SignInFault('unfinished', provider.label, 'a creation is under way')
    return how === 'finished' ? database.write(tx => welcome(tx, identity, clock.now())) : undefined
  }
  const redirectUriOf = (provider: SignInProvider) => `${deps.publicUrl}/pds/auth/${provider.id}/callback`
  return {
    begin: async ({ provider, browser, returnTo, link }) => {
      const [state, nonce, codeVerifier] = [secret(), secret(), secret()]
      const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url')
      const redirectUri = redirectUriOf(provider)
      const url = await provider.begin({ state, nonce, codeChallenge, redirectUri })
      const flow = { kind: 'flow', codeVerifier, nonce, returnTo, link } as const
      const data = encodeState({ ...flow, browser: stateKey('browser', browser) })
      const row = { state: stateKey('flow', state), provider: provider.id, data, createdAt: clock.now() }
      await database.write(tx => putOauthState(tx, row))
      return url
    },
    finish: async ({ provider, browser, query }) => {
      const flow = await takeFlow({ provider, browser, query }, deps)
      const code = codeOf(query, provider)
      const { codeVerifier, nonce } = flow
      const issuer = query.get('iss') ?? undefined
      const redirectUri = redirectUriOf(provider)
      const person = await provider.finish({ code, codeVerifier, nonce, redirectUri, issuer })
      const identity = identityOfPerson(provider, person)
      const now = clock.now()
      const { link } = flow
      if (link !== null) {
        await database.write(tx => linkIdentity(tx, { identity, link, provider, now }))
        return { kind: 'linked', returnTo: flow.returnTo }
      }
      const account =
        (await database.write(tx => welcome(tx, identity, now))) ?? (await settled(identity, provider))
      if (account === undefined) {
        await keepRegistration({ identity, person, provider, flow, browser: browser ?? '' }, deps)
        return { kind: 'unknown' }
      }
      if (account.status === 'takendown' || account.status === 'suspended') {
        throw new SignInFault('takendown', provider.label, `${account.did} was taken down`)
      }
      return { kind: 'known', account, returnTo: flow.returnTo }
    },
  }
}

/** The state of a callback: used once, by the browser it was made for, at the provider it was made for, in time. */
async function takeFlow({ provider, browser, query }: FinishSignIn, deps: SignInDeps): Promise<FlowState> {
  const state = query.get('state') ?? ''
  const row = await deps.database.write(tx => takeOauthState(tx, stateKey('flow', state)))
  const flow = row && decodeState(row.data, 'flow')
  const stale = (why: string) => new SignInFault('stale', provider.label, why)
  if (row === undefined || flow === undefined) throw stale('unknown or used state')
  if (row.provider !== provider.id) throw stale('a state of another provider')
  if (row.createdAt + stateMs <= deps.clock.now()) throw stale('an old state')
  if (browser === undefined || stateKey('browser', browser) !== flow.browser) {
    throw stale('a state of another browser')
  }
  return flow
}

function codeOf(query: URLSearchParams, provider: SignInProvider): string {
  const error = query.get('error')
  if (error === 'access_denied') throw new SignInFault('cancelled', provider.label, 'the person said no')
  if (error === 'temporarily_unavailable' || error === 'server_error') {
    throw new SignInFault('unreachable', provider.label, `the provider answered ${error}`)
  }
  const code = query.get('code')
  if (error !== null || code === null || code === '') {
    const why = error === null ? 'no code' : error.slice(0, 64)
    throw new SignInFault('misconfigured', provider.label, `the provider answered ${why}`)
  }
  return code
}

const labelCharsMax = 128

function identityOfPerson(provider: SignInProvider, person: ProviderPerson): LinkedIdentity {
  const address = person.email?.address.trim().toLowerCase()
  const known = address !== undefined && isEmail(address)
  return {
    provider: provider.id,
    providerId: person.id,
    label: person.label.replaceAll('\0', '').slice(0, labelCharsMax),
    email: known ? address : null,
    emailVerified: known && person.email?.verified === true,
  }
}

/** The account of this identity, with what the provider says of the person now. */
async function welcome(tx: Tx, identity: LinkedIdentity, now: number): Promise<Account | undefined> {
  const row = await identityOf(tx, identity.provider, identity.providerId)
  const account = row && (await accountById(tx, row.account))
  if (account === undefined) return undefined
  await updateIdentity(tx, { ...identity, emailVerified: identity.emailVerified ? 1 : 0, lastUsedAt: now })
  // The provider vouches for the very address that the account has.
  if (account.email !== null && account.email === identity.email && identity.emailVerified) {
    if (account.emailConfirmedAt === null) await setEmail(tx, account.id, account.email, now)
  }
  return account
}

interface LinkRequest {
  readonly identity: LinkedIdentity
  readonly link: NonNullable<FlowState['link']>
  readonly provider: SignInProvider
  readonly now: number
}

async function linkIdentity(tx: Tx, { identity, link, provider, now }: LinkRequest): Promise<void> {
  const session = await sessionAccount(tx, link.sessionId)
  if (session === undefined || session.account !== link.account || session.expiresAt <= now) {
    throw new SignInFault('signed-out', provider.label, 'the session that began the link is over')
  }
  const row = await identityOf(tx, identity.provider, identity.providerId)
  if (row !== undefined && row.account !== link.account) {
    throw new SignInFault('other-account', provider.label, 'the identity belongs to another account')
  }
  const emailVerified = identity.emailVerified ? 1 : 0
  if (row !== undefined) {
    await updateIdentity(tx, { ...identity, emailVerified, lastUsedAt: now })
    return
  }
  const dates = { linkedAt: now, lastUsedAt: now }
  await insertIdentity(tx, { ...identity, emailVerified, account: link.account, ...dates })
}

interface Registration {
  readonly identity: LinkedIdentity
  readonly person: ProviderPerson
  readonly provider: SignInProvider
  readonly flow: FlowState
  readonly browser: string
}

/** One for each browser: a second sign-in takes the place of the first. */
async function keepRegistration(of: Registration, { database, clock }: SignInDeps): Promise<void> {
  const { identity, provider, person, flow } = of
  const data = encodeState({
    kind: 'registration',
    providerLabel: provider.label,
    identity,
    nameHint: person.nameHint?.slice(0, labelCharsMax) ?? null,
    returnTo: flow.returnTo,
  })
  const row = {
    state: stateKey('registration', of.browser),
    provider: provider.id,
    data,
    createdAt: clock.now(),
  }
  await database.write(tx => putOauthState(tx, row))
}
