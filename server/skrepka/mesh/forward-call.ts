/** One call that forwards mail, and what its answer means for each message. */
import type { CallPeer, KeyHex, PeerAnswer, ServerName } from '../contract.ts'
import { answerFields, forwardJson, readForwardResults } from './wire.ts'

/** A message with its bytes, ready to go. */
export interface Parcel {
  readonly key: KeyHex
  readonly blob: Uint8Array
}

/**
 * What became of a message. `absent`: its recipient is not there; the message stays. `later`: the peer has no room for
 * this recipient. `refused`: it will never take this one.
 */
export type ParcelFate =
  | { readonly kind: 'taken' | 'absent' | 'refused' }
  | { readonly kind: 'later'; readonly afterMs: number }

/** What became of a call. `unsupported`: the peer has no such route. `failed` is the peer's fault, not the messages'. */
export type CallFate =
  | { readonly kind: 'answered'; readonly fates: readonly ParcelFate[] }
  | { readonly kind: 'unsupported' }
  | {
      readonly kind: 'failed'
      readonly retryAfterMs: number | undefined
      /** It does not believe who we are. */
      readonly isForbidden: boolean
    }

export interface ForwardCallOptions {
  readonly callPeer: CallPeer
  /** Who we are, for that peer. */
  readonly headers: (server: ServerName) => Record<string, string>
  /** The peer does not believe who we are. */
  readonly forbidden: (server: ServerName) => void
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** When a full mailbox is tried again, if the peer does not say. */
const fullMsDefault = 60_000
/** The longest that one message waits for room. */
const fullMsMax = 3_600_000

const later = (afterMs: number | undefined): ParcelFate => ({
  kind: 'later',
  afterMs: Math.min(fullMsMax, Math.max(1000, afterMs ?? fullMsDefault)),
})

/** Sends one message by `POST /federation/forward`, which every peer has. */
export async function forwardOne(
  options: ForwardCallOptions,
  server: ServerName,
  parcel: Parcel,
): Promise<CallFate> {
  const answer = await post(options, server, '/federation/forward', forwardJson(parcel.key, parcel.blob))
  if (answer === undefined) return failed(undefined)
  const { status, retryAfterMs } = answer
  const one = (fate: ParcelFate): CallFate => ({ kind: 'answered', fates: [fate] })
  const said = saidBy(answer)
  if (status === 200 && said !== undefined) return one({ kind: 'taken' })
  if (status === 404 && said === 'no_presence') return one({ kind: 'absent' })
  if ((status === 400 || status === 413) && said !== undefined) return one({ kind: 'refused' })
  if (status === 429 && said === 'mailbox_full') return one(later(retryAfterMs))
  return failed(answer)
}

/** Sends several by `POST /skrepka/forward`, for peers that announced it. */
export async function forwardBatch(
  options: ForwardCallOptions,
  server: ServerName,
  parcels: readonly Parcel[],
): Promise<CallFate> {
  const messages = parcels.map(({ key, blob }) => forwardJson(key, blob)).join(',')
  const answer = await post(options, server, '/skrepka/forward', `{"messages":[${messages}]}`)
  if (answer === undefined) return failed(undefined)
  const { status } = answer
  // 400 and 413 too: what it does not take together it may take one by one.
  if (status === 404 || status === 405 || status === 400 || status === 413) return { kind: 'unsupported' }
  const results = status === 200 ? readForwardResults(answer, parcels.length) : undefined
  if (results === undefined) return failed(answer)
  const fates = results.map((result): ParcelFate => {
    if (result.status === 'no_presence') return { kind: 'absent' }
    return result.status === 'mailbox_full' ? later(result.retryAfterMs) : { kind: 'taken' }
  })
  return { kind: 'answered', fates }
}

function failed(answer: PeerAnswer | undefined): CallFate {
  const asked = answer?.status === 429 ? (answer.retryAfterMs ?? fullMsDefault) : answer?.retryAfterMs
  return { kind: 'failed', retryAfterMs: asked, isForbidden: answer?.status === 403 }
}

async function post(
  options: ForwardCallOptions,
  server: ServerName,
  path: string,
  body: string,
): Promise<PeerAnswer | undefined> {
  const { callPeer, timeoutMs, signal } = options
  const headers = options.headers(server)
  try {
    return await callPeer(server, { method: 'POST', path, headers, body, timeoutMs, signal })
  } catch {
    return undefined // no answer is one kind of failure, whatever its reason
  }
}

/**
 * The error that a relay names, or '' when it names none. Undefined: what answered is no relay but something before it,
 * a proxy or a portal, and knows nothing of the message.
 */
function saidBy(answer: PeerAnswer): string | undefined {
  if (!Buffer.from(answer.body).toString('utf8', 0, 16).trimStart().startsWith('{')) return undefined
  const { error } = answerFields(answer)
  return typeof error === 'string' ? error : ''
}
