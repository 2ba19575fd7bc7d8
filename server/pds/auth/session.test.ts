import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as fc from 'fast-check'
import type { Account } from '../database/accounts.ts'
import { sessionsOf } from '../database/sessions.ts'
import { refreshGraceMs, sessionsAlikeMax } from './session.ts'
import { type AuthHouse, openAuthHouse, refreshMs } from './test-house.ts'

let house: AuthHouse
let alice: Account

before(async () => {
  house = await openAuthHouse()
  alice = await house.person('alice')
})
after(() => house.close())

const refresh = async (token: string) =>
  house.sessions.refresh(house.tokens.readRefresh(token, { allowExpired: true }))
const revoked = { wireName: 'ExpiredToken', message: 'Token has been revoked', code: 'invalid' }

test('a refresh token gives a new pair, and the session stays the same', async () => {
  const first = await house.open(alice)
  house.clock.advance(60_000)
  const second = await refresh(first.refreshJwt)
  assert.notEqual(second.refreshJwt, first.refreshJwt)
  assert.equal(house.tokens.readAccess(second.accessJwt).sessionId, first.sessionId)
})

test('within the grace the old refresh token gives the same successor, byte for byte', async () => {
  const first = await house.open(alice)
  const second = await refresh(first.refreshJwt)
  house.clock.advance(refreshGraceMs - 1)
  const again = await refresh(first.refreshJwt)
  assert.equal(again.refreshJwt, second.refreshJwt)
})

test('two who refresh at once get the same successor', async () => {
  const first = await house.open(alice)
  const both = await Promise.all([refresh(first.refreshJwt), refresh(first.refreshJwt)])
  assert.equal(both[0].refreshJwt, both[1].refreshJwt)
})

test('a token that was rotated away twice gives, within its grace, the one that is current', async () => {
  const first = await house.open(alice)
  const second = await refresh(first.refreshJwt)
  house.clock.advance(15 * 60_000)
  const third = await refresh(second.refreshJwt)
  assert.equal((await refresh(first.refreshJwt)).refreshJwt, third.refreshJwt)
})

test('a refresh token used after its grace ends the session for everybody', async () => {
  const first = await house.open(alice)
  const second = await refresh(first.refreshJwt)
  house.clock.advance(refreshGraceMs)
  await assert.rejects(refresh(first.refreshJwt), revoked)
  await assert.rejects(refresh(second.refreshJwt), revoked)
  await assert.rejects(house.authenticate({ need: 'session' }, `Bearer ${second.accessJwt}`, 'a.b.c'), {
    wireName: 'ExpiredToken',
  })
})

test('the grace does not outlive the token itself', async () => {
  const first = await house.open(alice)
  house.clock.step(refreshMs - 60_000)
  await refresh(first.refreshJwt)
  house.clock.advance(60_000)
  await assert.rejects(refresh(first.refreshJwt), revoked)
})

test('an expired refresh token is refused by its own claims', async () => {
  const { refreshJwt } = await house.open(alice)
  house.clock.step(refreshMs)
  assert.throws(() => house.tokens.readRefresh(refreshJwt), {
    wireName: 'ExpiredToken',
    message: 'Token has expired',
  })
})

test('only hashes of tokens that could be used are stored', async () => {
  const { refreshJwt } = await house.open(alice)
  const sql = 'SELECT * FROM pds_sessions'
  const rows = JSON.stringify(await house.database.read(tx => tx.all(sql)))
  assert.ok(!rows.includes(refreshJwt))
  assert.ok(!rows.includes(refreshJwt.split('.')[2]!))
})

test('the tokens of a session of an account that was taken down cannot be prolonged', async () => {
  const { refreshJwt } = await house.open(alice, 'takendown')
  await assert.rejects(refresh(refreshJwt), revoked)
})

test('there is a bound to sessions alike; the longest unused goes first, and others stay', async () => {
  const bob = await house.person('bob')
  const first = await house.open(bob)
  const other = await house.open(bob, 'appPass')
  house.clock.advance(1_000)
  for (let count = 0; count < sessionsAlikeMax; count += 1) await house.open(bob)
  const list = await house.database.read(tx => sessionsOf(tx, bob.id, house.clock.now(), 1_000))
  assert.equal(list.length, sessionsAlikeMax + 1)
  assert.ok(list.some(row => row.id === other.sessionId))
  assert.ok(!list.some(row => row.id === first.sessionId))
})

test('whatever tabs do within the grace, in whatever order, nobody is signed out', async () => {
  // Together the waits stay below the grace, so that no token can have outlived it.
  const stepsMax = 14
  const step = fc.record({
    tab: fc.nat(2),
    waitMs: fc.nat(Math.floor(refreshGraceMs / stepsMax) - 1),
    lost: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: stepsMax }), async steps => {
      const opened = await house.open(alice)
      const held = [opened.refreshJwt, opened.refreshJwt, opened.refreshJwt]
      for (const { tab, waitMs, lost } of steps) {
        house.clock.advance(waitMs)
        const { refreshJwt } = await refresh(held[tab]!)
        if (!lost) held[tab] = refreshJwt
      }
    }),
    { numRuns: 40 },
  )
})
