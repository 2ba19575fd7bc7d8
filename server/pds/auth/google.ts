/** Signing in with Google: OpenID Connect with Google's two spellings of its issuer. */
import type { Clock } from '../../kernel/clock.ts'
import type { SafeFetch } from '../../kernel/fetch.ts'
import { createOidc } from './oidc.ts'
import type { SignInProvider } from './provider.ts'

export interface GoogleDeps {
  readonly fetch: SafeFetch
  readonly clock: Clock
  readonly clientId: string
  readonly clientSecret: string
  /** `https://accounts.google.com` */
  readonly issuer: string
}

/** Google as a sign-in provider. https://developers.google.com/identity/openid-connect/openid-connect */
export function createGoogle(deps: GoogleDeps): SignInProvider {
  return createOidc({
    ...deps,
    id: 'google',
    label: 'Google',
    issuerAliases: [deps.issuer.replace(/^https?:\/\//, '')],
    // Who is signed in to several Google accounts is asked which one.
    parameters: { prompt: 'select_account' },
  })
}
