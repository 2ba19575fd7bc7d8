/** A world that a scenario moves by hand. */
import type { KeyHex, ServerName } from '../../server/skrepka/contract.ts'
import type { Malice } from './malice.ts'
import { calmWeather } from './network.ts'
import type { Invariant } from './oracle.ts'
import { createPerson } from './person.ts'
import type { Plan, RelayKind } from './plan.ts'
import type { RelayMaker, RelayProcess } from './relay-process.ts'
import type { User } from './user.ts'
import { createWorld, relayName, sendAs } from './world.ts'

export interface Stage {
  pass(ms: number): Promise<void>
  relay(number: number): RelayProcess
  user(number: number): User
  go(user: number, relay: number): void
  send(user: number, to: readonly number[], bytes?: number): void
  /** Sends at once, past the outbox: junk that nobody waits for. */
  burst(user: number, to: number, size: { readonly batches: number; readonly batch: number }): Promise<void>
  /** Each relay hears of each other, as relays do that somebody roamed between. */
  introduce(): Promise<void>
  /** Cuts the way from a relay to another; the returned function mends it. */
  cut(from: number, to: number): () => void
  /** From now on no answer reaches this user. */
  loseAnswers(user: string): void
  calm(): void
  /** From now on everybody is near everybody. */
  near(): void
  enemy(malice: Malice, relay: number, victim: number): void
  /** The enemy’s server behaves as a good one. */
  pretend(): void
  /** From now on something between answers in this relay’s place. */
  proxied(relay: number): void
  /** Whether everything that relays took for this user has come. */
  hasAll(user: number): boolean
  checkPending(relay: number, most: number): Promise<void>
  violate(invariant: Invariant, what: string): void
  homes(): ReadonlyMap<KeyHex, ServerName>
  conclude(homes: ReadonlyMap<KeyHex, ServerName>): void
  violations(): readonly string[]
  /** What happened, when it is kept. */
  lines(): readonly string[]
}

export interface StageOptions {
  readonly name: string
  readonly relays: number
  readonly users: number
  readonly sharedCursors?: readonly number[]
  readonly policy?: Plan['policy']
}

export function createStage(
  options: StageOptions,
  kind: RelayKind,
  make: RelayMaker,
  keepLines = false,
): Stage {
  const plan: Plan = {
    seed: options.name,
    relays: Array.from({ length: options.relays }, () => ({ kind, skewMs: 0 })),
    users: options.users,
    sharedCursors: options.sharedCursors ?? [],
    policy: options.policy ?? 'prefer',
    healMs: 0,
    endMs: 0,
    events: [],
  }
  const world = createWorld(plan, {
    makers: { leaf: () => make, seed: () => make },
    keepLines,
    watched: plan.relays.map((_, number) => relayName(number)),
  })
  const { loop, network, oracle, relays, users } = world
  for (const relay of relays) relay.boot()
  const relay = (number: number) => {
    const found = relays[number]
    if (found === undefined) throw new Error(`no relay ${number}`)
    return found
  }
  const user = (number: number) => {
    const found = users[number]
    if (found === undefined) throw new Error(`no user ${number}`)
    return found
  }
  const pass = (ms: number) => loop.run(loop.elapsedMs() + ms)
  let bursts = 0

  return {
    pass,
    relay,
    user,
    go: (number, to) => user(number).goTo(relay(to).name),
    send: (from, to, bytes) =>
      sendAs(
        world,
        user(from),
        to.map(number => user(number).key),
        bytes,
      ),
    burst: async (from, to, { batches, batch }) => {
      const at = user(from).at() ?? ''
      for (let round = 0; round < batches; round += 1) {
        bursts += 1
        const messages = Array.from({ length: batch }, (_, number) => {
          const encryptedBlob = Buffer.from(`burst ${bursts} ${number}`).toString('hex')
          oracle.junk(encryptedBlob)
          return { to: user(to).key, encryptedBlob }
        })
        void user(from).post(at, '/messages', { messages })
      }
      await pass(100)
    },
    introduce: async () => {
      const stranger = createPerson('stranger').key
      for (const { name } of relays) {
        for (const peer of relays) {
          if (peer.name === name) continue
          const body = JSON.stringify({
            events: [{ eventType: 'online', pubkey: stranger }],
            fromServer: peer.name,
          })
          const request = { method: 'POST', path: '/federation/gossip', headers: {}, body }
          void network.send(peer.sender, name, request, 5000)
        }
      }
      await pass(1000)
    },
    cut: (from, to) => network.cut(relayName(from), relayName(to)),
    loseAnswers: name => network.setWeather({ ...calmWeather, answerLoss: 1 }, name),
    calm: () => {
      for (const { name } of [...users, ...relays]) network.setWeather(undefined, name)
    },
    near: () => network.setWeather({ ...calmWeather, latencyMs: [1, 2] }),
    enemy: (malice, to, victim) => world.enemy.act(malice, relay(to).name, user(victim).key),
    pretend: () => world.enemy.pretend(),
    proxied: number => network.setWeather({ ...calmWeather, nonsense: 1 }, relayName(number)),
    hasAll: number =>
      [...oracle.messages.values()].every(
        message =>
          message.to !== user(number).key ||
          message.takenBy.size === 0 ||
          oracle.receivedAtMs(message) !== undefined,
      ),
    checkPending: async (number, most) => {
      const pending = (await relay(number).counts())?.pending ?? 0
      if (pending > most) oracle.violate('I5', `${pending} messages pending at ${relay(number).name}`)
    },
    violate: oracle.violate,
    lines: () => world.trace.lines,
    homes: () =>
      new Map(
        users.flatMap(one => {
          const at = one.at()
          return at === undefined ? [] : [[one.key, at] as const]
        }),
      ),
    conclude: homes => oracle.conclude(new Set(relays.map(one => one.name)), homes),
    violations: () => oracle.violations.map(({ invariant, what }) => `${invariant} ${what}`),
  }
}
