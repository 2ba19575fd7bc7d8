import type { JSONWebKeySet } from 'jose'
import type { Clock } from '../../kernel/clock.ts'
import type { SafeFetch } from '../../kernel/fetch.ts'
import { askProvider, jsonAnswer } from './provider-http.ts'
import { SignInFault } from './sign-in-fault.ts'

/** What a provider says about itself. https://openid.net/specs/openid-connect-discovery-1_0.html */
export interface OidcMetadata {
  readonly issuer: string
  readonly authorizationEndpoint: string
  readonly tokenEndpoint: string
  readonly jwksUri: string
  readonly userinfoEndpoint: string | undefined
  readonly tokenAuthMethods: readonly string[]
}

/** What a provider says about itself, fetched when needed and kept for an hour. */
export interface OidcMetadataSource {
  metadata(): Promise<OidcMetadata>
  /** The provider's keys; `fresh` asks again, at most once a minute. */
  keys(options: { readonly fresh: boolean }): Promise<JSONWebKeySet>
}

export interface OidcMetadataDeps {
  readonly fetch: SafeFetch
  readonly clock: Clock
  readonly label: string
  readonly issuer: string
}

const keptMs = 3_600_000
const freshEveryMs = 60_000

/** Fetches and keeps what a provider says about itself. */
export function createOidcMetadata(deps: OidcMetadataDeps): OidcMetadataSource {
  const { clock } = deps
  const metadata = kept(clock, () => discover(deps))
  const keySet = kept(clock, async () => fetchKeys((await metadata(keptMs)).jwksUri, deps))
  return {
    metadata: () => metadata(keptMs),
    keys: ({ fresh }) => keySet(fresh ? freshEveryMs : keptMs),
  }
}

/** One value, fetched again when it is older than asked for; several who wait share one fetch. A failure is not kept. */
function kept<Value>(clock: Clock, load: () => Promise<Value>) {
  let value: Promise<Value> | undefined
  let at = 0
  return (ageMsMax: number): Promise<Value> => {
    if (value !== undefined && clock.monotonic() - at < ageMsMax) return value
    at = clock.monotonic()
    const loading = load()
    value = loading
    loading.catch(() => {
      if (value === loading) value = undefined
    })
    return loading
  }
}

async function discover(deps: OidcMetadataDeps): Promise<OidcMetadata> {
  const { label, issuer } = deps
  const url = `${issuer}/.well-known/openid-configuration`
  const response = await askProvider(deps.fetch, label, url, { headers: { accept: 'application/json' } })
  if (response.status !== 200) {
    const kind = response.status >= 500 || response.status === 429 ? 'unreachable' : 'misconfigured'
    throw new SignInFault(kind, label, `discovery answered ${response.status}`)
  }
  const document = jsonAnswer(response, label)
  const { issuer: named, token_endpoint_auth_methods_supported: methods } = document
  // The trailing slash is part of an issuer's name, but was cut off when the setting was read.
  if (typeof named !== 'string' || named.replace(/\/$/, '') !== issuer) {
    throw new SignInFault('misconfigured', label, `discovery names another issuer than ${issuer}`)
  }
  const endpoint = (name: string) => {
    const value = document[name]
    return typeof value === 'string' && /^https?:\/\//.test(value) ? value : undefined
  }
  const needed = (name: string) => {
    const value = endpoint(name)
    if (value === undefined) throw new SignInFault('misconfigured', label, `discovery gives no ${name}`)
    return value
  }
  return {
    issuer: named,
    authorizationEndpoint: needed('authorization_endpoint'),
    tokenEndpoint: needed('token_endpoint'),
    jwksUri: needed('jwks_uri'),
    userinfoEndpoint: endpoint('userinfo_endpoint'),
    tokenAuthMethods: Array.isArray(methods)
      ? methods.filter(one => typeof one === 'string')
      : ['client_secret_basic'],
  }
}

async function fetchKeys(url: string, deps: OidcMetadataDeps): Promise<JSONWebKeySet> {
  const response = await askProvider(deps.fetch, deps.label, url, { headers: { accept: 'application/json' } })
  const { keys } = jsonAnswer(response, deps.label)
  if (response.status !== 200 || !Array.isArray(keys)) {
    throw new SignInFault('unreachable', deps.label, `jwks_uri answered ${response.status} without keys`)
  }
  return { keys } // each key is checked by the library that imports it
}
