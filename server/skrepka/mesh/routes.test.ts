import assert from 'node:assert/strict'
import { person, proofFor, type TestRelay, within } from './test-world.ts'

const kim = person('kim')
const blob = 'abcd'
const answerTo = async (
  relay: TestRelay,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
) => {
  const { status, body: got } = await relay.ask(path, body, headers)
  return [status, typeof got === 'object' && got !== null && 'error' in got ? got.error : got]
}

within('gossip and forward are checked in the seed’s order, with its codes and texts', async world => {
  const relay = await world.relay('a.example')
  const gossip = '/federation/gossip'
  const forward = '/federation/forward'
  const cases: [string, unknown, number, unknown][] = [
    [gossip, '{', 400, 'invalid JSON body: expected JSON'],
    [gossip, '[]', 400, "missing required body field 'events'"],
    [gossip, { events: [] }, 400, "missing required body field 'fromServer'"],
    [
      gossip,
      { events: [], fromServer: 'B.example' },
      400,
      "validation error: field 'fromServer' does not satisfy 'ServerName' constraint",
    ],
    [gossip, { events: [], fromServer: '' }, 400, 'invalid_request'],
    [gossip, { events: [], fromServer: 'a.example' }, 400, 'invalid_request'],
    [gossip, { events: [], fromServer: 'localhost' }, 400, 'invalid_request'],
    [
      gossip,
      { events: [{ eventType: 'online', pubkey: 'x' }], fromServer: 'b.example' },
      400,
      'invalid_message',
    ],
    [
      gossip,
      { events: [{ eventType: 'later', pubkey: kim.key, more: 1 }], fromServer: 'b.example' },
      200,
      {},
    ],
    [
      gossip,
      {
        events: Array.from({ length: 101 }, () => ({ eventType: 'later', pubkey: kim.key })),
        fromServer: 'b.example',
      },
      400,
      'invalid_request',
    ],
    [forward, {}, 400, "missing required body field 'toKey'"],
    [forward, { toKey: kim.key }, 400, "missing required body field 'encryptedBlob'"],
    [
      forward,
      { toKey: kim.key.toUpperCase(), encryptedBlob: blob },
      400,
      "validation error: field 'toKey' does not satisfy 'PubkeyHex' constraint",
    ],
    [
      forward,
      { toKey: kim.key, encryptedBlob: 'abc' },
      400,
      "validation error: field 'encryptedBlob' does not satisfy 'BlobHex' constraint",
    ],
    [forward, { toKey: kim.key, encryptedBlob: blob }, 404, 'no_presence'],
  ]
  for (const [path, body, status, result] of cases) {
    assert.deepEqual(await answerTo(relay, path, body), [status, result], JSON.stringify(body).slice(0, 200))
  }
  await relay.login(kim)
  assert.deepEqual(await answerTo(relay, '//federation/forward/', { toKey: kim.key, encryptedBlob: blob }), [
    200,
    {},
  ])
  relay.mailboxes.full.add(kim.key)
  const full = await relay.ask(forward, { toKey: kim.key, encryptedBlob: 'ef' })
  assert.deepEqual(
    [full.status, full.body, full.headers['retry-after']],
    [429, { error: 'mailbox_full' }, '5'],
  )
})

within('events are read in both shapes that peers send', async world => {
  const relay = await world.relay('a.example', { federationPolicy: 'open' })
  const tagged = (tag: string) => ({ __knot_ctor: { tag, value: { pubkey: kim.key } } })
  const rows = async () =>
    (await relay.database.direct.all("SELECT 1 AS one FROM skrepka_presence WHERE server = 'b.example'"))
      .length
  const say = (event: object) => relay.ask('/federation/gossip', { events: [event], fromServer: 'b.example' })
  await say(tagged('GossipOnline'))
  assert.equal(await rows(), 1)
  await say(tagged('GossipOffline'))
  assert.equal(await rows(), 0)
  await say(tagged('GossipUnknown'))
  await say({ eventType: 'online', pubkey: kim.key })
  assert.equal(await rows(), 1)
})

within('online wins over offline in one batch', async world => {
  const relay = await world.relay('a.example', { federationPolicy: 'open' })
  const on = { eventType: 'online', pubkey: kim.key }
  const off = { eventType: 'offline', pubkey: kim.key }
  for (const events of [
    [on, off],
    [off, on],
  ]) {
    await relay.ask('/federation/gossip', { events, fromServer: 'b.example' })
    const row = await relay.database.direct.get(
      "SELECT 1 AS one FROM skrepka_presence WHERE server = 'b.example'",
    )
    assert.ok(row)
  }
})

within('a batch tells what became of each message, in its order', async world => {
  const relay = await world.relay('a.example')
  await relay.login(kim)
  const message = (toKey: string, encryptedBlob: string) => ({ toKey, encryptedBlob })
  const messages = [
    message(kim.key, '01'),
    message(person('nobody').key, '02'),
    message(kim.key, '01'),
    message(kim.key, '03'),
  ]
  const { status, body } = await relay.ask('/skrepka/forward', { messages })
  assert.deepEqual(
    [status, body],
    [200, { results: ['stored', 'no_presence', 'duplicate', 'stored'].map(one => ({ status: one })) }],
  )
  const many = Array.from({ length: 101 }, () => message(kim.key, '01'))
  assert.deepEqual(await answerTo(relay, '/skrepka/forward', { messages: many }), [413, 'batch_too_large'])
  assert.deepEqual(await answerTo(relay, '/skrepka/forward', { messages: [{}] }), [400, 'invalid_message'])
})

within(
  'limits are by the caller’s address: of many callers each has its own, of one /64 all have one',
  async world => {
    const relay = await world.relay('a.example', { gossipRateLimit: 3 })
    const body = { events: [], fromServer: 'b.example' }
    const from = async (address: string) => (await relay.ask('/federation/gossip', body, { address })).status
    for (let n = 0; n < 3; n += 1) assert.equal(await from('198.51.100.1'), 200)
    const limited = await relay.ask('/federation/gossip', body, { address: '198.51.100.1' })
    assert.deepEqual([limited.status, limited.body], [429, { error: 'Rate limit exceeded' }])
    assert.equal(limited.headers['retry-after'], '20')
    assert.equal(await from('198.51.100.2'), 200)
    for (let n = 0; n < 3; n += 1) assert.equal(await from(`2001:db8::${n}`), 200)
    assert.equal(await from('2001:db8::ffff'), 429)
    assert.equal(await from('2001:db8:0:1::1'), 200)
    world.clock.advance(20_000)
    assert.equal(await from('198.51.100.1'), 200)
  },
)

within('without federation peers are told so, and nobody is called', async world => {
  const relay = await world.relay('a.example', { federationEnabled: false, seedPeers: ['b.example'] })
  for (const path of ['/federation/gossip', '/federation/forward', '/skrepka/forward']) {
    assert.deepEqual(await answerTo(relay, path, {}), [403, 'federation_disabled'])
  }
  await relay.login(kim)
  await world.pass(120_000)
  assert.deepEqual(world.calls, [])
  const { body } = await relay.ask('/.well-known/skrepka-relay', undefined)
  assert.ok(typeof body === 'object' && body !== null && 'federation' in body && body.federation === false)
})

within(
  'the well-known names the relay, its features and its policy, and peers only if asked to',
  async world => {
    const shy = await world.relay('a.example')
    const open = await world.relay('c.example', { publishPeers: true })
    for (const relay of [shy, open]) {
      const proof = proofFor(kim, 'b.example', world.clock.now())
      await relay.ask('/federation/gossip', {
        events: [{ eventType: 'online', pubkey: kim.key, proof }],
        fromServer: 'b.example',
      })
    }
    const told = (await shy.ask('/.well-known/skrepka-relay', undefined)).body as Record<string, unknown>
    assert.deepEqual(Object.keys(told), ['features', 'federation', 'instance', 'name', 'policy'])
    assert.deepEqual([told['name'], told['policy']], ['a.example', 'prefer'])
    const more = (await open.ask('/.well-known/skrepka-relay', undefined)).body as Record<string, unknown>
    assert.deepEqual(more['peers'], ['b.example'])
  },
)
