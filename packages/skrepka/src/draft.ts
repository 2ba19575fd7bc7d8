import { collections, type Contact, type Message, readContact, readMessage } from './records.ts'
import type { Store, StoreChange } from './store.ts'

/** Changes that are being gathered: reads see them, the store gets all of them at once. */
export interface Draft {
  get(collection: string, key: string): Promise<unknown>
  put(collection: string, key: string, value: unknown): void
  remove(collection: string, key: string): void
  contact(key: string): Promise<Contact | undefined>
  putContact(contact: Contact): void
  message(messageKey: string): Promise<Message | undefined>
  /** Writes them; nothing when there are none. */
  commit(): Promise<void>
  /** Whose conversations or contacts change. */
  readonly touched: ReadonlySet<string>
  touch(peer: string): void
}

export function createDraft(store: Store): Draft {
  const changes = new Map<string, StoreChange>()
  const touched = new Set<string>()
  const set = (collection: string, key: string, value: unknown) => {
    changes.set(`${collection}\0${key}`, { collection, key, value })
  }
  const get = async (collection: string, key: string): Promise<unknown> => {
    const changed = changes.get(`${collection}\0${key}`)
    return changed === undefined ? store.get(collection, key) : changed.value
  }
  return {
    get,
    put: set,
    remove: (collection, key) => set(collection, key, undefined),
    contact: async key => readContact(await get(collections.contacts, key)),
    putContact: contact => {
      set(collections.contacts, contact.key, contact)
      touched.add(contact.key)
    },
    message: async key => readMessage(await get(collections.messages, key)),
    commit: async () => {
      if (changes.size > 0) await store.write([...changes.values()])
    },
    touched,
    touch: peer => void touched.add(peer),
  }
}
