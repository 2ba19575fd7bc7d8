import assert from 'node:assert/strict'
import { person, within, type World } from './test-world.ts'

const kim = person('kim')
const minuteMs = 60_000

interface Told {
  events: { eventType: string; pubkey: string; proof?: object }[]
  fromServer: string
}

function peer(world: World, name: string) {
  const state = { up: true, told: [] as Told[] }
  world.hosts.set(name, async request => {
    if (!state.up) return { status: 502, body: '' }
    if (request.method === 'GET') return { status: 404, body: '{"error":"not found"}' }
    const body: Told = JSON.parse(Buffer.from(request.body).toString())
    if (body.events.length > 100) return { status: 400, body: '{"error":"invalid_request"}' }
    if (body.events.length > 0) state.told.push(body)
    return { status: 200, body: '{}' }
  })
  return state
}
const kinds = (told: readonly Told[]) => told.flatMap(one => one.events.map(event => event.eventType))

within(
  'peers hear of a login with its proof, of a logout, and of presence that ends by itself',
  async world => {
    const b = peer(world, 'b.example')
    const relay = await world.relay('a.example', { seedPeers: ['b.example'] })
    await world.pass(1000, 500)
    await relay.login(kim)
    await world.pass(1000, 500)
    assert.deepEqual(kinds(b.told), ['online'])
    assert.ok(b.told[0]?.events[0]?.proof)
    assert.equal(b.told[0]?.fromServer, 'a.example')
    await relay.logout(kim)
    await world.pass(1000, 500)
    assert.deepEqual(kinds(b.told), ['online', 'offline'])
    await relay.login(kim)
    await world.pass(61 * minuteMs, 15_000)
    assert.deepEqual(kinds(b.told), ['online', 'offline', 'online', 'offline'])
  },
)

within('more than a hundred changes go in calls of a hundred', async world => {
  const b = peer(world, 'b.example')
  const relay = await world.relay('a.example', { seedPeers: ['b.example'] })
  await world.pass(1000, 500)
  for (let n = 0; n < 250; n += 1) await relay.login(person(`${n}`))
  await world.pass(1000, 500)
  assert.deepEqual(
    b.told.map(one => one.events.length),
    [100, 100, 50],
  )
})

within('a new peer hears of everybody who is here, and a peer that was away hears it again', async world => {
  const b = peer(world, 'b.example')
  const relay = await world.relay('a.example', { federationPolicy: 'open' })
  for (let n = 0; n < 120; n += 1) await relay.login(person(`${n}`))
  await world.pass(1000, 500)
  const said = { events: [{ eventType: 'online', pubkey: kim.key }], fromServer: 'b.example' }
  await relay.ask('/federation/gossip', said)
  await world.pass(2000, 500)
  assert.deepEqual(
    b.told.map(one => one.events.length),
    [100, 20],
  )
  b.up = false
  await relay.logout(person('1'))
  await world.pass(minuteMs)
  b.up = true
  b.told = []
  await world.pass(10 * minuteMs)
  const last = new Map(
    b.told.flatMap(one => one.events.map(event => [event.pubkey, event.eventType] as const)),
  )
  assert.equal(last.get(person('1').key), 'offline')
  assert.equal([...last.values()].filter(kind => kind === 'online').length, 119)
})

within('a key that comes and goes within a moment is told once, as it is in the end', async world => {
  const b = peer(world, 'b.example')
  const relay = await world.relay('a.example', { seedPeers: ['b.example'] })
  await world.pass(1000, 500)
  await relay.login(kim)
  await relay.logout(kim)
  await world.pass(1000, 500)
  assert.deepEqual(kinds(b.told), ['offline'])
})

within('a peer on an early runtime is told in its own shape', async world => {
  const bodies: string[] = []
  world.hosts.set('b.example', async request => {
    bodies.push(Buffer.from(request.body).toString())
    return { status: 200, body: '{}' }
  })
  const relay = await world.relay('a.example', { seedPeers: ['b.example'], taggedPeers: ['b.example'] })
  await world.pass(1000, 500)
  await relay.login(kim)
  await world.pass(1000, 500)
  assert.equal(
    bodies.at(-1),
    `{"events":[{"__knot_ctor":{"tag":"GossipOnline","value":{"pubkey":"${kim.key}"}}}],"fromServer":"a.example"}`,
  )
})

within('who polls is announced again when half of the hour is over, and not before', async world => {
  const b = peer(world, 'b.example')
  const relay = await world.relay('a.example', { seedPeers: ['b.example'] })
  await relay.login(kim)
  await world.pass(1000, 500)
  const expiresAt = () => world.clock.now() + 3_600_000
  const refresh = async () => {
    const presence = { key: kim.key, expiresAt: expiresAt(), proof: undefined }
    const isNews = await relay.database.write(tx => relay.mesh.present(tx, presence))
    if (isNews) relay.mesh.announce(kim.key)
    await world.pass(1000, 500)
    return isNews
  }
  await world.pass(29 * minuteMs, minuteMs)
  assert.equal(await refresh(), false)
  await world.pass(2 * minuteMs, minuteMs)
  assert.equal(await refresh(), true)
  // The proof of the login goes along.
  assert.ok(b.told.at(-1)?.events[0]?.proof)
})

within('what a peer has missed is found by comparing sums, and told again', async world => {
  const a = await world.relay('a.example')
  const b = await world.relay('b.example', { seedPeers: ['a.example'] })
  await world.pass(minuteMs)
  await b.login(kim)
  await b.login(person('lee'))
  await world.pass(1000, 500)
  const known = async () =>
    (await a.database.direct.all("SELECT 1 AS one FROM skrepka_presence WHERE server = 'b.example'")).length
  assert.equal(await known(), 2)
  await a.database.write(tx =>
    tx.run("DELETE FROM skrepka_presence WHERE server = 'b.example' AND mailbox_key = $1", [
      Buffer.from(kim.key, 'hex'),
    ]),
  )
  await world.pass(11 * minuteMs)
  assert.equal(await known(), 2)
  // As long as they agree, nothing more is said.
  const before = world.calls.length
  await world.pass(9 * minuteMs)
  assert.ok(world.calls.slice(before).every(call => !call.body.includes('pubkey')))
})
