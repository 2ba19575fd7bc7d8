/** What arrives: opens blobs, knows which were here before, and changes conversations accordingly. */
import { sha256 } from '@noble/hashes/sha2.js'
import { openBlob } from './blob.ts'
import type { Draft } from './draft.ts'
import { MalformedError, SkrepkaError } from './errors.ts'
import { toHex } from './hex.ts'
import type { Identity } from './identity.ts'
import { decodePayload, type Payload } from './payload.ts'
import { collections, type Contact, readContact } from './records.ts'
import { orderedNumber, type Store } from './store.ts'

/** Strangers who may wait to be accepted at the same time, and messages of each that are kept. */
export const requestsMax = 200
export const requestMessagesMax = 50
/** Contacts are listed in one page of this size. */
export const contactsMax = 5000
/** Hashes of blobs are remembered longer than relays keep mail (30 days). */
const seenMsMax = 45 * 24 * 3600_000
/** A profile from further ahead would never be replaced. */
const aheadMsMax = 24 * 3600_000
const previewLength = 120
const seenPageSize = 500

/** A blob that could be opened, or that was looked at in vain: `payload` is undefined then. */
export interface Opened {
  readonly hash: string
  readonly sender: string
  readonly payload: Payload | undefined
}

/** Opens the blobs of a page. What is not for us, forged or no payload is passed over: asking for it again would not help. */
export async function openPage(blobs: readonly Uint8Array[], identity: Identity): Promise<readonly Opened[]> {
  const opened: Opened[] = []
  for (const blob of blobs) {
    const hash = toHex(sha256(blob).subarray(0, 16))
    try {
      const { sender, payload } = await openBlob(blob, identity)
      opened.push({ hash, sender, payload: decodePayload(payload) })
    } catch (error) {
      if (!(error instanceof SkrepkaError || error instanceof MalformedError)) throw error
      opened.push({ hash, sender: '', payload: undefined })
    }
  }
  return opened
}

/** Applies a page to `draft`; gives which messages of whom are to be acknowledged to their senders. */
export async function applyPage(options: {
  readonly draft: Draft
  readonly store: Store
  readonly opened: readonly Opened[]
  readonly ownKey: string
  /** A later time at each call. */
  readonly nextAt: () => number
  /** The time as a key that is nobody else's. */
  readonly keyOf: (at: number) => string
}): Promise<ReadonlyMap<string, readonly string[]>> {
  const { draft, opened, nextAt } = options
  const receipts = new Map<string, string[]>()
  for (const { hash, sender, payload } of opened) {
    if ((await draft.get(collections.seen, hash)) !== undefined) continue
    const at = nextAt()
    draft.put(collections.seen, hash, at)
    draft.put(collections.seenTimes, `${orderedNumber(at)}/${hash}`, 1)
    if (payload === undefined || sender === options.ownKey) continue
    const contact = (await draft.contact(sender)) ?? (await stranger(options, sender, at))
    if (contact === undefined || contact.state === 'blocked') continue
    if (payload.type === 'delivery.ack') await acknowledge(draft, contact, payload.ackIds)
    else if (payload.type === 'profile') keepProfile(draft, contact, payload, at)
    else if (await keepMessage({ ...options, contact, payload, at: Math.max(at, contact.lastAt + 1) })) {
      receipts.set(sender, [...(receipts.get(sender) ?? []), payload.id])
    }
  }
  return receipts
}

/** A contact for somebody who writes for the first time; undefined when too many of them wait already. */
async function stranger(
  { store }: { readonly store: Store },
  key: string,
  at: number,
): Promise<Contact | undefined> {
  const known = await store.list(collections.contacts, { limit: contactsMax })
  if (known.length >= contactsMax) return undefined
  if (known.filter(({ value }) => readContact(value)?.state === 'request').length >= requestsMax)
    return undefined
  return newContact({ key, state: 'request', at })
}

/** A contact about whom only the key is known. */
export function newContact(of: {
  readonly key: string
  readonly state: Contact['state']
  readonly at: number
}): Contact {
  const { key, state, at } = of
  return {
    key,
    state,
    name: '',
    relays: [],
    profile: undefined,
    addedAt: at,
    unread: 0,
    lastAt: 0,
    lastText: '',
  }
}

async function acknowledge(draft: Draft, contact: Contact, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const messageKey = await draft.get(collections.ids, idKey(contact.key, true, id))
    if (typeof messageKey !== 'string') continue
    const message = await draft.message(messageKey)
    if (message === undefined || message.state === 'delivered') continue
    draft.put(collections.messages, messageKey, { ...message, state: 'delivered' })
    draft.touch(contact.key)
  }
}

function keepProfile(
  draft: Draft,
  contact: Contact,
  payload: Payload & { readonly type: 'profile' },
  at: number,
): void {
  // The latest wins, however they arrive.
  if (payload.ts <= (contact.profile?.ts ?? -1) || payload.ts > at + aheadMsMax) return
  draft.putContact({ ...contact, profile: { ...payload.profile, ts: payload.ts } })
}

/** Gives whether its sender is to hear that it arrived. */
async function keepMessage(options: {
  readonly draft: Draft
  readonly contact: Contact
  readonly payload: Payload & { readonly type: 'text' | 'media' }
  /** After everything that is there, also when the clock was set back. */
  readonly at: number
  readonly keyOf: (at: number) => string
}): Promise<boolean> {
  const { draft, contact, payload, at } = options
  const accepted = contact.state === 'contact'
  const id = idKey(contact.key, false, payload.id)
  // The same message sealed anew: its sender did not hear of our receipt.
  if ((await draft.get(collections.ids, id)) !== undefined) return accepted
  if (!accepted && contact.unread >= requestMessagesMax) return false
  const messageKey = `${contact.key}/${options.keyOf(at)}`
  const media = payload.type === 'media' ? payload.media : undefined
  draft.put(collections.ids, id, messageKey)
  draft.put(collections.messages, messageKey, {
    id: payload.id,
    peer: contact.key,
    mine: false,
    body: payload.body,
    media: media === undefined ? undefined : { mime: media.mime, width: media.width, height: media.height },
    ts: payload.ts,
    at,
    state: 'received',
  })
  if (media !== undefined) draft.put(collections.media, messageKey, media.data)
  draft.putContact({
    ...contact,
    unread: contact.unread + 1,
    lastAt: at,
    lastText: preview(payload.body, media !== undefined),
  })
  return accepted
}

/** The begin of a message, for a list. */
export function preview(body: string, picture: boolean): string {
  const text = body.replaceAll(/\s+/g, ' ').trim().slice(0, previewLength)
  return picture && text === '' ? 'Picture' : text
}

/** Where it is kept which message has an id. */
export function idKey(peer: string, mine: boolean, id: string): string {
  return `${peer}/${mine ? 'mine' : 'theirs'}/${id}`
}

/** Forgets hashes of blobs that no relay can still have. */
export async function forgetSeen(store: Store, now: number): Promise<void> {
  const before = orderedNumber(Math.max(0, now - seenMsMax))
  for (;;) {
    const old = await store.list(collections.seenTimes, { before, limit: seenPageSize })
    if (old.length === 0) return
    await store.write(
      old.flatMap(({ key }) => [
        { collection: collections.seenTimes, key, value: undefined },
        { collection: collections.seen, key: key.slice(key.indexOf('/') + 1), value: undefined },
      ]),
    )
  }
}
