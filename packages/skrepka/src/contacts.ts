/** People: whom we know, who asks to be known, whom we do not want to hear of. */
import type { Core } from './core.ts'
import type { Draft } from './draft.ts'
import { SkrepkaError } from './errors.ts'
import { contactsMax, newContact } from './inbox.ts'
import type { Address } from './link.ts'
import { dropOutgoing } from './outbox.ts'
import { payloadLimits, type Profile } from './payload.ts'
import { collections, type Contact, readContact, readMessage } from './records.ts'
import { prefixRange } from './store.ts'

/** Characters of a name that we give. */
const nameLengthMax = 128
const pageSize = 500

export interface Contacts {
  /** Everybody, those with the latest message first. */
  list(): Promise<readonly Contact[]>
  get(key: string): Promise<Contact | undefined>
  /** Adds somebody, or accepts her if she asked; relays are added to those known. Tells her our profile. */
  add(address: Address, name?: string): Promise<Contact>
  /** Lets somebody's messages in, and tells her that those which are here arrived. */
  accept(key: string): Promise<void>
  rename(key: string, name: string): Promise<void>
  /** From now on nothing of hers is kept, and nothing is said to her. */
  block(key: string): Promise<void>
  /** Forgets somebody and all that was said. */
  remove(key: string): Promise<void>
  markRead(key: string): Promise<void>
  profile(): Promise<Profile>
  /** Keeps our own profile, and sends it to all contacts. */
  setProfile(profile: Profile): Promise<void>
}

export function createContacts(core: Core): Contacts {
  const { store, change } = core
  const list = async () => {
    const items = await store.list(collections.contacts, { limit: contactsMax })
    const contacts = items.flatMap(({ value }) => readContact(value) ?? [])
    return contacts.toSorted((a, b) => b.lastAt - a.lastAt || b.addedAt - a.addedAt)
  }
  const profile = async () => readProfile(await store.get(collections.settings, 'profile'))
  const sendProfile = async (draft: Draft, contact: Contact) => {
    const own = await profile()
    if (own.displayName === '' && own.bio === '' && own.photo === undefined) return
    await core.postQuietly(draft, {
      contact,
      payload: { type: 'profile', profile: own, ts: core.clock.now() },
    })
  }
  const accepted = async (draft: Draft, contact: Contact) => {
    if (contact.state !== 'contact') await sendReceipts(core, draft, contact)
    const now: Contact = { ...contact, state: 'contact' }
    draft.putContact(now)
    await sendProfile(draft, now)
    return now
  }
  const update = (key: string, with_: (contact: Contact) => Contact) =>
    change(async draft => {
      const contact = await draft.contact(key)
      if (contact !== undefined) draft.putContact(with_(contact))
    })
  return {
    list,
    get: async key => readContact(await store.get(collections.contacts, key)),
    add: (address, name) =>
      change(async draft => {
        if (address.key === core.identity.key)
          throw new SkrepkaError('too-much', 'expected the address of somebody else, got our own')
        const known =
          (await draft.contact(address.key)) ??
          newContact({ key: address.key, state: 'contact', at: core.nextAt() })
        const relays = [...new Set([...address.relays, ...known.relays])].slice(0, 5)
        return accepted(draft, { ...known, relays, name: (name ?? known.name).slice(0, nameLengthMax) })
      }),
    accept: key =>
      change(async draft => {
        const contact = await draft.contact(key)
        if (contact !== undefined) await accepted(draft, contact)
      }),
    rename: (key, name) =>
      update(key, contact => ({ ...contact, name: name.trim().slice(0, nameLengthMax) })),
    block: key =>
      change(async draft => {
        const contact = (await draft.contact(key)) ?? newContact({ key, state: 'blocked', at: core.nextAt() })
        draft.putContact({ ...contact, state: 'blocked', unread: 0 })
        await dropOutgoing(draft, store, key)
      }),
    remove: key => remove(core, key),
    markRead: async key => {
      const contact = readContact(await store.get(collections.contacts, key))
      if ((contact?.unread ?? 0) > 0) await update(key, one => ({ ...one, unread: 0 }))
    },
    profile,
    setProfile: async own => {
      await change(async draft => draft.put(collections.settings, 'profile', own))
      // One change each: sealing for hundreds must not hold up what arrives.
      for (const contact of await list())
        if (contact.state === 'contact') await change(draft => sendProfile(draft, contact))
    },
  }
}

/** Tells somebody whom we just accepted what of hers is here. */
async function sendReceipts(core: Core, draft: Draft, contact: Contact): Promise<void> {
  const items = await core.store.list(collections.messages, {
    ...prefixRange(`${contact.key}/`),
    limit: payloadLimits.ackIds,
    reverse: true,
  })
  const ackIds = items.flatMap(({ value }) => {
    const message = readMessage(value)
    return message === undefined || message.mine ? [] : [message.id]
  })
  if (ackIds.length > 0)
    await core.postQuietly(draft, {
      contact,
      payload: { type: 'delivery.ack', ackIds, ts: core.clock.now() },
    })
}

async function remove({ store, change }: Core, key: string): Promise<void> {
  for (const collection of [collections.messages, collections.media, collections.ids]) {
    for (;;) {
      const items = await store.list(collection, { ...prefixRange(`${key}/`), limit: pageSize })
      if (items.length === 0) break
      await change(async draft => {
        for (const item of items) draft.remove(collection, item.key)
      })
    }
  }
  await change(async draft => {
    draft.remove(collections.contacts, key)
    await dropOutgoing(draft, store, key)
    draft.touch(key)
  })
}

function readProfile(value: unknown): Profile {
  const none: Profile = { displayName: '', bio: '', photo: undefined }
  if (typeof value !== 'object' || value === null) return none
  const { displayName, bio, photo } = { ...none, ...value }
  return {
    displayName: String(displayName),
    bio: String(bio),
    photo: photo instanceof Uint8Array ? photo : undefined,
  }
}
