import { type GithubServer, startGithub } from '../../../tools/oracles/src/github.ts'
import { type OidcServer, startOidc } from '../../../tools/oracles/src/oidc.ts'

/** As they stand in the routes: `/pds/auth/<provider>`. `campus` is an OpenID provider that is not Google. */
export const providerNames = ['github', 'google', 'campus'] as const
export type ProviderName = (typeof providerNames)[number]

export interface Providers {
  readonly github: GithubServer
  readonly google: OidcServer
  readonly campus: OidcServer
  /** The settings that point Leaf at them. */
  readonly env: Readonly<Record<string, string>>
  /** Registers the callbacks of the Leaf at `url`, and of no other. */
  allow(url: string): void
  /** Makes up somebody who signs in at the next visit. */
  person(provider: ProviderName, name: string, emailVerified?: boolean): void
  /** How often a provider was asked to change a code for a token. */
  tokensAsked(provider: ProviderName): number
  /** Whether the next visit is cancelled by the person. */
  deny(provider: ProviderName, denied: boolean): void
  stop(): Promise<void>
}

/** Starts the neighbours that people sign in with. */
export async function startProviders(): Promise<Providers> {
  const github = await startGithub({ id: 1, login: 'nobody', name: null, emails: [] })
  const google = await startOidc({ sub: '1' }, { accountChoice: true })
  const campus = await startOidc({ sub: '1' })
  const faultsOf = (provider: ProviderName) => ({ github, google, campus })[provider].faults
  let lastId = 0

  return {
    github,
    google,
    campus,
    env: {
      GITHUB_URL: github.url,
      GITHUB_API_URL: github.apiUrl,
      GITHUB_CLIENT_ID: github.clientId,
      GITHUB_CLIENT_SECRET: github.clientSecret,
      GOOGLE_ISSUER: google.issuer,
      GOOGLE_CLIENT_ID: google.clientId,
      GOOGLE_CLIENT_SECRET: google.clientSecret,
      OIDC_PROVIDERS: `campus|Campus|${campus.issuer}|${campus.clientId}|${campus.clientSecret}`,
    },
    allow: url => {
      github.allow(`${url}/pds/auth/github/callback`)
      google.allow(`${url}/pds/auth/google/callback`)
      campus.allow(`${url}/pds/auth/campus/callback`)
    },
    person: (provider, name, emailVerified = true) => {
      lastId += 1
      const email = `${name}@example.com`
      if (provider === 'github') {
        const other = { email: `other-${name}@example.net`, primary: false, verified: true }
        const emails = [other, { email, primary: true, verified: emailVerified }]
        github.person = { id: 1000 + lastId, login: name, name, emails }
        return
      }
      const oidc = provider === 'google' ? google : campus
      oidc.person = { sub: `1101694844743862${lastId}`, name, email, emailVerified }
    },
    tokensAsked: provider =>
      provider === 'github'
        ? github.asked.filter(path => path.endsWith('/access_token')).length
        : (provider === 'google' ? google : campus).tokenRequests(),
    deny: (provider, denied) => {
      faultsOf(provider).denied = denied
    },
    stop: async () => {
      await Promise.all([github.stop(), google.stop(), campus.stop()])
    },
  }
}
