/** How the PDS's own kinds of settings are read. Each throws an Error that says what was expected and what came. */
import { httpUrl, list } from '../kernel/config.ts'

/** A `did:key`. */
export const didKey = (input: string): string => {
  if (!/^did:key:z[1-9A-HJ-NP-Za-km-z]{40,60}$/.test(input))
    throw new Error(`expected a did:key, got "${input}"`)
  return input
}

/** Domains, separated by commas; lower case, without a leading dot. */
export const domains = (input: string): readonly string[] =>
  list(input).map(domain => {
    const name = domain.toLowerCase().replace(/^\./, '')
    if (!/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
      throw new Error(`expected domains such as example.com, got "${domain}"`)
    }
    return name
  })

/** `id|label|issuer|client id|client secret`, several separated by blanks. */
export interface OidcProviderSetting {
  readonly id: string
  readonly label: string
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
}

/** Providers, separated by semicolons or blanks; their ids become part of routes. */
export const oidcProviders = (input: string): readonly OidcProviderSetting[] =>
  input
    .split(/[\s;]+(?=[a-z0-9-]+\|)/)
    .filter(part => part.trim() !== '')
    .map(part => {
      const [id, label, issuer, clientId, clientSecret, ...rest] = part.trim().split('|')
      if (!id || !label || !issuer || !clientId || clientSecret === undefined || rest.length > 0) {
        throw new Error('expected id|label|issuer|client id|client secret, several separated by semicolons')
      }
      if (
        !/^[a-z0-9-]{1,32}$/.test(id) ||
        ['github', 'google', 'dev', 'create', 'available', 'sign-out'].includes(id)
      ) {
        throw new Error(`expected a new short id such as "keycloak", got "${id}"`)
      }
      return { id, label, issuer: httpUrl(issuer), clientId, clientSecret }
    })
