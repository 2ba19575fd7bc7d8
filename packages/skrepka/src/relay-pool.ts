/** The relays that are spoken with: those of our mailbox, and those that something waits to be sent to. */
import type { ClientOptions } from './client-options.ts'
import type { Core } from './core.ts'
import { type Identity, identityFromSeed } from './identity.ts'
import { relayUrl } from './link.ts'
import { createMailbox } from './mailbox.ts'
import { nextBatch, settle, waitingTargets } from './outbox.ts'
import { createRelayRunner, type RelayRunner, type RelayStatus } from './relay-runner.ts'
import { createRelaySession, type RelaySession } from './relay-session.ts'

export interface RelayPool {
  /** Begins to speak with the relays of our mailbox. */
  start(homes: readonly string[]): void
  stop(): Promise<void>
  /** Something waits to be sent. */
  wakeSenders(): void
  /** The network may be back. */
  nudge(): void
  status(): readonly RelayStatus[]
}

/** How long a throw-away key is used at one relay. */
const ephemeralMs = 50 * 60_000

export function createRelayPool(
  options: Pick<ClientOptions, 'urlOf' | 'fetch' | 'ephemeralSenders'> & {
    readonly core: Core
    readonly changed: () => void
    readonly onFault: (error: unknown) => void
  },
): RelayPool {
  const { core } = options
  const runners = new Map<string, RelayRunner>()
  let running = false
  const startRunner = (name: string, home: boolean) => runners.set(name, runnerOf({ ...options, name, home }))
  const wakeSenders = () => {
    if (!running) return
    void waitingTargets(core.store).then(targets => {
      // Those of contacts come and go with what is sent to them.
      for (const name of targets) if (running && !runners.has(name)) startRunner(name, false)
      for (const runner of runners.values()) runner.wakeSender()
    }, options.onFault)
  }
  return {
    start: homes => {
      running = true
      for (const name of homes) startRunner(name, true)
      wakeSenders()
    },
    stop: async () => {
      running = false
      const stopping = [...runners.values()]
      runners.clear()
      await Promise.all(stopping.map(runner => runner.stop()))
    },
    wakeSenders,
    nudge: () => {
      wakeSenders()
      for (const runner of runners.values()) runner.nudge()
    },
    status: () => [...runners.values()].map(runner => runner.status()),
  }
}

function runnerOf(
  options: Parameters<typeof createRelayPool>[0] & { readonly name: string; readonly home: boolean },
): RelayRunner {
  const { core, name, home } = options
  const url = (options.urlOf ?? relayUrl)(name)
  const sessionOf = (identity: Identity) =>
    createRelaySession({ url, name, identity, fetch: options.fetch, clock: core.clock })
  const own = home ? sessionOf(core.identity) : undefined
  const throwAway = createThrowAway(core, sessionOf)
  return createRelayRunner({
    name,
    mailbox: own === undefined ? undefined : { session: own, ...createMailbox(core, name) },
    outgoing: {
      session: () => (own === undefined || options.ephemeralSenders === true ? throwAway() : own),
      next: () => nextBatch(core.store, name),
      settle: (keys, taken) => core.change(draft => settle(draft, keys, name, taken)),
    },
    clock: core.clock,
    random: core.random,
    changed: options.changed,
    onFault: options.onFault,
  })
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
