/** What a server answers: acks `{"Ok": value}` or `{"Err": text}`, and the notifications of subscriptions. */
import {
  cidText,
  decodeDrisl,
  type DrislInput,
  type DrislValue,
  encodeDrisl,
  isCid,
  isMap,
  rawDrisl,
} from '@leaf/codec/drisl'
import { asArray, asBoolean, asMap, asText, asTextOrNull, below, FieldError } from './fields.ts'
import { decodeRows, type SqlRow } from './sql-value.ts'

/** An ack with a value; null for the unit value. Rows that are DRISL already come as `rawDrisl`. */
export function ok(value: DrislInput): Uint8Array {
  return encodeDrisl({ Ok: value })
}

/** An ack that says no. */
export function err(text: string): Uint8Array {
  return encodeDrisl({ Err: text })
}

export type Reply =
  | { readonly ok: true; readonly value: DrislValue }
  | { readonly ok: false; readonly error: string }

/** Reads an ack. Throws MalformedError when it is none. */
export function decodeReply(bytes: Uint8Array): Reply {
  return asReply(decodeDrisl(bytes), 'reply')
}

function asReply(value: DrislValue | undefined, where: string): Reply {
  const map = asMap(value, where)
  const done = map['Ok']
  if (done !== undefined) return { ok: true, value: done }
  return { ok: false, error: asText(map['Err'], below(where, 'Err')) }
}

/** One notification of a subscription: rows as DRISL of an array, encoded once for all that get them. */
export type SubscriptionResponse =
  | { readonly ok: true; readonly rows: Uint8Array; readonly hasMore: boolean }
  | { readonly ok: false; readonly error: string }

/** The argument of `stream/subscription_response`. */
export function encodeSubscriptionResponse(
  subscriptionId: string,
  response: SubscriptionResponse,
): Uint8Array {
  return encodeDrisl({
    subscriptionId,
    response: response.ok
      ? { Ok: { rows: rawDrisl(response.rows), has_more: response.hasMore } }
      : { Err: response.error },
  })
}

/** One notification, as a client reads it. */
export type Notification =
  | { readonly ok: true; readonly rows: readonly SqlRow[]; readonly hasMore: boolean }
  | { readonly ok: false; readonly error: string }

/** Reads the argument of `stream/subscription_response`. Throws MalformedError. */
export function decodeSubscriptionResponse(bytes: Uint8Array): {
  readonly subscriptionId: string
  readonly response: Notification
} {
  const map = asMap(decodeDrisl(bytes), 'notification')
  const subscriptionId = asText(map['subscriptionId'], 'subscriptionId')
  const reply = asReply(map['response'], 'response')
  if (!reply.ok) return { subscriptionId, response: reply }
  const page = asMap(reply.value, 'response.Ok')
  const hasMore = asBoolean(page['has_more'], 'response.Ok.has_more')
  return {
    subscriptionId,
    response: { ok: true, rows: decodeRows(page['rows'], 'response.Ok.rows'), hasMore },
  }
}

/** What `module/upload` gives. */
export function decodeModuleCid(value: DrislValue): string {
  const cid = asMap(value, 'Ok')['moduleCid']
  if (!isCid(cid)) throw new FieldError('Ok.moduleCid', 'a CID', cid)
  return cidText(cid)
}

/** What `stream/create` gives; older servers have no `clientStamp`. */
export function decodeCreated(value: DrislValue): {
  readonly streamDid: string
  readonly clientStamp: string | null
} {
  const map = asMap(value, 'Ok')
  return {
    streamDid: asText(map['streamDid'], 'Ok.streamDid'),
    clientStamp: asTextOrNull(map['clientStamp'], 'Ok.clientStamp'),
  }
}

/** What `stream/info` gives. */
export function decodeInfo(value: DrislValue): {
  readonly moduleCid: string | null
  readonly clientStamp: string | null
} {
  const map = asMap(value, 'Ok')
  const cid = map['moduleCid']
  if (cid !== null && cid !== undefined && !isCid(cid))
    throw new FieldError('Ok.moduleCid', 'a CID or null', cid)
  return {
    moduleCid: isCid(cid) ? cidText(cid) : null,
    clientStamp: asTextOrNull(map['clientStamp'], 'Ok.clientStamp'),
  }
}

/** One named text of a reply, `subscriptionId` for one. */
export function decodeNamedText(value: DrislValue, name: string): string {
  return asText(asMap(value, 'Ok')[name], `Ok.${name}`)
}

/** One named truth of a reply: `moduleExists`, `wasSubscribed`. */
export function decodeNamedBoolean(value: DrislValue, name: string): boolean {
  return asBoolean(asMap(value, 'Ok')[name], `Ok.${name}`)
}

/** What `admin/list_streams` gives. */
export function decodeStreamList(value: DrislValue): { readonly did: string }[] {
  return asArray(asMap(value, 'Ok')['streams'], 'Ok.streams').map((stream, index) => ({
    did: asText(isMap(stream) ? stream['did'] : undefined, `Ok.streams.${index}.did`),
  }))
}

/** The text of a throttle's refusal (`code` is `rate_limited`), or undefined for every other text. */
export interface ThrottleRefusal {
  readonly code: 'rate_limited'
  readonly endpoint: string
  readonly limit: number
  readonly attemptsInWindow: number
  readonly activeSubscriptions: number
  readonly maxActiveSubscriptions: number
  readonly retryAfterMs: number
  /** Additive: which limit it was. */
  readonly reason?: string
}

export function parseThrottleRefusal(text: string): ThrottleRefusal | undefined {
  if (!text.startsWith('{')) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const fields: Record<string, unknown> = { ...value }
  if (fields['code'] !== 'rate_limited') return undefined
  const { endpoint, reason } = fields
  const count = (name: string): number => {
    const number = fields[name]
    return typeof number === 'number' && number >= 0 ? number : 0
  }
  return {
    code: 'rate_limited',
    endpoint: typeof endpoint === 'string' ? endpoint : '',
    limit: count('limit'),
    attemptsInWindow: count('attemptsInWindow'),
    activeSubscriptions: count('activeSubscriptions'),
    maxActiveSubscriptions: count('maxActiveSubscriptions'),
    retryAfterMs: count('retryAfterMs'),
    ...(typeof reason === 'string' ? { reason } : {}),
  }
}
