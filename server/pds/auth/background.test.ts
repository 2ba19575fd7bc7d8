import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { silentLogger } from '../../kernel/log.ts'
import { putOauthState } from '../database/oauth-state.ts'
import { insertUsedToken } from '../database/used-tokens.ts'
import { createBackground } from './background.ts'
import { createHousekeeping } from './housekeeping.ts'
import { type AuthHouse, openAuthHouse, refreshMs } from './test-house.ts'

let house: AuthHouse

beforeEach(async () => {
  house = await openAuthHouse()
})
afterEach(() => house.close())

const tables = ['pds_sessions', 'pds_oauth_state', 'pds_email_tokens', 'pds_used_tokens']
const counts = () => Promise.all(tables.map(table => house.count(table)))

test('what is over goes, and what is not stays', async () => {
  const { database, clock } = house
  const keepHouse = createHousekeeping({ database, clock })
  const alice = await house.person('alice')
  const fill = async () => {
    await house.open(alice)
    await house.emailTokens.issue(alice, 'confirm_email')
    await database.write(async tx => {
      const createdAt = clock.now()
      await putOauthState(tx, { state: `state ${createdAt}`, provider: 'dev', data: '{}', createdAt })
      await insertUsedToken(tx, `token ${createdAt}`, createdAt + 60_000)
    })
  }
  await fill()
  assert.equal(await keepHouse(), 0)
  clock.step(refreshMs)
  await fill()
  // Of mailed tokens there is one for each purpose: the new one took the place of the old one.
  assert.equal(await keepHouse(), 3)
  assert.deepEqual(await counts(), [1, 1, 1, 1])
})

test('more than fits into one step goes too', async () => {
  const { database, clock } = house
  await database.write(async tx => {
    for (let index = 0; index < 1_201; index += 1) {
      await putOauthState(tx, { state: `state ${index}`, provider: 'dev', data: '{}', createdAt: 0 })
    }
  })
  assert.equal(await createHousekeeping({ database, clock })(), 1_201)
})

test('what the last run left is settled before the server is ready', async () => {
  house.setWeather('answers lost')
  const wish = { way: { kind: 'password' }, handle: 'alice.test', email: 'alice@example.com' } as const
  await assert.rejects(house.createAccount(wish))
  house.setWeather('fine')
  house.clock.step(1)
  const { database, clock, sweepCreations } = house
  const background = createBackground({ database, clock, log: silentLogger, sweepCreations })
  await background.start()
  assert.equal(await house.count('pds_accounts'), 1)
  await background.stop()
})
