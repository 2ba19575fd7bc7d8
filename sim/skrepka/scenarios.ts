/** One small world for each named weakness of the seed’s server: there it breaks an invariant, and with ours it must not. */
import type { KeyHex } from '../../server/skrepka/contract.ts'
import type { Malice } from './malice.ts'
import type { Invariant } from './oracle.ts'
import type { RelayKind } from './plan.ts'
import type { SeedConstants } from './seed-constants.ts'
import type { RelayMaker } from './relay-process.ts'
import { type Stage, createStage } from './stage.ts'

export interface Scenario {
  /** The weakness’s name in the notes on the seed’s server. */
  readonly name: string
  readonly title: string
  readonly relays: number
  readonly users: number
  /** People with one cursor for all relays. */
  readonly sharedCursors?: readonly number[]
  /** Of relays of ours; `prefer` when absent. */
  readonly policy?: 'prefer' | 'require'
  readonly seedConstants?: Partial<SeedConstants>
  /** What breaks with the seed’s server. */
  readonly breaks: Invariant
  readonly play: (stage: Stage) => Promise<void>
}

const secondMs = 1000
const minuteMs = 60_000
const hourMs = 3_600_000

export const scenarios: readonly Scenario[] = [
  {
    name: 'W1 clock',
    title: 'a relay’s clock is set back by most of an hour: nothing comes twice, nobody polls in circles',
    relays: 1,
    users: 2,
    breaks: 'I7',
    play: async stage => {
      stage.go(0, 0)
      stage.go(1, 0)
      await stage.pass(5 * secondMs)
      stage.relay(0).stepClock(50 * minuteMs)
      stage.send(0, [1])
      await stage.pass(secondMs)
      stage.relay(0).stepClock(-50 * minuteMs)
      stage.send(0, [1, 1])
      await stage.pass(20 * minuteMs)
    },
  },
  {
    name: 'W1 burst',
    title: 'more than a thousand messages a second: nothing comes twice',
    relays: 1,
    users: 2,
    breaks: 'I2',
    play: async stage => {
      stage.go(0, 0)
      await stage.pass(5 * secondMs)
      stage.near()
      await stage.burst(0, 1, { batches: 20, batch: 100 })
      stage.go(1, 0)
      await stage.pass(10 * minuteMs)
    },
  },
  {
    name: 'W2',
    title: 'a client that carries its cursor to another relay loses nothing there',
    relays: 2,
    users: 2,
    sharedCursors: [1],
    breaks: 'I1',
    play: async stage => foreignCursor(stage, 0),
  },
  {
    name: 'foreign cursor',
    title: 'also when the first answer there is lost',
    relays: 2,
    users: 2,
    sharedCursors: [1],
    breaks: 'I1',
    play: async stage => foreignCursor(stage, 30 * secondMs),
  },
  {
    name: 'W4',
    title: 'a number is not seen before all smaller ones',
    relays: 1,
    users: 6,
    seedConstants: { appendDelayMs: random => random.integer(200) },
    breaks: 'I1',
    play: async stage => {
      for (let user = 0; user < 6; user += 1) stage.go(user, 0)
      await stage.pass(5 * secondMs)
      for (let round = 0; round < 30; round += 1) {
        for (let user = 1; user < 6; user += 1) stage.send(user, [0])
        await stage.pass(7 * secondMs)
      }
      await stage.pass(minuteMs)
    },
  },
  {
    name: 'W5',
    title: 'what is sent again because the answer was lost comes once',
    relays: 2,
    users: 2,
    breaks: 'I2',
    play: async stage => {
      await stage.introduce()
      stage.go(0, 0)
      stage.go(1, 1)
      await stage.pass(10 * secondMs)
      stage.loseAnswers('user0')
      stage.send(0, [1])
      await stage.pass(90 * secondMs)
      stage.calm()
      await stage.pass(10 * minuteMs)
    },
  },
  {
    name: 'W6',
    title: 'two relays do not send a message to and fro',
    relays: 2,
    users: 2,
    breaks: 'I2',
    play: async stage => {
      await stage.introduce()
      stage.go(1, 0)
      await stage.pass(5 * secondMs)
      stage.go(1, 1)
      await stage.pass(5 * secondMs)
      stage.user(1).leave()
      await stage.pass(30 * minuteMs)
      stage.go(0, 0)
      await stage.pass(5 * secondMs)
      stage.send(0, [1])
      await stage.pass(40 * minuteMs)
      stage.go(1, 0)
      await stage.pass(10 * minuteMs)
    },
  },
  {
    name: 'W8',
    title: 'mail that could not be forwarded for hours is forwarded when the way is free again',
    relays: 2,
    users: 2,
    breaks: 'I1',
    play: async stage => {
      await stage.introduce()
      stage.go(0, 0)
      stage.go(1, 1)
      await stage.pass(minuteMs)
      const mend = stage.cut(0, 1)
      stage.send(0, [1])
      await stage.pass(3 * hourMs)
      mend()
      await stage.pass(hourMs)
    },
  },
  {
    name: 'W16',
    title: 'one absent key does not silence a peer for everybody',
    relays: 2,
    users: 4,
    breaks: 'I12',
    play: async stage => {
      await stage.introduce()
      stage.go(1, 1)
      stage.go(2, 1)
      await stage.pass(30 * secondMs)
      stage.send(2, [3])
      stage.user(1).leave()
      await stage.pass(50 * minuteMs)
      const mend = stage.cut(1, 0)
      await stage.pass(16 * minuteMs)
      mend()
      stage.go(0, 0)
      await stage.pass(10 * secondMs)
      stage.send(0, Array<number>(100).fill(1))
      await stage.pass(90 * secondMs)
      stage.go(3, 0)
      await stage.pass(3 * minuteMs)
      if (!stage.hasAll(3)) stage.violate('I12', 'mail for another waits longer than three minutes')
      stage.go(1, 0)
      await stage.pass(10 * minuteMs)
    },
  },
  {
    name: 'W18',
    title: 'more than a hundred people whose presence ends at once are told in gossip that peers take',
    relays: 2,
    users: 115,
    breaks: 'I12',
    play: async stage => {
      for (let user = 0; user < 115; user += 1) stage.go(user, 0)
      await stage.pass(10 * secondMs)
      for (let user = 0; user < 115; user += 1) stage.user(user).leave()
      await stage.pass(45 * minuteMs)
      await stage.introduce()
      await stage.pass(40 * minuteMs)
    },
  },
  {
    name: 'W30',
    title: 'whoever names somebody’s key does not lock her out',
    relays: 1,
    users: 1,
    breaks: 'I13',
    play: async stage => {
      for (let round = 0; round < 10; round += 1) {
        stage.enemy('name-key', 0, 0)
        await stage.pass(300)
        stage.go(0, 0)
        await stage.pass(10 * secondMs)
      }
    },
  },
  {
    name: 'W35',
    title: 'a flood fills the flooder’s share of a mailbox, and others’ mail comes',
    relays: 1,
    users: 3,
    breaks: 'I5',
    play: async stage => {
      stage.go(0, 0)
      stage.go(2, 0)
      await stage.pass(5 * secondMs)
      for (let round = 0; round < 12; round += 1) {
        await stage.burst(2, 1, { batches: 10, batch: 100 })
        await stage.pass(20 * secondMs)
      }
      stage.send(0, [1])
      await stage.pass(10 * secondMs)
      await stage.checkPending(0, floodBound)
      stage.user(2).leave()
      stage.go(1, 0)
      await stage.pass(10 * minuteMs)
    },
  },
  {
    name: 'W13 budget',
    title: 'a stranger who claims that somebody is there gets no more of her mail than its budget',
    relays: 1,
    users: 2,
    breaks: 'I4',
    play: async stage => siphon(stage, 'forge-online'),
  },
  {
    name: 'W13 proof',
    title: 'and none at all where proofs are required, whatever he signs',
    relays: 2,
    users: 2,
    policy: 'require',
    breaks: 'I4',
    play: async stage => {
      await stage.introduce()
      stage.go(1, 1)
      await stage.pass(10 * secondMs)
      stage.user(1).leave()
      await siphon(stage, 'forge-online')
      stage.enemy('replay-proof', 0, 1)
      await stage.pass(5 * minuteMs)
      stage.enemy('craft-proof', 0, 1)
      await stage.pass(5 * minuteMs)
    },
  },
  {
    name: 'proxies',
    title: 'what a proxy or a portal answers decides nothing about mail',
    relays: 2,
    users: 2,
    breaks: 'I1',
    play: async stage => {
      await stage.introduce()
      stage.go(0, 0)
      stage.go(1, 1)
      await stage.pass(minuteMs)
      for (let round = 0; round < 10; round += 1) {
        stage.proxied(1)
        stage.send(0, [1, 1, 1])
        await stage.pass(5 * minuteMs)
        stage.calm()
        await stage.pass(minuteMs)
      }
      await stage.pass(hourMs)
    },
  },
]

/** Somebody’s mail waits, and a stranger says that she is with him. */
async function siphon(stage: Stage, malice: Malice): Promise<void> {
  stage.pretend()
  stage.go(0, 0)
  await stage.pass(5 * secondMs)
  for (let round = 0; round < 10; round += 1) {
    stage.send(0, Array<number>(50).fill(1), 1000)
    await stage.pass(2 * secondMs)
  }
  for (let round = 0; round < 10; round += 1) {
    stage.enemy(malice, 0, 1)
    await stage.pass(2 * minuteMs)
  }
}

/** A mailbox’s quota: 10,000 messages, of which one sender may fill a tenth. */
const floodBound = 1001

/** Mail waits at relay 1 under numbers below a cursor that came from relay 0. */
async function foreignCursor(stage: Stage, answersLostMs: number): Promise<void> {
  stage.cut(0, 1)
  stage.cut(1, 0)
  stage.go(0, 1)
  await stage.pass(5 * secondMs)
  stage.send(0, [1])
  await stage.pass(5 * secondMs)
  stage.send(0, [1])
  await stage.pass(5 * secondMs)
  stage.go(0, 0)
  stage.go(1, 0)
  await stage.pass(5 * secondMs)
  stage.send(0, [1])
  await stage.pass(5 * secondMs)
  stage.go(1, 1)
  await stage.pass(150)
  if (answersLostMs > 0) {
    stage.loseAnswers('user1')
    await stage.pass(answersLostMs)
    stage.calm()
  }
  await stage.pass(5 * minuteMs)
}

/** Plays a scenario with relays of this kind; gives what broke. */
export async function playScenario(
  scenario: Scenario,
  kind: RelayKind,
  make: RelayMaker,
): Promise<readonly string[]> {
  const stage = createStage(scenario, kind, make)
  await stage.pass(2 * secondMs)
  await scenario.play(stage)
  const home: ReadonlyMap<KeyHex, string> = stage.homes()
  stage.conclude(home)
  return stage.violations()
}
