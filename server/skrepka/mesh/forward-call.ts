/** One call that forwards mail, and what its answer means for each message. */
import type { CallPeer, KeyHex, PeerAnswer, ServerName } from '../contract.ts'
import { forwardJson, readForwardResults } from './wire.ts'

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
  | { readonly kind: 'failed'; readonly retryAfterMs: number | undefined }

export interface ForwardCallOptions {
  readonly callPeer: CallPeer
  readonly serverHost: ServerName
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
  if (answer === undefined) return { kind: 'failed', retryAfterMs: undefined }
  const { status, retryAfterMs } = answer
  const one = (fate: ParcelFate): CallFate => ({ kind: 'answered', fates: [fate] })
  if (status >= 200 && status < 300) return one({ kind: 'taken' })
  if (status === 404) return one({ kind: 'absent' })
  if (status === 400 || status === 413) return one({ kind: 'refused' })
  if (status === 429 && saysFull(answer)) return one(later(retryAfterMs))
  return { kind: 'failed', retryAfterMs: status === 429 ? (retryAfterMs ?? fullMsDefault) : retryAfterMs }
}

/** Sends several by `POST /skrepka/forward`, for peers that announced it. */
export async function forwardBatch(
  options: ForwardCallOptions,
  server: ServerName,
  parcels: readonly Parcel[],
): Promise<CallFate> {
  const messages = parcels.map(({ key, blob }) => forwardJson(key, blob)).join(',')
  const answer = await post(options, server, '/skrepka/forward', `{"messages":[${messages}]}`)
  if (answer === undefined) return { kind: 'failed', retryAfterMs: undefined }
  const { status, retryAfterMs } = answer
  // 400 and 413 too: what it does not take together it may take one by one.
  if (status === 404 || status === 405 || status === 400 || status === 413) return { kind: 'unsupported' }
  const results = status === 200 ? readForwardResults(answer, parcels.length) : undefined
  if (results === undefined) {
    return { kind: 'failed', retryAfterMs: status === 429 ? (retryAfterMs ?? fullMsDefault) : retryAfterMs }
  }
  const fates = results.map((result): ParcelFate => {
    if (result.status === 'no_presence') return { kind: 'absent' }
    return result.status === 'mailbox_full' ? later(result.retryAfterMs) : { kind: 'taken' }
  })
  return { kind: 'answered', fates }
}

async function post(
  options: ForwardCallOptions,
  server: ServerName,
  path: string,
  body: string,
): Promise<PeerAnswer | undefined> {
  const { callPeer, serverHost, timeoutMs, signal } = options
  const headers = { 'content-type': 'application/json', 'x-skrepka-server': serverHost }
  try {
    return await callPeer(server, { method: 'POST', path, headers, body, timeoutMs, signal })
  } catch {
    return undefined // no answer is one kind of failure, whatever its reason
  }
}

function saysFull(answer: PeerAnswer): boolean {
  return new TextDecoder().decode(answer.body).includes('"mailbox_full"')
}
