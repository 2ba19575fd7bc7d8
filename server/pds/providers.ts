/** The ways in from elsewhere that the settings name. */
import { createDevelopmentProvider } from './auth/development.ts'
import { createGithub } from './auth/github.ts'
import { createGoogle } from './auth/google.ts'
import { createOidc } from './auth/oidc.ts'
import type { SignInProvider } from './auth/provider.ts'
import type { PdsDependencies } from './dependencies.ts'

export type Providers = ReturnType<typeof createProviders>

/** Every provider that is set up, in the order in which pages offer them; in development its own comes first. */
export function createProviders(deps: PdsDependencies) {
  const { settings, production, publicUrl, database, clock, random, operatorFetch: fetch } = deps
  const development = production
    ? undefined
    : createDevelopmentProvider({ database, clock, random, production, publicUrl })
  const providers: SignInProvider[] = development === undefined ? [] : [development]
  if (settings.githubClientId !== undefined) {
    providers.push(
      createGithub({
        fetch,
        clientId: settings.githubClientId,
        clientSecret: settings.githubClientSecret ?? '',
        url: settings.githubUrl,
        apiUrl: settings.githubApiUrl,
      }),
    )
  }
  if (settings.googleClientId !== undefined) {
    providers.push(
      createGoogle({
        fetch,
        clock,
        clientId: settings.googleClientId,
        clientSecret: settings.googleClientSecret ?? '',
        issuer: settings.googleIssuer,
      }),
    )
  }
  for (const oidc of settings.oidcProviders) providers.push(createOidc({ fetch, clock, ...oidc }))
  return { development, providers }
}
