/** Runs a plan: relays, people, an enemy and a network in virtual time, watched by an oracle. */
import type { KeyHex, ServerName } from '../../server/skrepka/contract.ts'
import { createLoop, type Loop } from './loop.ts'
import { createEnemy, type Enemy } from './malice.ts'
import { createNetwork, type Network } from './network.ts'
import { createOracle, type Oracle, type Violation } from './oracle.ts'
import { createPerson } from './person.ts'
import type { Plan, PlanEvent, RelayKind } from './plan.ts'
import { createSeededRandom, type SeededRandom } from './random.ts'
import { createRelayProcess, type RelayMaker, type RelayProcess } from './relay-process.ts'
import { createTrace, type Trace } from './trace.ts'
import { createUser, type User } from './user.ts'
import { watchFederation } from './watch.ts'

/** Makes relays of each kind, for a world’s policy. */
export type Makers = Readonly<Record<RelayKind, (policy: Plan['policy']) => RelayMaker>>

export interface Outcome {
  readonly violations: readonly Violation[]
  /** Of everything that went over the network, and when. */
  readonly hash: string
  readonly events: number
  readonly messages: number
  readonly delivered: number
  /** What happened, when it was kept. */
  readonly lines: readonly string[]
}

export interface World {
  readonly loop: Loop
  readonly network: Network
  readonly oracle: Oracle
  readonly relays: readonly RelayProcess[]
  readonly users: readonly User[]
  readonly enemy: Enemy
  readonly trace: Trace
  readonly random: SeededRandom
}

export interface RunOptions {
  readonly makers: Makers
  readonly keepLines?: boolean
  /** Relays that are held to all invariants; else those of ours. */
  readonly watched?: readonly ServerName[]
}

export const relayName = (number: number): ServerName => `relay${number}.example`

/** A world as its plan begins, with nobody logged in. */
export function createWorld(plan: Plan, { makers, keepLines = false, watched }: RunOptions): World {
  const loop = createLoop()
  const random = createSeededRandom(`world ${plan.seed}`)
  const network = createNetwork(loop, random.fork('network'))
  const trace = createTrace(loop.elapsedMs, keepLines)
  network.watch(trace.passage)
  const names = plan.relays.map((_, number) => relayName(number))
  const kinds = new Map(plan.relays.map(({ kind }, number) => [relayName(number), kind]))
  const hardened = new Set(watched ?? names.filter(name => kinds.get(name) === 'leaf'))
  const oracle = createOracle(loop.elapsedMs, relay => hardened.has(relay))
  const rebooted = watchFederation({
    network,
    oracle,
    loop,
    relays: names,
    hardened,
    policy: plan.policy,
  })
  const relays = plan.relays.map(({ kind, skewMs }, number) =>
    createRelayProcess({
      name: relayName(number),
      address: `203.0.113.${number + 1}`,
      seedPeers: names.filter(name => name !== relayName(number)),
      make: makers[kind](plan.policy),
      loop,
      network,
      random: random.fork(`relay ${number}`),
      skewMs,
      commitMs: [1, 12],
      onBoot: () => rebooted(relayName(number)),
      onFault: error => oracle.violate('I14', `${relayName(number)}: ${faultText(error)}`),
    }),
  )
  const users = Array.from({ length: plan.users }, (_, number) =>
    createUser({
      name: `user${number}`,
      person: createPerson(`user ${number}`),
      loop,
      network,
      oracle,
      random: random.fork(`user ${number}`),
      sharedCursor: plan.sharedCursors.includes(number),
      signsHost: relay => number % 3 === 0 && kinds.get(relay) === 'leaf',
    }),
  )
  const enemy = createEnemy({ loop, network, oracle, random: random.fork('enemy'), relays: names })
  return { loop, network, oracle, relays, users, enemy, trace, random }
}

/** Runs a plan to its end. */
export async function runPlan(plan: Plan, options: RunOptions): Promise<Outcome> {
  const world = createWorld(plan, options)
  const { loop, oracle, relays, users, random } = world
  for (const relay of relays) relay.boot()
  const homes = random.fork('homes')
  for (const user of users) loop.at(1000 + homes.integer(20_000), () => user.goTo(homes.pick(relays).name))
  for (const event of plan.events) loop.at(event.atMs, () => happen(world, plan, event))
  const settled = new Map<KeyHex, ServerName>()
  const hardened = relays.filter((_, number) => plan.relays[number]?.kind === 'leaf').map(relay => relay.name)
  loop.at(plan.healMs, () => {
    heal(world, plan)
    const lastHomes = hardened.length > 0 ? hardened : relays.map(relay => relay.name)
    for (const user of users) {
      const home = random.pick(lastHomes)
      settled.set(user.key, home)
      // After the relays that were down have booted.
      loop.at(5000 + random.integer(60_000), () => user.goTo(home))
    }
  })
  for (let atMs = 600_000; atMs < plan.endMs; atMs += 600_000) loop.at(atMs, () => void checkBounds(world))
  await loop.run(plan.endMs)
  oracle.conclude(new Set(hardened), settled)
  for (const user of users)
    if (user.unsent() > 0) oracle.violate('I14', `${user.name} could not send to the end`)
  const messages = [...oracle.messages.values()]
  return {
    violations: oracle.violations,
    hash: world.trace.hash(),
    events: loop.events(),
    messages: messages.length,
    delivered: messages.filter(message => oracle.receivedAtMs(message) !== undefined).length,
    lines: world.trace.lines,
  }
}

/** Sends from the user to these others, one message each. */
export function sendAs(world: World, user: User, to: readonly KeyHex[], bytes = 200): void {
  const messages = to.map(key => {
    const text = `message ${world.oracle.messages.size + 1} of ${user.name}`
    const blob = Buffer.from(text.padEnd(bytes, '.')).toString('hex')
    return world.oracle.sending(user.name, key, blob)
  })
  user.send(messages)
}

function happen(world: World, plan: Plan, event: PlanEvent): void {
  const { loop, network, relays, users, trace } = world
  trace.event(event)
  const user = (number: number) => users[number % users.length]
  const relay = (number: number) => relays[number % relays.length]
  const nameOf = (number: number) => relay(number)?.name ?? ''
  switch (event.kind) {
    case 'send': {
      const to = event.to.flatMap(number => user(number)?.key ?? [])
      const sender = user(event.user)
      if (sender !== undefined) sendAs(world, sender, to, event.bytes)
      return
    }
    case 'roam':
      return user(event.user)?.goTo(nameOf(event.relay))
    case 'leave': {
      const leaver = user(event.user)
      const home = leaver?.at()
      leaver?.leave()
      if (home === undefined) return
      loop.at(Math.min(event.forMs, plan.healMs - event.atMs), () => {
        if (leaver?.at() === undefined) leaver?.goTo(home)
      })
      return
    }
    case 'move':
      return user(event.user)?.move()
    case 'forget':
      return user(event.user)?.forget()
    case 'crash':
      return relay(event.relay)?.crash(event.point, Math.min(event.downMs, plan.healMs - event.atMs))
    case 'restart':
      return relay(event.relay)?.restart(event.downMs)
    case 'cut':
      return void loop.at(event.forMs, network.cut(nameOf(event.from), nameOf(event.to)))
    case 'isolate':
      for (const other of relays) {
        loop.at(event.forMs, network.cut(nameOf(event.relay), other.name))
        loop.at(event.forMs, network.cut(other.name, nameOf(event.relay)))
      }
      return
    case 'weather':
      network.setWeather(event.weather)
      return void loop.at(event.forMs, () => network.setWeather(undefined))
    case 'step':
      return relay(event.relay)?.stepClock(event.ms)
    case 'malice':
      return world.enemy.act(event.malice, nameOf(event.relay), user(event.victim)?.key ?? '')
  }
}

function heal({ network, relays }: World, plan: Plan): void {
  network.heal()
  for (const [number, relay] of relays.entries()) {
    relay.boot()
    for (const event of plan.events)
      if (event.kind === 'step' && event.relay % relays.length === number) relay.stepClock(-event.ms)
  }
}

/** What a relay of this size may hold at most. */
const bounds = { waiters: 500, peers: 1000, forwards: 20_000 }

async function checkBounds({ relays, oracle }: World): Promise<void> {
  for (const relay of relays) {
    const counts = await relay.counts()
    if (counts === undefined) continue
    for (const name of ['waiters', 'peers', 'forwards'] as const)
      if (counts[name] > bounds[name]) oracle.violate('I5', `${counts[name]} ${name} at ${relay.name}`)
  }
}

function faultText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : ` < ${faultText(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
