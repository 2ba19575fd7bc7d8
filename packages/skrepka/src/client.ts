/**
 * A Skrepka client: one key, mailboxes on several relays at once, contacts, conversations and an outbox. What it stores is
 * durable before a relay hears that it may forget it; what it sends is sealed once, so that copies are known as such.
 */
import type { RandomBytes } from './blob.ts'
import { type ClientClock, createLock, type Fetch, type Lock } from './capabilities.ts'
import { type Contacts, createContacts } from './contacts.ts'
import { type Conversations, createConversations } from './conversation.ts'
import { type Change, type Core, createCore, relayList } from './core.ts'
import { type Identity, identityFromSeed } from './identity.ts'
import { applyPage, forgetSeen, openPage } from './inbox.ts'
import { type Address, relayName, relayUrl } from './link.ts'
import { expireOutbox, nextBatch, retarget, settle, waitingTargets } from './outbox.ts'
import { payloadLimits } from './payload.ts'
import { collections } from './records.ts'
import { createRelayRunner, type RelayRunner, type RelayStatus } from './relay-runner.ts'
import { createRelaySession, type RelaySession } from './relay-session.ts'
import type { Store } from './store.ts'
import type { PageAnswer } from './wire.ts'

export interface ClientOptions {
  readonly identity: Identity
  readonly store: Store
  readonly fetch: Fetch
  readonly clock: ClientClock
  readonly random: RandomBytes
  /** Names of relays where our mailbox is, until `setRelays` says otherwise. */
  readonly relays: readonly string[]
  /** Where a relay of some name answers, when not at `relayUrl(name)`. */
  readonly urlOf?: (name: string) => string
  /** Hold by all who share the store; within this process by default. */
  readonly lock?: Lock
  /** Sends by throw-away keys, so that relays do not learn who writes; they still see the address. Default false. */
  readonly ephemeralSenders?: boolean
  /** The store failed, and the client has stopped. */
  readonly onFault?: (error: unknown) => void
}

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
/** How long a throw-away key is used at one relay. */
const ephemeralMs = 50 * 60_000

/** Makes a client; nothing goes over the network before `start`. */
export function createClient(options: ClientOptions): Client {
  const { identity, store, clock, random } = options
  const listeners = new Set<(change: Change) => void>()
  const runners = new Map<string, RelayRunner>()
  let running = false
  let cancelTidy = () => {}

  const homeRelays = async () => {
    const kept = await store.get(collections.settings, 'relays')
    return kept === undefined ? options.relays.map(relayName).slice(0, relaysMax) : relayList(kept)
  }
  const changed = (change: Change) => {
    for (const listener of listeners) listener(change)
    if (change.outgoing) wakeSenders()
  }
  const core = createCore({
    identity,
    store,
    clock,
    random,
    lock: options.lock ?? createLock(),
    homeRelays,
    changed,
  })
  const sessionOf = (name: string, who: Identity) =>
    createRelaySession({
      url: (options.urlOf ?? relayUrl)(name),
      name,
      identity: who,
      fetch: options.fetch,
      clock,
    })

  const startRunner = (name: string, home: boolean) => {
    const own = home ? sessionOf(name, identity) : undefined
    const throwAway = createThrowAway(core, who => sessionOf(name, who))
    const runner = createRelayRunner({
      name,
      mailbox: own === undefined ? undefined : mailboxOf(core, name, own),
      outgoing: {
        session: () => (own === undefined || options.ephemeralSenders === true ? throwAway() : own),
        next: () => nextBatch(store, name),
        settle: (keys, taken) => core.change(draft => settle(draft, keys, name, taken)),
      },
      clock,
      random,
      changed: () => changed({ peers: new Set(), outgoing: false }),
      onFault: error => {
        void stop()
        options.onFault?.(error)
      },
    })
    runners.set(name, runner)
  }
  /** Senders for all relays that something waits for; those of contacts come and go. */
  const wakeSenders = () => {
    if (!running) return
    void waitingTargets(store).then(targets => {
      for (const name of targets) if (running && !runners.has(name)) startRunner(name, false)
      for (const runner of runners.values()) runner.wakeSender()
    }, options.onFault)
  }
  const tidy = () => {
    void forgetSeen(store, clock.now())
      .then(() => core.change(draft => expireOutbox(draft, store, clock.now())))
      .catch(error => options.onFault?.(error))
    cancelTidy = clock.after(tidyMs, tidy)
  }
  const start = async () => {
    if (running) return
    const names = await homeRelays()
    await core.change(async draft => draft.put(collections.settings, 'relays', names))
    if (running) return
    running = true
    for (const name of names) startRunner(name, true)
    tidy()
    wakeSenders()
  }
  const stop = async () => {
    running = false
    cancelTidy()
    const stopping = [...runners.values()]
    runners.clear()
    await Promise.all(stopping.map(runner => runner.stop()))
  }
  return {
    identity,
    contacts: createContacts(core),
    conversations: createConversations(core),
    relays: () => [...runners.values()].map(runner => runner.status()),
    homeRelays,
    setRelays: async names => {
      const list = [...new Set(names.map(relayName))].slice(0, relaysMax)
      const before = await homeRelays()
      await core.change(async draft => {
        draft.put(collections.settings, 'relays', list)
        await retarget(draft, store, { before, after: list })
      })
      const again = running
      await stop()
      if (again) await start()
      changed({ peers: new Set(), outgoing: false })
    },
    address: async () => ({ key: identity.key, relays: await homeRelays() }),
    start,
    stop,
    nudge: () => {
      wakeSenders()
      for (const runner of runners.values()) runner.nudge()
    },
    onChange: listener => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** Our mailbox on one relay: its cursor is kept in the same change as what the page brought. */
function mailboxOf(core: Core, name: string, session: RelaySession) {
  const cursor = async () => {
    const kept = await core.store.get(collections.cursors, name)
    return typeof kept === 'number' ? kept : 0
  }
  const keep = async (page: PageAnswer) => {
    if (page.blobs.length === 0 && page.cursor === (await cursor())) return
    const opened = await openPage(page.blobs, core.identity)
    await core.change(async draft => {
      const { store, nextAt, keyOf } = core
      const receipts = await applyPage({ draft, store, opened, ownKey: core.identity.key, nextAt, keyOf })
      for (const [peer, ids] of receipts) {
        const contact = await draft.contact(peer)
        if (contact === undefined) continue
        for (let at = 0; at < ids.length; at += payloadLimits.ackIds) {
          const ackIds = ids.slice(at, at + payloadLimits.ackIds)
          await core.postQuietly(draft, {
            contact,
            payload: { type: 'delivery.ack', ackIds, ts: core.clock.now() },
          })
        }
      }
      draft.put(collections.cursors, name, page.cursor)
    })
  }
  return { session, cursor, keep }
}

/** Sessions of keys that are used for a while and forgotten. */
function createThrowAway(
  { clock, random }: Core,
  sessionOf: (identity: Identity) => RelaySession,
): () => RelaySession {
  let current: { readonly session: RelaySession; readonly until: number } | undefined
  return () => {
    if (current === undefined || clock.now() > current.until) {
      current = { session: sessionOf(identityFromSeed(random(32))), until: clock.now() + ephemeralMs }
    }
    return current.session
  }
}
