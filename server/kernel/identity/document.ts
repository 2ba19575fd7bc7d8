/** What a DID document says, as ATProto reads it. https://atproto.com/specs/did#did-documents */
import { isValidHandle, normalizeHandle } from '@atproto/syntax'
import { didKeyOfMethod } from '../did-key.ts'
import type { DidKey } from '../keys.ts'
import { isObject, isStrings } from './json.ts'
import type { Did, DidDocument, Handle } from './types.ts'

type Method = NonNullable<DidDocument['verificationMethod']>[number]
type Service = NonNullable<DidDocument['service']>[number]

/**
 * The document that `value` is; undefined when it is none, or that of another DID. Services whose endpoint is not one
 * URL are left out, `@context` is kept.
 */
export function decodeDidDocument(did: Did, value: unknown): DidDocument | undefined {
  if (!isObject(value) || value['id'] !== did) return undefined
  const { alsoKnownAs = [], verificationMethod = [], service = [] } = value
  if (!isStrings(alsoKnownAs) || !isMethods(verificationMethod) || !isServices(service)) return undefined
  const context = value['@context']
  return {
    ...(context === undefined ? {} : { '@context': context }),
    id: did,
    alsoKnownAs,
    verificationMethod,
    service: service.filter(hasUrl),
  }
}

/** The key that signs the repository: the first verification method `#atproto`. Undefined when there is none we can use. */
export function atprotoKeyOf(document: DidDocument): DidKey | undefined {
  return keyOf(document, 'atproto')
}

/** The key of the first verification method with this fragment. */
export function keyOf(document: DidDocument, fragment: string): DidKey | undefined {
  const method = document.verificationMethod?.find(({ id }) => isFragment(id, document.id, fragment))
  if (method?.publicKeyMultibase === undefined) return undefined
  return didKeyOfMethod(method.type, method.publicKeyMultibase)
}

/** Where the repository is: the first service `#atproto_pds` of the right type, an http(s) URL as it is written. */
export function pdsEndpointOf(document: DidDocument): string | undefined {
  return endpointOf(document, 'atproto_pds', 'AtprotoPersonalDataServer')
}

/** The endpoint of the first service with this fragment and, if given, type. */
export function endpointOf(document: DidDocument, fragment: string, type?: string): string | undefined {
  const service = document.service?.find(({ id }) => isFragment(id, document.id, fragment))
  if (service === undefined || (type !== undefined && service.type !== type)) return undefined
  const url = URL.parse(service.serviceEndpoint)
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? service.serviceEndpoint : undefined
}

/** The handle that the document claims: its first `at://`. A claim only, until the handle resolves to the DID. */
export function claimedHandleOf(document: { readonly alsoKnownAs?: readonly string[] }): Handle | undefined {
  const uri = document.alsoKnownAs?.find(one => one.startsWith('at://'))
  const handle = normalizeHandle(uri?.slice('at://'.length) ?? '')
  return isValidHandle(handle) ? (handle as string as Handle) : undefined // checked on the left
}

/** `#atproto`, or with the DID in front. */
function isFragment(id: string, did: string, fragment: string): boolean {
  return id === `#${fragment}` || id === `${did}#${fragment}`
}

function isMethods(value: unknown): value is readonly Method[] {
  return Array.isArray(value) && value.every(isMethod)
}

function isMethod(value: unknown): value is Method {
  if (!isObject(value) || !isStrings([value['id'], value['type'], value['controller']])) return false
  return value['publicKeyMultibase'] === undefined || typeof value['publicKeyMultibase'] === 'string'
}

interface AnyService {
  readonly id: string
  readonly type: string
  readonly serviceEndpoint: unknown
}

function isServices(value: unknown): value is readonly AnyService[] {
  return Array.isArray(value) && value.every(one => isObject(one) && isStrings([one['id'], one['type']]))
}

function hasUrl(service: AnyService): service is AnyService & Service {
  return typeof service.serviceEndpoint === 'string'
}
