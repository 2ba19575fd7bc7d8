/** Resolves DIDs to documents, with a cache, and handles to DIDs. */
import { createBoundedMap } from '../bounded-map.ts'
import type { Clock } from '../clock.ts'
import { Refusal } from '../errors.ts'
import type { SafeFetch, SafeResponse } from '../fetch.ts'
import { didWebUrl, isPlcDid } from './did.ts'
import { decodeDidDocument } from './document.ts'
import { createHandleLookup, type HandleLookupDependencies } from './handle-lookup.ts'
import type { Did, DidDocument, Handle, IdentityResolver } from './types.ts'

export interface IdentityResolverDependencies extends HandleLookupDependencies {
  /** For did:web and for handles: addresses that others chose. */
  readonly fetch: SafeFetch
  /** For the PLC directory, which the operator chose. */
  readonly operatorFetch: SafeFetch
  /** The PLC directory's base URL, without a trailing slash. */
  readonly plcUrl: () => string
  readonly clock: Pick<Clock, 'monotonic'>
  /** Whether `did:web:localhost%3A…` is a DID: development only. */
  readonly allowLocalhost: boolean
}

/** A document is given out from the cache, and while it is fetched anew after the first of these times. */
const freshMs = 3_600_000
const staleMs = 24 * 3_600_000
/** That there is no document is believed for so long. */
const missingMs = 30_000
const documentBytesMax = 64 * 1024
const cacheBytesMax = 16 * 1024 * 1024
const fetchTimeoutMs = 5_000
const underWayMax = 500

interface Entry {
  readonly document: DidDocument | undefined
  readonly at: number
  readonly bytes: number
}

/** A resolver with an empty cache. */
export function createIdentityResolver(dependencies: IdentityResolverDependencies): IdentityResolver {
  const { clock } = dependencies
  const cache = createBoundedMap<Did, Entry>(cacheBytesMax, ({ bytes }) => bytes)
  const lookUp = createHandleLookup(dependencies)
  const documents = createUnderWay<Did, DidDocument | undefined>()
  const handles = createUnderWay<Handle, Did | undefined>()

  /** Fetches, and keeps what came unless it was forgotten meanwhile. */
  const refresh = (did: Did) =>
    documents.join(did, async isWanted => {
      const { document, bytes } = await fetchDocument(did, dependencies)
      if (isWanted()) cache.set(did, { document, at: clock.monotonic(), bytes })
      return document
    })
  return {
    document: async (did, { force = false } = {}) => {
      const entry = force ? undefined : cache.get(did)
      if (entry === undefined) return refresh(did)
      const age = clock.monotonic() - entry.at
      if (entry.document === undefined) return age < missingMs ? undefined : refresh(did)
      if (age >= staleMs) return refresh(did)
      // Failing to fetch anew in the background harms nobody yet: the next caller tries again.
      if (age >= freshMs) refresh(did).catch(() => undefined)
      return entry.document
    },
    handle: handle => handles.join(handle, () => lookUp(handle)),
    forget: did => {
      cache.delete(did)
      documents.forget(did)
    },
  }
}

interface UnderWay<Key, Value> {
  /** The value that is being fetched for this key already, or a new fetch. `isWanted` is false once it was forgotten. */
  join(key: Key, start: (isWanted: () => boolean) => Promise<Value>): Promise<Value>
  /** Who comes from now on starts a new fetch. */
  forget(key: Key): void
}

function createUnderWay<Key, Value>(): UnderWay<Key, Value> {
  const running = new Map<Key, { readonly promise: Promise<Value> }>()
  let count = 0
  return {
    join: (key, start) => {
      const joined = running.get(key)
      if (joined !== undefined) return joined.promise
      if (count >= underWayMax) {
        return Promise.reject(
          new Refusal('unavailable', 'too many identities are being resolved', { retryAfterMs: 1000 }),
        )
      }
      count += 1
      const { promise, resolve, reject } = Promise.withResolvers<Value>()
      const own = { promise }
      running.set(key, own)
      const isWanted = () => running.get(key) === own
      start(isWanted)
        .then(resolve, reject)
        .finally(() => {
          count -= 1
          if (isWanted()) running.delete(key)
        })
      return promise
    },
    forget: key => void running.delete(key),
  }
}

async function fetchDocument(
  did: Did,
  dependencies: IdentityResolverDependencies,
): Promise<{ readonly document: DidDocument | undefined; readonly bytes: number }> {
  const bounds = {
    timeoutMs: fetchTimeoutMs,
    bytesMax: documentBytesMax,
    headers: { accept: 'application/did+ld+json,application/json' },
  }
  const missing = { document: undefined, bytes: did.length + 100 }
  let response: SafeResponse
  if (isPlcDid(did)) {
    response = await dependencies.operatorFetch(`${dependencies.plcUrl()}/${did}`, bounds)
  } else {
    const url = didWebUrl(did)
    if (url === undefined || (url.startsWith('http:') && !dependencies.allowLocalhost)) return missing
    response = await dependencies.fetch(url, bounds)
  }
  if (response.status === 404 || response.status === 410) return missing
  if (response.status !== 200)
    throw new Refusal('upstream', `${did} was answered with status ${response.status}`)
  const document = decodeDidDocument(did, jsonOf(response))
  if (document === undefined)
    throw new Refusal('upstream', `${did} was answered with what is not its DID document`)
  return { document, bytes: response.body.length + did.length + 100 }
}

function jsonOf(response: SafeResponse): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(response.body))
  } catch {
    return undefined // told as what it is: no document
  }
}
