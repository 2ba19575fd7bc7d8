import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startTestRelay, type TestRelay } from '../../../server/skrepka/test-relay.ts'
import type { Listed } from './conversation.ts'
import { SkrepkaError } from './errors.ts'
import { createMemoryStore } from './memory-store.ts'
import { createNetwork, testClient, type TestClient, until } from './test-client.ts'

const relayName = 'here.example'
const minute = 60_000

interface World {
  readonly relay: TestRelay
  readonly network: ReturnType<typeof createNetwork>
  readonly ana: TestClient
  readonly bo: TestClient
}

/** One relay, two people who know each other. Time stands still unless a test moves it. */
async function world(t: TestContext, options: { readonly ephemeralSenders?: boolean } = {}): Promise<World> {
  const relay = await startTestRelay()
  const network = createNetwork()
  network.relays.set(relayName, relay.relay)
  const shared = { network, clock: relay.clock, relays: [relayName], ...options }
  const ana = testClient(1, shared)
  const bo = testClient(2, shared)
  t.after(async () => {
    await Promise.all([ana.stop(), bo.stop()])
    await relay.stop()
  })
  await ana.contacts.add(await bo.address(), 'Bo')
  await bo.contacts.add(await ana.address(), 'Ana')
  return { relay, network, ana, bo }
}

const said = async (client: TestClient, peer: TestClient): Promise<readonly Listed[]> =>
  client.conversations.list(peer.identity.key, { limit: 100 })
const bodies = async (client: TestClient, peer: TestClient) =>
  (await said(client, peer)).map(({ body }) => body)
const states = async (client: TestClient, peer: TestClient) =>
  (await said(client, peer)).map(({ state }) => state)

test('a message arrives, and its sender hears that it did', async t => {
  const { ana, bo } = await world(t)
  await ana.start()
  await bo.start()
  await ana.conversations.sendText(bo.identity.key, 'hello')
  await until(async () => (await bodies(bo, ana)).includes('hello'))
  await until(async () => (await states(ana, bo))[0] === 'delivered')
  assert.equal((await bo.contacts.get(ana.identity.key))?.unread, 1)
  await bo.contacts.markRead(ana.identity.key)
  assert.equal((await bo.contacts.get(ana.identity.key))?.unread, 0)
  assert.deepEqual(ana.relays(), [{ name: relayName, home: true, state: 'online', problem: undefined }])
})

test('a message written without network leaves when there is one', async t => {
  const { ana, bo, network, relay } = await world(t)
  network.relays.clear()
  await ana.start()
  await ana.conversations.sendText(bo.identity.key, 'later')
  await until(() => ana.relays()[0]?.state === 'offline')
  assert.equal(ana.relays()[0]?.problem?.code, 'unreachable')
  assert.deepEqual(await states(ana, bo), ['waiting'])
  network.relays.set(relayName, relay.relay)
  ana.nudge()
  await until(async () => (await states(ana, bo))[0] === 'sent')
})

test('when the answer to a send is lost, the same bytes are sent again and arrive once', async t => {
  const { ana, bo, network, relay } = await world(t)
  await ana.start()
  network.lose.push('/messages')
  await ana.conversations.sendText(bo.identity.key, 'once')
  await until(() => network.lose.length === 0)
  await until(() => ana.relays()[0]?.state === 'offline')
  relay.clock.advance(5000)
  await until(async () => (await states(ana, bo))[0] === 'sent')
  const sends = network.sent.filter(({ url }) => url.endsWith('/messages')).map(({ body }) => body)
  assert.equal(sends.length, 2)
  assert.equal(sends[0], sends[1])
  await bo.start()
  await until(async () => (await bodies(bo, ana)).length > 0)
  await until(async () => (await states(ana, bo))[0] === 'delivered')
  assert.deepEqual(await bodies(bo, ana), ['once'])
})

test('when the answer to a poll is lost, its page comes again', async t => {
  const { ana, bo, network, relay } = await world(t)
  await ana.start()
  await ana.conversations.sendText(bo.identity.key, 'kept')
  await until(async () => (await states(ana, bo))[0] === 'sent')
  network.lose.push('/poll')
  await bo.start()
  await until(() => bo.relays()[0]?.state === 'offline')
  assert.deepEqual(await bodies(bo, ana), [])
  relay.clock.advance(5000)
  await until(async () => (await bodies(bo, ana)).length === 1)
})

test('a cursor is told only after its page is durable', async t => {
  const { ana, network, relay } = await world(t)
  const store = createMemoryStore()
  let full = true
  const failing = {
    ...store,
    write: async (changes: Parameters<typeof store.write>[0]) => {
      if (full && changes.some(({ collection }) => collection === 'message'))
        throw new SkrepkaError('storage', 'the disk is full')
      return store.write(changes)
    },
  }
  const faults: unknown[] = []
  const shared = { network, clock: relay.clock, relays: [relayName] }
  const bo = testClient(2, { ...shared, store: failing, onFault: error => void faults.push(error) })
  await bo.contacts.add(await ana.address())
  await ana.start()
  await ana.conversations.sendText(bo.identity.key, 'not lost')
  await bo.start()
  await until(() => faults.length > 0)
  assert.equal((faults[0] as SkrepkaError).code, 'storage')
  full = false
  const again = testClient(2, { ...shared, store })
  t.after(() => again.stop())
  await again.start()
  await until(async () => (await bodies(again, ana)).length === 1)
})

test('a client that is started again goes on where it was', async t => {
  const { ana, bo, network, relay } = await world(t)
  await ana.start()
  await bo.start()
  await ana.conversations.sendText(bo.identity.key, 'one')
  await until(async () => (await states(ana, bo))[0] === 'delivered')
  await bo.stop()
  const again = testClient(2, { network, clock: relay.clock, relays: [], store: bo.store })
  t.after(() => again.stop())
  await again.start()
  await ana.conversations.sendText(bo.identity.key, 'two')
  await until(async () => (await bodies(again, ana)).length === 2)
  assert.deepEqual(await bodies(again, ana), ['one', 'two'])
})

test('a client logs in again within the hour, and after its session ended', async t => {
  const { ana, bo, network, relay } = await world(t)
  await ana.start()
  const logins = () => network.sent.filter(({ url }) => url.endsWith('/auth/verify')).length
  await until(() => ana.relays()[0]?.state === 'online')
  assert.equal(logins(), 1)
  relay.clock.advance(56 * minute)
  await until(() => ana.relays()[0]?.state === 'offline')
  relay.clock.advance(5000)
  await until(() => logins() === 2)
  const restarted = await relay.again()
  await relay.database.write(async tx => {
    await tx.run('DELETE FROM skrepka_session')
  })
  network.relays.set(relayName, restarted)
  await ana.conversations.sendText(bo.identity.key, 'still here')
  await until(async () => (await states(ana, bo))[0] === 'sent')
  assert.ok(logins() >= 3)
})

test('a relay that passes on the challenge of another gets no signature', async t => {
  const { ana, network, relay } = await world(t)
  network.relays.clear()
  network.relays.set('evil.example', relay.relay)
  await ana.setRelays(['evil.example'])
  await ana.start()
  await until(() => ana.relays()[0]?.state === 'offline')
  assert.equal(ana.relays()[0]?.problem?.code, 'foreign-challenge')
  assert.ok(!network.sent.some(({ url }) => url.endsWith('/auth/verify')))
})

test('somebody unknown waits to be accepted, and hears nothing until then', async t => {
  const { ana, bo, network, relay } = await world(t)
  const cy = testClient(3, { network, clock: relay.clock, relays: [relayName] })
  t.after(() => cy.stop())
  await cy.contacts.setProfile({ displayName: 'Cy', bio: '', photo: undefined })
  await cy.contacts.add(await bo.address())
  await Promise.all([bo.start(), cy.start(), ana.start()])
  await cy.conversations.sendText(bo.identity.key, 'may I?')
  await until(async () => (await bodies(bo, cy)).length === 1)
  const asked = await bo.contacts.get(cy.identity.key)
  assert.equal(asked?.state, 'request')
  assert.equal(asked?.profile?.displayName, 'Cy')
  await assert.rejects(bo.conversations.sendText(cy.identity.key, 'no'), { code: 'refused' })
  assert.deepEqual(await states(cy, bo), ['sent'])
  await bo.contacts.accept(cy.identity.key)
  await until(async () => (await states(cy, bo))[0] === 'delivered')
})

test('of somebody blocked nothing is kept and nothing is said', async t => {
  const { ana, bo } = await world(t)
  await bo.contacts.block(ana.identity.key)
  await Promise.all([bo.start(), ana.start()])
  await ana.conversations.sendText(bo.identity.key, 'hello?')
  await ana.contacts.setProfile({ displayName: 'Ana', bio: '', photo: undefined })
  await until(async () => (await states(ana, bo))[0] === 'sent')
  await until(async () => (await bo.store.list('cursor', { limit: 1 })).length === 1)
  assert.deepEqual(await bodies(bo, ana), [])
  assert.equal((await bo.contacts.get(ana.identity.key))?.profile, undefined)
  await bo.contacts.remove(ana.identity.key)
  assert.equal(await bo.contacts.get(ana.identity.key), undefined)
})

test('the latest profile wins, in whatever order they arrive', async t => {
  const { ana, bo, relay } = await world(t)
  await ana.contacts.setProfile({ displayName: 'First', bio: '', photo: undefined })
  relay.clock.advance(10)
  await ana.contacts.setProfile({ displayName: 'Second', bio: 'b', photo: Uint8Array.of(1, 2) })
  await Promise.all([bo.start(), ana.start()])
  await until(async () => (await bo.contacts.get(ana.identity.key))?.profile?.displayName === 'Second')
  const profile = (await bo.contacts.get(ana.identity.key))?.profile
  assert.deepEqual(profile?.photo, Uint8Array.of(1, 2))
})

test('a picture arrives as it was, and one that is too large is refused', async t => {
  const { ana, bo } = await world(t)
  await Promise.all([bo.start(), ana.start()])
  const data = Uint8Array.from({ length: 700_000 }, (_, at) => (at * 31) >> 2)
  const media = { mime: 'image/jpeg', data, width: 800, height: 600 } as const
  await ana.conversations.sendPicture(bo.identity.key, media, 'look')
  await until(async () => (await said(bo, ana)).length === 1)
  const [message] = await said(bo, ana)
  assert.deepEqual(message?.media, { mime: 'image/jpeg', width: 800, height: 600 })
  assert.deepEqual(await bo.conversations.picture(message?.place ?? ''), data)
  const tooLarge = { ...media, data: new Uint8Array(1024 * 1024 + 1) }
  await assert.rejects(ana.conversations.sendPicture(bo.identity.key, tooLarge), { code: 'too-much' })
})

test('mail on two relays is shown once', async t => {
  const { ana, bo, network, relay } = await world(t)
  const second = await startTestRelay({ rest: { serverHost: 'there.example', clock: relay.clock } })
  t.after(() => second.stop())
  network.relays.set('there.example', second.relay)
  await ana.setRelays([relayName, 'there.example'])
  await bo.setRelays([relayName, 'there.example'])
  await Promise.all([bo.start(), ana.start()])
  for (const text of ['one', 'two', 'three']) await ana.conversations.sendText(bo.identity.key, text)
  await until(async () => (await states(ana, bo)).every(state => state === 'delivered'))
  await until(async () => (await ana.store.list('outbox', { limit: 1 })).length === 0)
  await until(async () => (await bo.store.list('cursor', { limit: 9 })).length === 2)
  assert.deepEqual(await bodies(bo, ana), ['one', 'two', 'three'])
})

test('throw-away keys send, and the relay never sees who wrote', async t => {
  const { ana, bo, network } = await world(t, { ephemeralSenders: true })
  await ana.start()
  await until(() => ana.relays()[0]?.state === 'online')
  network.sent.length = 0
  await ana.conversations.sendText(bo.identity.key, 'guess who')
  await until(async () => (await states(ana, bo))[0] === 'sent')
  const logins = network.sent.filter(({ url }) => url.includes('/auth/'))
  assert.ok(logins.length === 2 && logins.every(({ body }) => !body.includes(ana.identity.key)))
})

test('somebody on another relay is written to there, with a throw-away key', async t => {
  const { ana, bo, network, relay } = await world(t)
  const second = await startTestRelay({ rest: { serverHost: 'there.example', clock: relay.clock } })
  t.after(() => second.stop())
  network.relays.set('there.example', second.relay)
  await bo.setRelays(['there.example'])
  await ana.contacts.add(await bo.address())
  await Promise.all([bo.start(), ana.start()])
  await ana.conversations.sendText(bo.identity.key, 'over there')
  await until(async () => (await bodies(bo, ana)).length === 1)
  const away = network.sent.filter(({ url }) => url.startsWith('http://there.example/auth/'))
  assert.ok(!away.some(({ body }) => body.includes(ana.identity.key)))
})

test('relays can be changed while messages wait', async t => {
  const { ana, bo, network } = await world(t)
  await ana.setRelays(['gone.example'])
  await ana.start()
  await ana.conversations.sendText(bo.identity.key, 'patience')
  await until(() => ana.relays()[0]?.state === 'offline')
  await ana.setRelays([relayName])
  await until(async () => (await states(ana, bo))[0] === 'sent')
  assert.equal(network.sent.filter(({ url }) => url.includes('gone.example')).length, 0)
})

test('what no relay takes within a month has failed, and can be tried again', async t => {
  const { ana, bo, network, relay } = await world(t)
  await ana.contacts.add({ key: bo.identity.key, relays: [] })
  network.relays.clear()
  await ana.start()
  await ana.conversations.sendText(bo.identity.key, 'nobody there')
  relay.clock.advance(31 * 24 * 60 * minute)
  await until(async () => (await states(ana, bo))[0] === 'failed')
  network.relays.set(relayName, relay.relay)
  const [message] = await said(ana, bo)
  await ana.conversations.retry(message?.place ?? '')
  ana.nudge()
  await until(async () => (await states(ana, bo))[0] === 'sent')
})
