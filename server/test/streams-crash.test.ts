/**
 * A whole Leaf is killed (SIGKILL) at random moments while communities are written to: the main process with everything,
 * and the processes that run modules alone. No answered event is missing afterwards, the chain of hashes verifies, and
 * the tables are what the log gives. `LEAF_CRASH_ROUNDS` says how often (CI: 100); `LEAF_SEED` repeats a run.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type CommunityLog, createCommunityLog } from './streams/community-log.ts'
import { createPeople, raisedLimits, unsafeToken } from './streams/people.ts'
import { childrenOf } from './streams/processes.ts'
import { type Leaf, startLeaf } from './support/leaf.ts'
import { createSeeded } from './support/seed.ts'

const rounds = Number(process.env['LEAF_CRASH_ROUNDS'] ?? 5)
const streamsCount = 3
const writersEach = 3
/** How long people write before the kill. */
const loadMsMin = 5
const loadMsMax = 200
/** Kills of hosts between two looks at everything. */
const hostKillsEach = 10

const skip = process.platform === 'linux' ? false : 'only Linux shows the processes'

describe('streams survive kill -9', { skip }, () => {
  const random = createSeeded()
  let leaf: Leaf
  const people = createPeople(() => leaf)
  let communities: CommunityLog[]

  before(async () => {
    leaf = await startLeaf({ env: { ...raisedLimits, LEAF_SYSTEMS: 'pds,streams' } })
    const client = await people.connect(unsafeToken)
    communities = []
    for (let n = 0; n < streamsCount; n += 1)
      communities.push(await createCommunityLog(() => leaf, client, random))
  })
  after(async () => {
    people.disconnect()
    await leaf?.dispose()
  })

  /** People write while `meanwhile` runs, and until it has ended. */
  const underLoad = async (round: number, meanwhile: () => Promise<void>) => {
    const over = new AbortController()
    const wanted = Array.from({ length: streamsCount * writersEach }, () => people.connect(unsafeToken))
    const clients = await Promise.all(wanted)
    const writers = clients.map((client, n) =>
      communities[n % streamsCount]?.write(client, `w${n}-${round}`, over.signal),
    )
    await meanwhile()
    over.abort()
    await Promise.all(writers)
    people.disconnect()
  }
  const answers = () => communities.reduce((sum, one) => sum + one.answers(), 0)
  const load = () => delay(loadMsMin + random.integer(loadMsMax - loadMsMin))
  const checkAll = () => Promise.all(communities.map(one => one.check()))

  it(`of the processes that run modules, ${rounds} times`, { timeout: 120_000 + rounds * 2000 }, async t => {
    t.diagnostic(`LEAF_SEED=${random.seed}`)
    const before = answers()
    let killed = 0
    while (killed < rounds) {
      await underLoad(killed, async () => {
        for (let turn = 0; turn < hostKillsEach && killed < rounds; turn += 1) {
          await load()
          const hosts = childrenOf(leaf.pid())
          if (hosts.length === 0) continue
          process.kill(random.pick(hosts), 'SIGKILL')
          killed += 1
        }
      })
      await checkAll()
    }
    t.diagnostic(
      `${killed} kills, ${answers() - before} answers, ${communities.reduce((sum, one) => sum + one.refusals(), 0)} refusals`,
    )
    assert.ok(answers() - before > rounds, 'there was hardly any load')
  })

  it(`of everything, ${rounds} times`, { timeout: 120_000 + rounds * 5000 }, async t => {
    t.diagnostic(`LEAF_SEED=${random.seed}`)
    const before = answers()
    for (let round = 0; round < rounds; round += 1) {
      await underLoad(1_000_000 + round, async () => {
        await load()
        await leaf.kill()
      })
      await leaf.start()
      await checkAll()
    }
    t.diagnostic(`${rounds} kills, ${answers() - before} answers`)
    assert.ok(answers() - before > rounds, 'there was hardly any load')
  })
})
