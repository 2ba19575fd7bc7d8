/** Documents of DIDs, and what of them matters here. https://www.w3.org/TR/did-core */
import { ed25519OfMultikey } from './multikey.ts'
import type { Web } from './web.ts'

export interface DidDocument {
  readonly id: string
  readonly verificationMethods: readonly { readonly id: string; readonly multikey: string }[]
  readonly services: readonly { readonly id: string; readonly type: string; readonly endpoint: string }[]
  readonly alsoKnownAs: readonly string[]
}

export interface DidOptions {
  readonly web: Web
  /** Default: https://plc.directory */
  readonly plcUrl?: string
}

const plc = /^did:plc:[a-z2-7]{24}$/
const web = /^did:web:((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9])$/
const didLengthMax = 2048

/** The document; undefined: there is none, or it is that of another DID. Methods: did:plc, did:web of a whole host. */
export async function fetchDocument(did: string, options: DidOptions): Promise<DidDocument | undefined> {
  const url = documentUrl(did, options.plcUrl ?? 'https://plc.directory')
  return url === undefined ? undefined : readDocument(did, await options.web.json(url))
}

export function isDid(text: string): boolean {
  return documentUrl(text, 'https://plc.directory') !== undefined
}

function documentUrl(did: string, plcUrl: string): string | undefined {
  if (did.length > didLengthMax) return undefined
  if (plc.test(did)) return `${plcUrl}/${did}`
  const host = web.exec(did)?.[1]
  return host === undefined ? undefined : `https://${host}/.well-known/did.json`
}

type Json = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectsOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function textOf(object: Json, name: string): string {
  const value = object[name]
  return typeof value === 'string' ? value : ''
}

function readDocument(did: string, value: unknown): DidDocument | undefined {
  if (!isObject(value) || value['id'] !== did) return undefined
  const idOf = (object: Json) => textOf(object, 'id').replace(did, '')
  const known = value['alsoKnownAs']
  return {
    id: did,
    verificationMethods: objectsOf(value['verificationMethod']).map(one => ({
      id: idOf(one),
      multikey: textOf(one, 'publicKeyMultibase'),
    })),
    services: objectsOf(value['service']).map(one => ({
      id: idOf(one),
      type: textOf(one, 'type'),
      endpoint: textOf(one, 'serviceEndpoint'),
    })),
    alsoKnownAs: Array.isArray(known) ? known.filter(one => typeof one === 'string') : [],
  }
}

/** The Ed25519 key of the verification method `#leaf`. */
export function leafKeyOf(document: DidDocument): Uint8Array | undefined {
  const method = document.verificationMethods.find(({ id }) => id === '#leaf')
  return method === undefined ? undefined : ed25519OfMultikey(method.multikey)
}

/** The namespace of the service `#leaf_space` of type LeafSpace, whose endpoint is `willow://[+-]<hex>…`. */
export function leafNamespaceOf(document: DidDocument): Uint8Array | undefined {
  const service = document.services.find(({ id, type }) => id === '#leaf_space' && type === 'LeafSpace')
  const hex = /^willow:\/\/[+-]?([0-9a-f]{64})(?:[./]|$)/.exec(service?.endpoint ?? '')?.[1]
  return hex === undefined
    ? undefined
    : Uint8Array.from(hex.match(/../g) ?? [], byte => Number.parseInt(byte, 16))
}

/** Where the person's ATProto repository is: an https URL without a path. */
export function repositoryUrlOf(document: DidDocument): string | undefined {
  const service = document.services.find(
    ({ id, type }) => id === '#atproto_pds' && type === 'AtprotoPersonalDataServer',
  )
  const url = URL.canParse(service?.endpoint ?? '') ? new URL(service?.endpoint ?? '') : undefined
  return url?.protocol === 'https:' || url?.hostname === 'localhost' ? url.origin : undefined
}
