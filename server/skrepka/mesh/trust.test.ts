import assert from 'node:assert/strict'
import { hashOf, person, proofFor, type TestRelay, within, type World } from './test-world.ts'

const kim = person('kim')
const lee = person('lee')
const mail = (text: string) => Buffer.from(text)
const minuteMs = 60_000

const gossip = (relay: TestRelay, fromServer: string, events: readonly object[], address = '198.51.100.1') =>
  relay.ask('/federation/gossip', { events, fromServer }, { address })
const online = (key: string, proof?: object) =>
  proof === undefined ? { eventType: 'online', pubkey: key } : { eventType: 'online', pubkey: key, proof }
const offline = (key: string) => ({ eventType: 'offline', pubkey: key })

/** A host that answers everything 200 and keeps what it was sent. */
function listen(world: World, name: string, status = 200) {
  const got: { path: string; body: string }[] = []
  world.hosts.set(name, async request => {
    got.push({ path: request.path, body: Buffer.from(request.body).toString() })
    if (request.method === 'GET') return { status: 404, body: '{"error":"not found"}' }
    return { status, body: status === 200 ? '{}' : '{"error":"no_presence"}' }
  })
  return got
}
const forwards = (got: readonly { path: string }[]) => got.filter(one => one.path.endsWith('/forward')).length

within('require: what is not proven moves no mail, makes no peer, and calls nobody', async world => {
  const relay = await world.relay('a.example', { federationPolicy: 'require' })
  const got = listen(world, 'evil.example')
  await relay.send(kim.key, mail('secret'))
  for (const proof of [
    undefined,
    proofFor(kim, 'other.example', world.clock.now()), // made elsewhere
    proofFor(lee, 'evil.example', world.clock.now()), // of somebody else
    proofFor(kim, 'evil.example', world.clock.now() - 3 * 60 * minuteMs), // too old
    proofFor(kim, 'evil.example', world.clock.now() + 10 * minuteMs), // of the future
    { ...proofFor(kim, 'evil.example', world.clock.now()), signature: '0'.repeat(128) },
    { challenge: 1 },
  ]) {
    assert.deepEqual((await gossip(relay, 'evil.example', [online(kim.key, proof)])).body, {})
  }
  await relay.login(lee)
  await world.pass(5 * minuteMs)
  assert.deepEqual(got, [])
  assert.equal((await relay.mesh.counts()).peers, 0)
})

within('a proof moves mail at once, under any policy', async world => {
  for (const federationPolicy of ['require', 'prefer', 'open'] as const) {
    const relay = await world.relay(`${federationPolicy}.example`, { federationPolicy })
    const got = listen(world, 'b.example')
    await relay.send(kim.key, mail('hello'))
    await gossip(relay, 'b.example', [online(kim.key, proofFor(kim, 'b.example', world.clock.now()))])
    await world.rest()
    assert.equal(forwards(got), 1, federationPolicy)
  }
})

within(
  'prefer: without a proof mail moves only to where a relay answers, and 16 MiB an hour of it',
  async world => {
    const relay = await world.relay('a.example', { unprovenBytesPerHour: 1000 })
    const got = listen(world, 'b.example')
    for (let n = 0; n < 20; n += 1) await relay.send(kim.key, Buffer.alloc(100, n))
    await gossip(relay, 'b.example', [online(kim.key)])
    await world.pass(10 * minuteMs, 30_000)
    assert.equal(forwards(got), 10)
    // Someone who is no relay gets nothing at all.
    const nobody = listen(world, 'web.example', 404)
    await gossip(relay, 'web.example', [online(kim.key)])
    await world.pass(10 * minuteMs, 30_000)
    assert.equal(forwards(nobody), 0)
    // After the hour it goes on, if the peer still says that she is there.
    await world.pass(45 * minuteMs, minuteMs)
    await gossip(relay, 'b.example', [online(kim.key)])
    await world.pass(minuteMs)
    assert.equal(forwards(got), 20)
  },
)

within(
  'prefer: all who prove nothing share 16 budgets, so that many names are not many budgets',
  async world => {
    const relay = await world.relay('a.example', { unprovenBytesPerHour: 1000, gossipRateLimit: 1000 })
    const all: { path: string }[][] = []
    for (let n = 0; n < 12; n += 1) await relay.send(kim.key, Buffer.alloc(100, n))
    for (let n = 0; n < 40; n += 1) {
      all.push(listen(world, `b${n}.example`))
      await gossip(relay, `b${n}.example`, [online(kim.key)])
      await world.pass(6000, 2000)
    }
    assert.equal(all.flat().filter(one => one.path === '/federation/forward').length, 160)
  },
)

within(
  'a forged offline takes nothing from a proven presence; a true one is found out by the peer’s 404',
  async world => {
    const relay = await world.relay('a.example')
    const got = listen(world, 'b.example')
    await gossip(relay, 'b.example', [online(kim.key, proofFor(kim, 'b.example', world.clock.now()))])
    await gossip(relay, 'b.example', [offline(kim.key)], '203.0.113.66')
    await relay.send(kim.key, mail('hello'))
    await world.rest()
    assert.equal(forwards(got), 1)
    // An unproven one is believed when it says that it is over.
    await gossip(relay, 'b.example', [online(lee.key)])
    await gossip(relay, 'b.example', [offline(lee.key)])
    await relay.send(lee.key, mail('hello'))
    await world.pass(minuteMs)
    assert.equal(forwards(got), 1)
  },
)

within(
  'an overheard proof, repeated after its key left, costs its victim one call and not one each time',
  async world => {
    const relay = await world.relay('a.example', { gossipRateLimit: 1000 })
    const got = listen(world, 'b.example', 404)
    const proof = proofFor(kim, 'b.example', world.clock.now())
    await relay.send(kim.key, mail('hello'))
    for (let n = 0; n < 50; n += 1) {
      await gossip(relay, 'b.example', [online(kim.key, proof)])
      await world.rest()
    }
    assert.equal(forwards(got), 1)
    // Whoever logs in again has a newer one, which counts at once.
    const newer = proofFor(kim, 'b.example', world.clock.now() + 1000)
    listen(world, 'b.example')
    await gossip(relay, 'b.example', [online(kim.key, newer)])
    await world.rest()
    assert.deepEqual(await relay.mailboxes.list(kim.key), ['hello'])
  },
)

within('presence ends with its proof, however often it is announced', async world => {
  const relay = await world.relay('a.example', { federationPolicy: 'require' })
  const got = listen(world, 'b.example')
  const proof = proofFor(kim, 'b.example', world.clock.now())
  for (let n = 0; n < 20; n += 1) {
    await gossip(relay, 'b.example', [online(kim.key, proof)])
    await world.pass(10 * minuteMs, 5 * minuteMs)
  }
  await relay.send(kim.key, mail('hello'))
  await world.pass(minuteMs)
  assert.equal(forwards(got), 0)
})

within(
  'tables are bounded: keys of a peer, keys of all, peers; those without a proof leave half for the others',
  async world => {
    const relay = await world.relay('a.example', {
      maxPresencePerPeer: 6,
      maxPresence: 12,
      maxPeers: 4,
      gossipRateLimit: 10_000,
      federationPolicy: 'open',
    })
    const count = async () =>
      (
        await relay.database.direct.get<{ n: number }>(
          "SELECT COUNT(*) AS n FROM skrepka_presence WHERE server <> ''",
        )
      )?.n
    const many = (from: number) => Array.from({ length: 10 }, (_, n) => online(person(`${from} ${n}`).key))
    await gossip(relay, 'p0.example', many(0))
    assert.equal(await count(), 6)
    await gossip(relay, 'p1.example', many(1))
    assert.equal(await count(), 6)
    await gossip(relay, 'p2.example', many(2))
    assert.equal((await relay.mesh.counts()).peers, 2)
    for (let n = 0; n < 6; n += 1) {
      const who = person(`proven ${n}`)
      const server = `q${n}.example`
      await gossip(relay, server, [online(who.key, proofFor(who, server, world.clock.now()))])
    }
    assert.equal((await relay.mesh.counts()).peers, 4)
    const own = person('own')
    await relay.login(own)
    assert.equal(
      (await relay.ask('/federation/forward', { toKey: own.key, encryptedBlob: 'ab' })).status,
      200,
    )
  },
)

within(
  'a proof overheard in gossip opens nothing here: the mesh has no way from a proof to a session',
  async world => {
    const relay = await world.relay('a.example')
    const proof = proofFor(kim, 'a.example', world.clock.now())
    // Not even as presence here: our own name is no peer.
    assert.equal((await gossip(relay, 'a.example', [online(kim.key, proof)])).status, 400)
    const answer = await relay.ask('/federation/forward', { toKey: kim.key, encryptedBlob: 'ab' })
    assert.deepEqual([answer.status, answer.body], [404, { error: 'no_presence' }])
  },
)

within('mail that came from a peer is not carried back to it, and copies are not kept twice', async world => {
  const relay = await world.relay('a.example')
  const got = listen(world, 'b.example')
  await relay.login(kim)
  await gossip(relay, 'b.example', [online(kim.key, proofFor(kim, 'b.example', world.clock.now()))])
  const blob = mail('from b')
  const body = { toKey: kim.key, encryptedBlob: blob.toString('hex') }
  assert.equal(
    (await relay.ask('/federation/forward', body, { 'x-skrepka-server': 'b.example' })).status,
    200,
  )
  assert.equal((await relay.ask('/federation/forward', body)).status, 200)
  assert.deepEqual(await relay.mailboxes.list(kim.key), ['from b'])
  await gossip(relay, 'b.example', [online(kim.key, proofFor(kim, 'b.example', world.clock.now() + 1))])
  await world.pass(minuteMs)
  assert.equal(forwards(got), 0)
  assert.equal(hashOf(blob).length, 32)
})

within('an alias of our own name is found out, and not federated with', async world => {
  const relay = await world.relay('a.example', { seedPeers: ['alias.example'] })
  const own = world.hosts.get('a.example')
  assert.ok(own)
  world.hosts.set('alias.example', own)
  await world.pass(minuteMs)
  const before = world.calls.length
  await relay.login(kim)
  await world.pass(10 * minuteMs)
  assert.deepEqual(
    world.calls.slice(before).filter(call => call.to === 'alias.example'),
    [],
  )
})

within(
  'who cannot prove a presence cannot lengthen one that was proven, nor take its proof away',
  async world => {
    const relay = await world.relay('a.example')
    await gossip(relay, 'b.example', [online(kim.key, proofFor(kim, 'b.example', world.clock.now()))])
    const row = () =>
      relay.database.direct.get<object>(
        "SELECT expires_at, proof_at, signature FROM skrepka_presence WHERE server = 'b.example'",
      )
    const before = { ...(await row()) }
    await world.pass(30 * minuteMs, 10 * minuteMs)
    await gossip(relay, 'b.example', [online(kim.key)])
    assert.deepEqual({ ...(await row()) }, before)
  },
)
