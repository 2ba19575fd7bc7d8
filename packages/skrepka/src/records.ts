/** What a client stores: contacts, messages, what waits to be sent. Read back with the checks that make the types true. */
import { isObject, type JsonObject } from './json.ts'
import type { MediaType, Profile } from './payload.ts'

/** `request`: wrote to us and was not accepted yet; gets no receipts. */
export type ContactState = 'contact' | 'request' | 'blocked'

export interface Contact {
  readonly key: string
  readonly state: ContactState
  /** What we call them; empty: what they call themselves. */
  readonly name: string
  /** Relays where they said they are. */
  readonly relays: readonly string[]
  readonly profile: (Profile & { readonly ts: number }) | undefined
  readonly addedAt: number
  readonly unread: number
  /** Of the last message; 0 when there is none. */
  readonly lastAt: number
  /** The begin of the last message, for lists. */
  readonly lastText: string
}

/** `waiting`: here only. `sent`: a relay has it. `delivered`: their client has it. `failed`: no relay takes it. */
export type MessageState = 'waiting' | 'sent' | 'delivered' | 'failed' | 'received'

export interface Message {
  readonly id: string
  readonly peer: string
  readonly mine: boolean
  readonly body: string
  /** Its bytes are stored apart. */
  readonly media: { readonly mime: MediaType; readonly width: number; readonly height: number } | undefined
  /** By the sender's clock. */
  readonly ts: number
  /** By ours: when it was written or arrived. Orders a conversation. */
  readonly at: number
  readonly state: MessageState
}

/** A sealed blob on its way. The same bytes are sent to every relay and at every try, so that copies are known as such. */
export interface Outgoing {
  readonly to: string
  readonly blobBytes: number
  /** Relays that have not taken it yet. */
  readonly targets: readonly string[]
  readonly at: number
  /** Where its message is; undefined for receipts and profiles. */
  readonly messageKey: string | undefined
  readonly accepted: boolean
}

export const collections = {
  contacts: 'contact',
  messages: 'message',
  /** Bytes of pictures, under their message's key. */
  media: 'media',
  /** `<peer>/<mine or theirs>/<id>` → key of the message. */
  ids: 'id',
  outbox: 'outbox',
  /** The sealed blobs, under the key of their outgoing record. */
  outboxBlobs: 'outbox-blob',
  /** Hash of a blob → when it came. */
  seen: 'seen',
  seenTimes: 'seen-time',
  /** Relay → cursor. */
  cursors: 'cursor',
  settings: 'setting',
} as const

/** Thrown away when it is not what this version wrote: undefined then. */
export function readContact(value: unknown): Contact | undefined {
  return hasShape(value, {
    key: 'string',
    state: 'string',
    name: 'string',
    relays: 'object',
    addedAt: 'number',
    unread: 'number',
  })
    ? (value as unknown as Contact)
    : undefined
}

export function readMessage(value: unknown): Message | undefined {
  return hasShape(value, {
    id: 'string',
    peer: 'string',
    mine: 'boolean',
    body: 'string',
    at: 'number',
    state: 'string',
  })
    ? (value as unknown as Message)
    : undefined
}

export function readOutgoing(value: unknown): Outgoing | undefined {
  return hasShape(value, {
    to: 'string',
    blobBytes: 'number',
    targets: 'object',
    at: 'number',
    accepted: 'boolean',
  })
    ? (value as unknown as Outgoing)
    : undefined
}

function hasShape(value: unknown, shape: Readonly<Record<string, string>>): value is JsonObject {
  return isObject(value) && Object.entries(shape).every(([name, type]) => typeof value[name] === type)
}
