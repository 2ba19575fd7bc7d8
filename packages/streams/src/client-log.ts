/** Reads a stream's log over HTTP, and verifies that it is what the stream's key signed. */
import { decodeDrisl } from '@leaf/codec/drisl'
import { chainBegin, type ChainedEvent, type ChainHead, verifyChain } from './chain.ts'
import { messageOf } from './client-calls.ts'
import { type Authenticator, type ClientPlatform, LeafError, type ResolvedOptions } from './client-types.ts'
import { asArray, asBytes, asInteger, asMap, asText, below } from './fields.ts'

/** An event of the log as HTTP gives it. */
export interface LogEvent extends ChainedEvent {
  /** Upstream's signature of the batch. */
  readonly signature: Uint8Array
}

export interface LogPage {
  /** With idx > `after`, ascending. */
  readonly events: readonly LogEvent[]
  /** `after` of the next page. */
  readonly next: number
  readonly upToDate: boolean
}

export interface ReadLogOptions {
  /** Exclusive; 0 reads from the beginning. */
  readonly after?: number
  /** At most 1,000; 100 when not given. */
  readonly limit?: number
  /** When there is nothing new, wait for it (some 25 s). */
  readonly wait?: boolean
  readonly signal?: AbortSignal
}

export interface VerifyChainOptions {
  /** The stream's key as `did:key:…`; looked up in the directory when not given. */
  readonly didKey?: string
  /** Where an earlier verification ended. */
  readonly from?: ChainHead
  /** Needed where the platform cannot verify secp256k1: browsers. */
  readonly verify?: (didKey: string, message: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>
  readonly signal?: AbortSignal
}

export interface LogReader {
  /** One page of the log: for everybody when the module says so, else for the stream's owners. Throws LeafError. */
  readLog(streamDid: string, options?: ReadLogOptions): Promise<LogPage>
  /**
   * Reads the whole log and verifies that every event follows from the one before it and that the stream's key signed
   * the batches. Gives the head, to go on from later. Throws ChainError for a log that was altered, LeafError else.
   */
  verifyChain(streamDid: string, options?: VerifyChainOptions): Promise<ChainHead>
}

const drislType = 'application/vnd.ipld.dag-cbor'
/** Events of a page when a whole log is read. */
const verifyPageEvents = 1000

export interface LogReaderSettings {
  readonly url: string
  readonly authenticator: Authenticator | undefined
  readonly options: ResolvedOptions
  readonly platform: ClientPlatform
}

export function createLogReader({ url, authenticator, options, platform }: LogReaderSettings): LogReader {
  const get = async (address: string | URL, init: RequestInit): Promise<Response> => {
    let response: Response
    try {
      response = await platform.fetch(address, init)
    } catch (cause) {
      throw new LeafError('disconnected', `cannot read: ${messageOf(cause)}`, { cause })
    }
    if (!response.ok) throw new LeafError('refused', await refusalOf(response))
    return response
  }
  const tokenOf = async (): Promise<Record<string, string>> => {
    if (authenticator === undefined) return {}
    try {
      return { authorization: `Bearer ${await authenticator()}` }
    } catch (cause) {
      throw new LeafError('authentication', `no token could be had: ${messageOf(cause)}`, { cause })
    }
  }
  const readLog = async (streamDid: string, reading: ReadLogOptions = {}): Promise<LogPage> => {
    const { after = 0, limit, wait = false, signal } = reading
    const address = new URL(`/streams/${streamDid}/events`, url)
    address.searchParams.set('after', String(after))
    if (limit !== undefined) address.searchParams.set('limit', String(limit))
    if (wait) address.searchParams.set('live', 'long-poll')
    const response = await get(address, {
      headers: { accept: drislType, ...(await tokenOf()) },
      signal: signal ?? null,
    })
    const events = decodeEvents(new Uint8Array(await response.arrayBuffer()))
    return {
      events,
      next: events.at(-1)?.idx ?? after,
      upToDate: response.headers.get('stream-up-to-date') !== 'false',
    }
  }
  const keyOf = async (streamDid: string): Promise<string> => {
    const response = await get(new URL(`/${streamDid}`, options.plcDirectory), {})
    // Some directories still show keys of 2019 there, in another encoding; their data has all keys in one.
    const key =
      leafKeyOf(await response.json()) ??
      leafKeyIn(await (await get(new URL(`/${streamDid}/data`, options.plcDirectory), {})).json())
    if (key === undefined) throw new LeafError('malformed', `${streamDid} has no key named #leaf_server`)
    return key
  }
  return {
    readLog,
    verifyChain: async (streamDid, verifying = {}) => {
      const verify = verifying.verify ?? platform.verify
      if (verify === undefined)
        throw new LeafError('malformed', 'this platform cannot verify signatures: give `verify`')
      const didKey = verifying.didKey ?? (await keyOf(streamDid))
      let head = verifying.from ?? chainBegin
      for (;;) {
        const page = await readLog(streamDid, {
          after: head.idx,
          limit: verifyPageEvents,
          ...(verifying.signal === undefined ? {} : { signal: verifying.signal }),
        })
        head = await verifyChain(
          streamDid,
          page.events,
          {
            sha256: platform.sha256,
            verify: (message, signature) => verify(didKey, message, signature),
          },
          head,
        )
        if (page.upToDate || page.events.length === 0) return head
      }
    },
  }
}

function decodeEvents(bytes: Uint8Array): LogEvent[] {
  try {
    const events = asArray(asMap(decodeDrisl(bytes), 'page')['events'], 'events')
    return events.map((value, index) => {
      const where = below('events', String(index))
      const map = asMap(value, where)
      const signature = map['headSignature']
      return {
        idx: asInteger(map['idx'], below(where, 'idx')),
        user: asText(map['user'], below(where, 'user')),
        payload: asBytes(map['payload'], below(where, 'payload')),
        signature: asBytes(map['signature'], below(where, 'signature')),
        prevHash: asBytes(map['prevHash'], below(where, 'prevHash')),
        headSignature:
          signature === undefined ? undefined : asBytes(signature, below(where, 'headSignature')),
      }
    })
  } catch (cause) {
    throw new LeafError('malformed', `the server's answer cannot be read: ${messageOf(cause)}`, { cause })
  }
}

const refusalCharactersMax = 1000

/** What an answer says is wrong. */
async function refusalOf(response: Response): Promise<string> {
  const text = (await response.text()).slice(0, refusalCharactersMax)
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null && 'message' in body) return String(body.message)
  } catch {
    return `HTTP ${response.status}: ${text}`
  }
  return `HTTP ${response.status}: ${text}`
}

const noMethod = { id: undefined, type: undefined, publicKeyMultibase: undefined }

/** The key `leaf_server` in a directory's data of a DID. */
function leafKeyIn(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('verificationMethods' in data)) return undefined
  const { leaf_server: key }: { leaf_server?: unknown } = { ...Object(data.verificationMethods) }
  return typeof key === 'string' ? key : undefined
}

/** The key of the verification method `#leaf_server` of a DID document, as `did:key:…`. */
function leafKeyOf(document: unknown): string | undefined {
  if (typeof document !== 'object' || document === null || !('verificationMethod' in document))
    return undefined
  const methods: unknown = document.verificationMethod
  if (!Array.isArray(methods)) return undefined
  for (const method of methods) {
    const { id, type, publicKeyMultibase: key } = { ...noMethod, ...method }
    const isOurs = typeof id === 'string' && id.endsWith('#leaf_server')
    if (isOurs && type === 'Multikey' && typeof key === 'string') return `did:key:${key}`
  }
  return undefined
}
