/** What the parts of a client share: who we are, where it is stored, and how something is changed and sent. */
import { type RandomBytes, sealBlob } from './blob.ts'
import type { ClientClock, Lock } from './capabilities.ts'
import { createDraft, type Draft } from './draft.ts'
import { SkrepkaError } from './errors.ts'
import { fromHex, toHex } from './hex.ts'
import type { Identity } from './identity.ts'
import { enqueue, targetsMax } from './outbox.ts'
import { encodePayload, type Payload } from './payload.ts'
import type { Contact } from './records.ts'
import { orderedNumber, type Store } from './store.ts'

/** What changed, for whoever shows it. */
export interface Change {
  /** Whose contact or conversation changed. */
  readonly peers: ReadonlySet<string>
  /** Something waits to be sent. */
  readonly outgoing: boolean
}

export interface Core {
  readonly identity: Identity
  readonly store: Store
  readonly clock: ClientClock
  readonly random: RandomBytes
  /** A later time at each call, in milliseconds. */
  nextAt(): number
  /** A time as a key that sorts by it and is nobody else's. */
  keyOf(at: number): string
  /** Changes the store: alone, all of it at once, durable when it resolves. */
  change<T>(work: (draft: Draft) => Promise<T>): Promise<T>
  /** Seals a payload for somebody and puts it into the outbox. */
  post(draft: Draft, letter: Letter): Promise<void>
  /** The same for what may be left out when too much waits already: receipts, profiles. */
  postQuietly(draft: Draft, letter: Letter): Promise<void>
}

export interface Letter {
  readonly contact: Contact
  readonly payload: Payload
  /** Where its message is kept; absent for what is none. */
  readonly messageKey?: string
}

export function createCore(options: {
  readonly identity: Identity
  readonly store: Store
  readonly clock: ClientClock
  readonly random: RandomBytes
  readonly lock: Lock
  /** Relays of our own mailbox. */
  readonly homeRelays: () => Promise<readonly string[]>
  readonly changed: (change: Change) => void
}): Core {
  const { identity, store, clock, random } = options
  let last = 0
  const posted = new WeakSet<Draft>()
  const nextAt = () => {
    last = Math.max(clock.now(), last + 1)
    return last
  }
  const keyOf = (at: number) => `${orderedNumber(at)}-${toHex(random(4))}`
  const post = async (draft: Draft, { contact, payload, messageKey }: Letter) => {
    const recipient = fromHex(contact.key, 64)
    const blob = await sealBlob({ payload: encodePayload(payload), sender: identity, recipient, random })
    const at = nextAt()
    // Our own relays pass mail on to where the recipient is; those that she named get it at once.
    const targets = [...new Set([...(await options.homeRelays()), ...contact.relays])].slice(0, targetsMax)
    await enqueue({ draft, store, key: keyOf(at), to: contact.key, blob, targets, at, messageKey })
    posted.add(draft)
  }
  return {
    identity,
    store,
    clock,
    random,
    nextAt,
    keyOf,
    post,
    postQuietly: async (draft, letter) => {
      try {
        await post(draft, letter)
      } catch (error) {
        if (!(error instanceof SkrepkaError) || error.code !== 'too-much') throw error
      }
    },
    change: work =>
      options.lock(async () => {
        const draft = createDraft(store)
        const result = await work(draft)
        await draft.commit()
        const outgoing = posted.has(draft)
        if (draft.touched.size > 0 || outgoing) options.changed({ peers: draft.touched, outgoing })
        return result
      }),
  }
}

/** The names of relays that a setting holds. */
export function relayList(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((name): name is string => typeof name === 'string') : []
}
