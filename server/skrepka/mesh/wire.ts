/** The mesh's JSON, both ways. What is read here is checked here; keys of what is written are in alphabetical order. */
import type { KeyHex, PeerAnswer, PresenceProof, ServerName } from '../contract.ts'
import { answerError, WireFault } from '../http/answers.ts'
import { type Fields, fieldsOf, isFields, isHex, own, publicKeyHex, requireFields } from '../http/fields.ts'

export interface GossipEvent {
  readonly kind: 'online' | 'offline' | 'unknown'
  readonly key: KeyHex
  readonly proof: PresenceProof | undefined
}

export interface Gossip {
  readonly events: readonly GossipEvent[]
  readonly fromServer: ServerName
  /** What the peer says that it has in all (additive); see `digest.ts`. */
  readonly have: { readonly count: number; readonly digest: string } | undefined
}

/** A message as it comes from a peer. */
export interface ForwardedMessage {
  readonly key: KeyHex
  readonly blob: Uint8Array
}

const textLengthMax = 256

const fault = (status: number, code: string) => new WireFault(answerError(status, code))

function refined(name: string, type: string): WireFault {
  return fault(400, `validation error: field '${name}' does not satisfy '${type}' constraint`)
}

const isKey = (value: unknown): value is KeyHex => isHex(value, publicKeyHex.length)

const optionalText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** Reads the body of `POST /federation/gossip`. Throws `WireFault`. */
export function readGossip(body: Uint8Array, nameLengthMax: number): Gossip {
  const fields = fieldsOf(body)
  requireFields(fields, ['events', 'fromServer'])
  const events = own(fields, 'events')
  const fromServer = own(fields, 'fromServer')
  if (!Array.isArray(events)) throw refined('events', 'List')
  if (!isServerNameType(fromServer, nameLengthMax)) throw refined('fromServer', 'ServerName')
  return { events: events.map(readEvent), fromServer, have: readHave(fields['have']) }
}

/** The seed's type, wider than what may be called: a bounded text that is its own lower case without trailing dots. */
function isServerNameType(value: unknown, lengthMax: number): value is ServerName {
  return (
    typeof value === 'string' &&
    value.length <= lengthMax &&
    value === value.toLowerCase().replace(/\.+$/, '')
  )
}

/**
 * Both shapes that peers send: `{eventType, pubkey}`, and the tagged constructor into which early Knot runtimes turn it:
 * `{__knot_ctor: {tag: 'GossipOnline', value: {pubkey}}}`.
 */
function readEvent(value: unknown): GossipEvent {
  if (!isFields(value)) throw fault(400, 'invalid_message')
  const tagged = value['__knot_ctor']
  if (isFields(tagged)) {
    const kind = kindOfTag[optionalText(tagged['tag']) ?? ''] ?? 'unknown'
    const inner = isFields(tagged['value']) ? tagged['value'] : {}
    return eventOf(kind, inner)
  }
  const type = value['eventType']
  return eventOf(type === 'online' || type === 'offline' ? type : 'unknown', value)
}

const kindOfTag: Readonly<Record<string, 'online' | 'offline'>> = {
  GossipOnline: 'online',
  GossipOffline: 'offline',
}

function eventOf(kind: GossipEvent['kind'], fields: Fields): GossipEvent {
  const key = fields['pubkey']
  if (!isKey(key)) throw fault(400, 'invalid_message')
  return { kind, key, proof: readProof(fields['proof']) }
}

/** Undefined when there is none to be read: an unreadable proof proves as much as a missing one. */
function readProof(value: unknown): PresenceProof | undefined {
  if (!isFields(value)) return undefined
  const challenge = optionalText(value['challenge'])
  const r = optionalText(value['r'])
  const signature = optionalText(value['signature'])
  const boundHost = optionalText(value['boundHost'])
  if (challenge === undefined || r === undefined || signature === undefined) return undefined
  return { challenge, r, signature, ...(boundHost === undefined ? {} : { boundHost }) }
}

function readHave(value: unknown): Gossip['have'] {
  if (!isFields(value)) return undefined
  const { count, digest } = { count: value['count'], digest: value['digest'] }
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || typeof digest !== 'string')
    return undefined
  return { count, digest: digest.slice(0, 64) }
}

/** Reads what peers ask and bring for tokens: texts, bounded. Throws `WireFault`. */
export function readTexts<const Name extends string>(
  body: Uint8Array,
  names: readonly Name[],
): Readonly<Record<Name, string>> {
  const fields = fieldsOf(body)
  requireFields(fields, names)
  const texts: Partial<Record<Name, string>> = {}
  for (const name of names) {
    const value = own(fields, name)
    if (typeof value !== 'string' || value.length === 0 || value.length > textLengthMax)
      throw refined(name, 'Text')
    texts[name] = value
  }
  return texts as Record<Name, string> // each was read just above
}

/** Reads the body of `POST /federation/forward`. Throws `WireFault`. */
export function readForward(body: Uint8Array, blobLengthMax: number): ForwardedMessage {
  const fields = fieldsOf(body)
  requireFields(fields, ['toKey', 'encryptedBlob'])
  const key = own(fields, 'toKey')
  if (!isKey(key)) throw refined('toKey', 'PubkeyHex')
  const blob = readBlob(own(fields, 'encryptedBlob'), blobLengthMax)
  if (blob === undefined) throw refined('encryptedBlob', 'BlobHex')
  return { key, blob }
}

/** Reads the body of `POST /skrepka/forward`. Throws `WireFault`. */
export function readForwardBatch(
  body: Uint8Array,
  bounds: { readonly blobLengthMax: number; readonly batchMax: number },
): readonly ForwardedMessage[] {
  const batch = fieldsOf(body)
  requireFields(batch, ['messages'])
  const messages = own(batch, 'messages')
  if (!Array.isArray(messages)) throw refined('messages', 'List')
  if (messages.length > bounds.batchMax) throw fault(413, 'batch_too_large')
  return messages.map((message: unknown) => {
    const fields = isFields(message) ? message : {}
    const key = fields['toKey']
    const blob = readBlob(fields['encryptedBlob'], bounds.blobLengthMax)
    if (!isKey(key) || blob === undefined) throw fault(400, 'invalid_message')
    return { key, blob }
  })
}

function readBlob(hex: unknown, lengthMax: number): Uint8Array | undefined {
  if (typeof hex !== 'string' || hex.length === 0 || hex.length > lengthMax || hex.length % 2 !== 0)
    return undefined
  return /^[0-9a-f]+$/.test(hex) ? Buffer.from(hex, 'hex') : undefined
}

/** A gossip event as it goes out. `tagged` is the shape of early Knot runtimes, which has no room for a proof. */
export function eventJson(event: GossipEvent, tagged: boolean): unknown {
  if (tagged) {
    const tag = event.kind === 'online' ? 'GossipOnline' : 'GossipOffline'
    return { __knot_ctor: { tag, value: { pubkey: event.key } } }
  }
  const { proof } = event
  if (proof === undefined) return { eventType: event.kind, pubkey: event.key }
  const { challenge, r, signature, boundHost } = proof
  const carried =
    boundHost === undefined ? { challenge, r, signature } : { boundHost, challenge, r, signature }
  return { eventType: event.kind, proof: carried, pubkey: event.key }
}

/** One message of a forward, as JSON text. */
export function forwardJson(key: KeyHex, blob: Uint8Array): string {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength)
  return `{"encryptedBlob":"${bytes.toString('hex')}","toKey":"${key}"}`
}

/** What became of one message of a batch, in the order of the batch. */
export type ForwardStatus = 'stored' | 'duplicate' | 'no_presence' | 'mailbox_full'

export interface ForwardResult {
  readonly status: ForwardStatus
  readonly retryAfterMs?: number
}

const statuses: readonly string[] = ['stored', 'duplicate', 'no_presence', 'mailbox_full']

/** Reads a peer's answer to a batch; undefined when it is not one for `count` messages. */
export function readForwardResults(answer: PeerAnswer, count: number): readonly ForwardResult[] | undefined {
  const results = answerFields(answer)['results']
  if (!Array.isArray(results) || results.length !== count) return undefined
  const read: ForwardResult[] = []
  for (const result of results as readonly unknown[]) {
    const status = isFields(result) ? result['status'] : undefined
    if (!isFields(result) || !isForwardStatus(status)) return undefined
    const retryAfterMs = result['retryAfterMs']
    read.push(typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? { status, retryAfterMs } : { status })
  }
  return read
}

function isForwardStatus(value: unknown): value is ForwardStatus {
  return typeof value === 'string' && statuses.includes(value)
}

/** The fields of a peer's answer; none when it is no JSON object. */
export function answerFields(answer: PeerAnswer): Fields {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(answer.body))
    return isFields(value) ? value : {}
  } catch {
    return {}
  }
}
