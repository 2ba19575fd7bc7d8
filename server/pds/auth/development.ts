/**
 * The development provider: signs in made-up people, through the very same flow (own page, code, state, PKCE). It does
 * not exist in production.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { putOauthState, takeOauthState } from '../database/oauth-state.ts'
import type { FinishRequest, SignInProvider } from './provider.ts'
import { SignInFault } from './sign-in-fault.ts'
import { decodeState, encodeState, stateKey, stateMs } from './sign-in-state.ts'

const id = 'dev'
const label = 'Development'
/** A reserved domain: nothing sent to it arrives anywhere. */
const mailDomain = 'example.test'

/** The provider with its own page. */
export interface DevelopmentProvider extends SignInProvider {
  /** What the person made up. The answer is where the browser goes next; undefined: this is no name. */
  authorize(request: DevelopmentRequest): Promise<string | undefined>
}

/** What the provider's page posts. */
export interface DevelopmentRequest {
  readonly name: string
  readonly state: string
  readonly codeChallenge: string
  readonly redirectUri: string
}

export interface DevelopmentDeps {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly production: boolean
  readonly publicUrl: string
}

/** The development provider. Throws in production. */
export function createDevelopmentProvider(deps: DevelopmentDeps): DevelopmentProvider {
  if (deps.production) throw new Error('the development provider does not exist in production')
  const { database, clock, random, publicUrl } = deps
  return {
    id,
    label,
    begin: async ({ state, codeChallenge, redirectUri }) => {
      const url = new URL(`${publicUrl}/pds/auth/dev/authorize`)
      url.searchParams.set('state', state)
      url.searchParams.set('code_challenge', codeChallenge)
      url.searchParams.set('redirect_uri', redirectUri)
      return url.href
    },
    authorize: async request => {
      const name = request.name.trim().toLowerCase()
      // What may become a handle and the local part of an address.
      if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) return undefined
      if (request.redirectUri !== `${publicUrl}/pds/auth/dev/callback`) return undefined
      const code = Buffer.from(random.bytes(16)).toString('base64url')
      const { codeChallenge, redirectUri } = request
      const data = encodeState({ kind: 'development-code', name, codeChallenge, redirectUri })
      const row = { state: stateKey('development-code', code), provider: id, data, createdAt: clock.now() }
      await database.write(tx => putOauthState(tx, row))
      const back = new URL(redirectUri)
      back.searchParams.set('code', code)
      back.searchParams.set('state', request.state)
      return back.href
    },
    finish: async request => {
      const name = await exchange(request, deps)
      const email = { address: `${name}@${mailDomain}`, verified: true }
      return { id: name, label: name, email, nameHint: name }
    },
  }
}

async function exchange(request: FinishRequest, { database, clock }: DevelopmentDeps): Promise<string> {
  const row = await database.write(tx => takeOauthState(tx, stateKey('development-code', request.code)))
  const given = row && decodeState(row.data, 'development-code')
  if (row === undefined || given === undefined || row.createdAt + stateMs <= clock.now()) {
    throw new SignInFault('expired-code', label, 'this code was never given out, or was used')
  }
  const challenge = createHash('sha256').update(request.codeVerifier).digest('base64url')
  if (challenge !== given.codeChallenge || request.redirectUri !== given.redirectUri) {
    throw new SignInFault('untrusted', label, 'the code was given out for another sign-in')
  }
  return given.name
}
