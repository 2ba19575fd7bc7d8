/** Asks the outside whose a handle is. https://atproto.com/specs/handle#handle-resolution */
import { isValidTld } from '@atproto/syntax'
import { resolveTxt } from '../dns.ts'
import type { SafeFetch } from '../fetch.ts'
import { isDid } from './did.ts'
import type { Did, Handle } from './types.ts'

/** The TXT records of a name, each in its pieces. Throws when there are none. */
export type ResolveTxt = (name: string) => Promise<readonly (readonly string[])[]>

export interface HandleLookupDependencies {
  readonly fetch: SafeFetch
  /** Default: the system's DNS. */
  readonly resolveTxt?: ResolveTxt
  /** Where a handle's well-known document is. Default: `https://<handle>/.well-known/atproto-did`. */
  readonly wellKnownUrl?: (handle: Handle) => string
}

const timeoutMs = 3_000
const answerBytesMax = 4 * 1024
const redirectsMax = 3
const recordsMax = 64

/** Looks handles up; undefined when the outside says nothing, or not one thing. */
export function createHandleLookup(
  dependencies: HandleLookupDependencies,
): (handle: Handle) => Promise<Did | undefined> {
  const {
    fetch,
    resolveTxt: txt = resolveTxt,
    wellKnownUrl = handle => `https://${handle}/.well-known/atproto-did`,
  } = dependencies
  const byHttps = async (handle: Handle, signal: AbortSignal) => {
    const bounds = { timeoutMs, bytesMax: answerBytesMax, redirectsMax, signal }
    const response = await fetch(wellKnownUrl(handle), bounds)
    const [line = ''] = new TextDecoder().decode(response.body).split('\n')
    return response.status === 200 && isDid(line.trim()) ? line.trim() : undefined
  }
  return async handle => {
    // Domains that the public DNS never has: nobody is asked.
    if (!isValidTld(handle) || (handle.endsWith('.test') && dependencies.wellKnownUrl === undefined)) {
      return undefined
    }
    const giveUp = new AbortController()
    const web = orNothing(byHttps(handle, giveUp.signal))
    const dns = await orNothing(withinTime(txt(`_atproto.${handle}`)).then(didInRecords))
    if (dns === undefined) return asDid(await web)
    giveUp.abort()
    return asDid(dns)
  }
}

/** The one DID that the records name; several different ones name none. */
function didInRecords(records: readonly (readonly string[])[]): string | undefined {
  const values = records
    .slice(0, recordsMax)
    .map(pieces => pieces.join(''))
    .filter(text => text.startsWith('did='))
  const [only, ...others] = new Set(values)
  const did = only?.slice('did='.length)
  return did !== undefined && others.length === 0 && isDid(did) ? did : undefined
}

function asDid(text: string | undefined): Did | undefined {
  return text !== undefined && isDid(text) ? text : undefined
}

/** A name without records and a host that does not answer are both an answer: no. */
function orNothing<T>(promise: Promise<T>): Promise<T | undefined> {
  return promise.catch(() => undefined)
}

function withinTime<T>(promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('DNS did not answer in time')), timeoutMs)
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
