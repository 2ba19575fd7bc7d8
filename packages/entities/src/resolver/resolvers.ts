/** The key resolvers of ours. Their ids never change; see `docs/protocols/entities.md`. */
import { createCache } from './cache.ts'
import type { Ed25519 } from '../crypto.ts'
import { specified } from '../leaf/specification.ts'
import { fetchDocument, isDid, leafKeyOf, leafNamespaceOf, repositoryUrlOf } from './did.ts'
import { ed25519OfMultikey } from './multikey.ts'
import type { KeyResolver, KeyRole, ResolvedKey } from './resolver.ts'
import { readSpaceRecord, type SpaceRecord, spaceRecordCollection, spaceRecordKey } from './space-record.ts'
import { createWeb, type Fetch } from './web.ts'

export interface ResolverOptions {
  readonly fetch: Fetch
  readonly ed25519: Ed25519
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly plcUrl?: string
  /** The DID that a subspace names on its default entity, as far as it is known here. */
  readonly didOf: (namespace: Uint8Array, subspace: Uint8Array) => Promise<string | undefined>
  /** TXT records of a name; without it handles are asked for over HTTPS only. Throws when there are none. */
  readonly resolveTxt?: (name: string) => Promise<readonly string[]>
}

/** The objects alone, for links and libraries. */
export const resolverObjects = {
  didKey: specified(
    'did:key',
    'The data is a DID of method did:key (https://w3c-ccg.github.io/did-key-spec) as UTF-8. It must be of Ed25519 (multicodec ed 01). Its 32 bytes are the key, of a namespace as of a subspace.',
  ),
  did: specified(
    'did',
    'The data is a DID of method did:plc or did:web as UTF-8. The key of a subspace is the verification method "#leaf" of its document, a Multikey of Ed25519; the namespace is that of the service "#leaf_space" of type LeafSpace, whose endpoint is "willow://" and 64 hexadecimal digits. It counts only when the default entity of that subspace names the same DID in a component AtprotoIdentity.',
  ),
  atproto: specified(
    'atproto',
    'The data is a DID (did:plc or did:web) or an ATProto handle as UTF-8. A handle is resolved to its DID first, and must stand in the document of that DID. The record town.muni.leaf.space/self of the DID\'s repository (service "#atproto_pds") has the fields namespace, subspace and encryptionKey (64 hexadecimal digits each, the last optional), servers (texts, optional) and proof (128 hexadecimal digits): the Ed25519 signature by the subspace\'s key over WILLIAM3 of "leaf atproto v1", a zero byte, the DID, a zero byte, namespace, subspace and encryptionKey (zeros where there is none). It counts only when the proof holds, which is how the subspace names the DID.',
  ),
} as const

/** did:key needs no network. */
export function didKeyResolver(): KeyResolver {
  return {
    ...resolverObjects.didKey,
    resolve: async data => {
      const key = data.startsWith('did:key:') ? ed25519OfMultikey(data.slice('did:key:'.length)) : undefined
      return key === undefined ? undefined : { key, verified: true, evidence: ['the key itself'] }
    },
  }
}

/** By the document of a DID. */
export function didResolver(options: ResolverOptions): KeyResolver {
  const web = createWeb(options.fetch)
  const ask = createCache(did => fetchDocument(did, { ...options, web }), options)
  return {
    ...resolverObjects.did,
    resolve: async (did, role) => {
      const document = await ask(did)
      const subspace = document === undefined ? undefined : leafKeyOf(document)
      const namespace = document === undefined ? undefined : leafNamespaceOf(document)
      if (subspace === undefined || namespace === undefined) return undefined
      const verified = (await options.didOf(namespace, subspace)) === did
      return keysOf(role, { namespace, subspace }, verified, [
        `the document of ${did} names the key`,
        verified
          ? `the default entity of the subspace names ${did}`
          : `nothing in the subspace that is known here names ${did}`,
      ])
    },
  }
}

export type AtprotoResolver = KeyResolver & {
  /** All of the record, whose proof holds. Throws when nobody answered. */
  record(didOrHandle: string): Promise<SpaceRecord | undefined>
}

/** By a record in a person's ATProto repository: needs nothing of her DID's document, so everybody can have it. */
export function atprotoResolver(options: ResolverOptions): AtprotoResolver {
  const web = createWeb(options.fetch)
  const documentOf = (did: string) => fetchDocument(did, { ...options, web })
  const didOfHandle = async (handle: string): Promise<string | undefined> => {
    const txt = await options.resolveTxt?.(`_atproto.${handle}`).catch(() => [])
    const dns = txt?.find(one => one.startsWith('did='))?.slice('did='.length)
    const did = dns ?? (await web.text(`https://${handle}/.well-known/atproto-did`))?.trim()
    if (did === undefined || !isDid(did)) return undefined
    const document = await documentOf(did)
    return document?.alsoKnownAs.includes(`at://${handle}`) === true ? did : undefined
  }
  const record = createCache(async (name: string): Promise<SpaceRecord | undefined> => {
    const handle = handleOf(name)
    const did = isDid(name) ? name : handle === undefined ? undefined : await didOfHandle(handle)
    const document = did === undefined ? undefined : await documentOf(did)
    const origin = document === undefined ? undefined : repositoryUrlOf(document)
    if (did === undefined || origin === undefined) return undefined
    const query = new URLSearchParams({ repo: did, collection: spaceRecordCollection, rkey: spaceRecordKey })
    const answer = await web.json(`${origin}/xrpc/com.atproto.repo.getRecord?${query}`)
    const value: unknown =
      typeof answer === 'object' && answer !== null && 'value' in answer ? answer.value : undefined
    return readSpaceRecord(options.ed25519, did, value)
  }, options)
  return {
    ...resolverObjects.atproto,
    record,
    resolve: async (name, role) => {
      const found = await record(name)
      if (found === undefined) return undefined
      const named = await options.didOf(found.namespace, found.subspace)
      // A profile that names somebody else takes the proof back.
      const verified = named === undefined || named === found.did
      return keysOf(role, found, verified, [
        `the repository of ${found.did} names the subspace`,
        `the subspace's key has signed ${found.did}`,
        ...(named === undefined ? [] : [`the default entity of the subspace names ${named}`]),
      ])
    },
  }
}

const handleForm = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/

function handleOf(text: string): string | undefined {
  const handle = text.toLowerCase()
  return handle.length <= 253 && handleForm.test(handle) ? handle : undefined
}

function keysOf(
  role: KeyRole,
  { namespace, subspace }: { readonly namespace: Uint8Array; readonly subspace: Uint8Array },
  verified: boolean,
  evidence: readonly string[],
): ResolvedKey {
  const [key, otherKey] = role === 'namespace' ? [namespace, subspace] : [subspace, namespace]
  return { key, otherKey, verified, evidence }
}
