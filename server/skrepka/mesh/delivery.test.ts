import assert from 'node:assert/strict'
import { person, proofFor, type TestRelay, within, type World } from './test-world.ts'

const kim = person('kim')
const lee = person('lee')
const mail = (text: string) => Buffer.from(text)
const minuteMs = 60_000

const announce = (relay: TestRelay, world: World, server: string, ...people: (typeof kim)[]) =>
  relay.ask('/federation/gossip', {
    events: people.map(who => ({
      eventType: 'online',
      pubkey: who.key,
      proof: proofFor(who, server, world.clock.now()),
    })),
    fromServer: server,
  })

/** A peer of the seed's kind whose answers to forwards can be changed. */
function peer(world: World, name: string) {
  const state = { status: 200, headers: {}, forwards: 0, gossip: 0, at: [] as number[] }
  world.hosts.set(name, async request => {
    if (request.method === 'GET') return { status: 404, body: '{"error":"not found"}' }
    if (request.path === '/federation/gossip') {
      state.gossip += 1
      return { status: 200, body: '{}' }
    }
    state.forwards += 1
    state.at.push(world.clock.now())
    return { status: state.status, headers: state.headers, body: '{}' }
  })
  return state
}

within(
  'a peer that fails is left alone for longer and longer, asked by one probe, and then gets everything',
  async world => {
    const relay = await world.relay('a.example')
    const b = peer(world, 'b.example')
    b.status = 500
    await announce(relay, world, 'b.example', kim)
    for (let n = 0; n < 30; n += 1) await relay.send(kim.key, mail(`${n}`))
    await world.pass(30 * minuteMs, 10_000)
    // The first round may have several calls under way; after it there is one at a time.
    assert.ok(b.forwards >= 4 && b.forwards <= 20, `${b.forwards} calls in half an hour`)
    b.status = 200
    b.forwards = 0
    await announce(relay, world, 'b.example', kim)
    await world.pass(9 * minuteMs, 10_000)
    assert.equal(b.forwards, 30)
  },
)

within('gossip goes on while mail is refused, and the other way round', async world => {
  const relay = await world.relay('a.example')
  const b = peer(world, 'b.example')
  b.status = 500
  await announce(relay, world, 'b.example', kim)
  await relay.send(kim.key, mail('x'))
  await world.rest()
  b.gossip = 0
  await relay.login(lee)
  await world.pass(1000, 500)
  assert.equal(b.gossip, 1)
})

within('429 is a pause of the length that the peer asks for', async world => {
  const relay = await world.relay('a.example')
  const b = peer(world, 'b.example')
  b.status = 429
  b.headers = { 'retry-after': '200' }
  await announce(relay, world, 'b.example', kim)
  await relay.send(kim.key, mail('x'))
  await world.pass(190_000, 5000)
  assert.equal(b.forwards, 1)
  b.status = 200
  await world.pass(60_000, 5000)
  assert.equal(b.forwards, 2)
})

within('a full mailbox holds up its own mail only', async world => {
  const a = await world.relay('a.example')
  const b = await world.relay('b.example')
  await b.login(kim)
  await b.login(lee)
  await announce(a, world, 'b.example', kim, lee)
  await world.rest()
  b.mailboxes.full.add(kim.key)
  await a.send(kim.key, mail('for kim'))
  await a.send(lee.key, mail('for lee'))
  await world.rest()
  assert.deepEqual(await b.mailboxes.list(lee.key), ['for lee'])
  b.mailboxes.full.clear()
  await world.pass(minuteMs)
  assert.deepEqual(await b.mailboxes.list(kim.key), ['for kim'])
})

within('what a peer will never take is not sent again, and the rest is', async world => {
  const relay = await world.relay('a.example')
  const b = peer(world, 'b.example')
  b.status = 413
  await announce(relay, world, 'b.example', kim)
  await relay.send(kim.key, mail('too large for it'))
  await world.rest()
  b.status = 200
  await relay.send(kim.key, mail('small'))
  await announce(relay, world, 'b.example', kim)
  await world.pass(5 * minuteMs)
  assert.equal(b.forwards, 2)
})

within('between our own relays mail travels in batches', async world => {
  const a = await world.relay('a.example')
  const b = await world.relay('b.example', { seedPeers: ['a.example'] })
  await b.login(kim)
  await world.pass(minuteMs)
  await a.send(kim.key, ...Array.from({ length: 250 }, (_, n) => mail(`${n}`)))
  await world.pass(1000, 500)
  assert.equal((await b.mailboxes.list(kim.key)).length, 250)
  const calls = world.calls.filter(call => call.to === 'b.example' && call.path.endsWith('forward'))
  assert.deepEqual(
    calls.map(call => call.path),
    Array.from({ length: 3 }, () => '/skrepka/forward'),
  )
})

within('more mail than may wait for a peer is planned when there is room, in its order', async world => {
  const relay = await world.relay('a.example', { maxForwardsPerServer: 10 })
  const b = peer(world, 'b.example')
  b.status = 503
  await announce(relay, world, 'b.example', kim)
  for (let n = 0; n < 35; n += 1) await relay.send(kim.key, mail(`${n}`))
  assert.equal((await relay.mesh.counts()).forwards, 10)
  b.status = 200
  b.forwards = 0
  await world.pass(10 * minuteMs)
  assert.equal(b.forwards, 35)
})

within('acked mail is not forwarded any more', async world => {
  const relay = await world.relay('a.example')
  const b = peer(world, 'b.example')
  b.status = 503
  await announce(relay, world, 'b.example', kim)
  await relay.send(kim.key, mail('x'))
  await world.rest()
  await relay.database.write(async tx => {
    const { box, seqs } = await relay.mailboxes.ack(tx, kim.key)
    await relay.mesh.forget(tx, box, seqs)
  })
  b.status = 200
  b.forwards = 0
  await world.pass(30 * minuteMs, minuteMs)
  assert.equal(b.forwards, 0)
})

within(
  'mail that a proven peer took is let go after the time it is kept, unless its reader is here',
  async world => {
    const relay = await world.relay('a.example', { forwardedRetention: 3_600_000 })
    peer(world, 'b.example')
    await announce(relay, world, 'b.example', kim, lee)
    await relay.send(kim.key, mail('x'))
    await relay.send(lee.key, mail('y'))
    await world.pass(50 * minuteMs, 5 * minuteMs)
    assert.deepEqual(await relay.mailboxes.list(kim.key), ['x'])
    await relay.login(lee)
    await world.pass(15 * minuteMs, 5 * minuteMs)
    assert.deepEqual(await relay.mailboxes.list(kim.key), [])
    assert.deepEqual(await relay.mailboxes.list(lee.key), ['y'])
  },
)

within('a restart forgets nothing that is planned', async world => {
  const relay = await world.relay('a.example')
  const b = peer(world, 'b.example')
  b.status = 503
  await announce(relay, world, 'b.example', kim)
  await relay.send(kim.key, mail('x'))
  await world.rest()
  b.status = 200
  await relay.restart()
  await world.pass(minuteMs)
  assert.equal(b.forwards, 2)
})

within('what has to wait for room is not overtaken and lost when new mail finds some', async world => {
  const relay = await world.relay('a.example', { maxForwardsPerServer: 2 })
  const b = peer(world, 'b.example')
  b.status = 503
  await announce(relay, world, 'b.example', kim)
  for (let n = 0; n < 5; n += 1) await relay.send(kim.key, mail(`${n}`))
  await world.rest()
  // One of the two that were planned goes; there is room for one while three wait for it.
  await relay.database.write(tx =>
    tx.run('DELETE FROM skrepka_forward WHERE seq = (SELECT MIN(seq) FROM skrepka_forward)'),
  )
  await relay.send(kim.key, mail('new'))
  b.status = 200
  b.forwards = 0
  await world.pass(10 * minuteMs)
  assert.equal(b.forwards, 5)
})

within('a forward that was tried too often rests, until its recipient is announced again', async world => {
  const relay = await world.relay('a.example', { maxForwardRetries: 2 })
  const b = peer(world, 'b.example')
  b.status = 503
  await announce(relay, world, 'b.example', kim)
  await relay.send(kim.key, mail('x'))
  await world.pass(20 * minuteMs)
  assert.equal(b.forwards, 2)
  b.status = 200
  await world.pass(20 * minuteMs)
  assert.equal(b.forwards, 2)
  await announce(relay, world, 'b.example', kim)
  await world.pass(minuteMs)
  assert.equal(b.forwards, 3)
})
