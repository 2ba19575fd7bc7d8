/**
 * A Skrepka client: one key, mailboxes on several relays at once, contacts, conversations and an outbox. What it stores is
 * durable before a relay hears that it may forget it; what it sends is sealed once, so that copies are known as such.
 */
import { createLock } from './capabilities.ts'
import type { ClientOptions } from './client-options.ts'
import { type Contacts, createContacts } from './contacts.ts'
import { type Conversations, createConversations } from './conversation.ts'
import { type Change, type Core, createCore, relayList } from './core.ts'
import type { Identity } from './identity.ts'
import { forgetSeen } from './inbox.ts'
import { type Address, relayName } from './link.ts'
import { expireOutbox, retarget } from './outbox.ts'
import { collections } from './records.ts'
import { createRelayPool } from './relay-pool.ts'
import type { RelayStatus } from './relay-runner.ts'

export interface Client {
  readonly identity: Identity
  readonly contacts: Contacts
  readonly conversations: Conversations
  /** How it goes with each relay. */
  relays(): readonly RelayStatus[]
  /** The relays of our mailbox, as they are kept. At most `relaysMax`. */
  homeRelays(): Promise<readonly string[]>
  setRelays(names: readonly string[]): Promise<void>
  /** What to pass on so that others can write to us. */
  address(): Promise<Address>
  /** Begins to poll and to send; without it the client only reads and writes its store. */
  start(): Promise<void>
  stop(): Promise<void>
  /** The network may be back, or another tab wrote something: tries at once. */
  nudge(): void
  /** Calls `listener` after each change; the returned function ends that. */
  onChange(listener: (change: Change) => void): () => void
}

/** Relays on which our own mailbox may be at the same time. */
export const relaysMax = 5
const tidyMs = 3600_000

/** Makes a client; nothing goes over the network before `start`. */
export function createClient(options: ClientOptions): Client {
  const { identity, store, clock, random, onFault = () => undefined } = options
  const listeners = new Set<(change: Change) => void>()
  const tell = (change: Change) => {
    for (const listener of listeners) listener(change)
  }
  const nothing: Change = { peers: new Set(), outgoing: false }
  const homeRelays = async () => {
    const kept = await store.get(collections.settings, 'relays')
    return kept === undefined ? options.relays.map(relayName).slice(0, relaysMax) : relayList(kept)
  }
  const changed = (change: Change) => {
    tell(change)
    if (change.outgoing) pool.wakeSenders()
  }
  const lock = options.lock ?? createLock()
  const core = createCore({ identity, store, clock, random, lock, homeRelays, changed })
  const fault = (error: unknown) => {
    void stop()
    onFault(error)
  }
  const pool = createRelayPool({ ...options, core, changed: () => tell(nothing), onFault: fault })
  const keeper = createKeeper({ ...core, onFault: fault })
  let running = false

  const start = async () => {
    if (running) return
    const names = await homeRelays()
    await core.change(async draft => draft.put(collections.settings, 'relays', names))
    if (running) return
    running = true
    pool.start(names)
    keeper.start()
  }
  const stop = async () => {
    running = false
    keeper.stop()
    await pool.stop()
  }
  return {
    identity,
    contacts: createContacts(core),
    conversations: createConversations(core),
    relays: pool.status,
    homeRelays,
    setRelays: async names => {
      const after = [...new Set(names.map(relayName))].slice(0, relaysMax)
      const before = await homeRelays()
      await core.change(async draft => {
        draft.put(collections.settings, 'relays', after)
        await retarget(draft, store, { before, after })
      })
      const again = running
      await stop()
      if (again) await start()
      tell(nothing)
    },
    address: async () => ({ key: identity.key, relays: await homeRelays() }),
    start,
    stop,
    nudge: pool.nudge,
    onChange: listener => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** Forgets, every hour, what is over. */
function createKeeper(
  options: Pick<Core, 'store' | 'clock' | 'change'> & { readonly onFault: (error: unknown) => void },
) {
  const { store, clock, change, onFault } = options
  let cancel = () => {}
  const keep = () => {
    void forgetSeen(store, clock.now())
      .then(() => change(draft => expireOutbox(draft, store, clock.now())))
      .catch(onFault)
    cancel = clock.after(tidyMs, keep)
  }
  return { start: keep, stop: () => cancel() }
}
