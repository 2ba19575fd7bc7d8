import assert from 'node:assert/strict'
import { person, proofFor, within } from './test-world.ts'

const kim = person('kim')
const minuteMs = 60_000
const mail = (text: string) => Buffer.from(text)

within(
  'where only proofs count, mail is taken only from a peer that shows that its name is its own',
  async world => {
    const a = await world.relay('a.example', { federationPolicy: 'require' })
    const b = await world.relay('b.example', { federationPolicy: 'require', seedPeers: ['a.example'] })
    await a.login(kim)
    await b.login(person('lee'))
    await world.pass(2 * minuteMs)
    await b.send(kim.key, mail('hello'))
    await world.pass(2 * minuteMs)
    assert.deepEqual(await a.mailboxes.list(kim.key), ['hello'])
    const body = { toKey: kim.key, encryptedBlob: 'abcd' }
    for (const headers of [
      {},
      { 'x-skrepka-server': 'b.example' },
      { 'x-skrepka-server': 'b.example', 'x-skrepka-token': `20454.${'0'.repeat(48)}` },
      { 'x-skrepka-server': 'b.example', 'x-skrepka-token': 'é' },
    ] as Record<string, string>[]) {
      for (const [path, sent] of [
        ['/federation/forward', body],
        ['/skrepka/forward', { messages: [body] }],
      ] as const) {
        const answer = await a.ask(path, sent, headers)
        assert.deepEqual([answer.status, answer.body], [403, { error: 'proof_required' }])
      }
    }
    // What b was given is good in its own name only.
    const token = a.tokenSeenBy('b.example')
    assert.ok(token)
    const as = (name: string) =>
      a.ask('/federation/forward', body, { 'x-skrepka-server': name, 'x-skrepka-token': token })
    assert.equal((await as('c.example')).status, 403)
    assert.equal((await as('b.example')).status, 200)
    world.clock.advance(3 * 86_400_000)
    assert.equal((await as('b.example')).status, 403)
  },
)

within('an offline of the peer itself is believed, also where a proof stands', async world => {
  const a = await world.relay('a.example')
  const b = await world.relay('b.example', { seedPeers: ['a.example'] })
  await world.pass(minuteMs)
  await b.login(kim)
  await world.pass(1000, 500)
  const known = async () =>
    (await a.database.direct.all("SELECT 1 AS one FROM skrepka_presence WHERE server = 'b.example'")).length
  assert.equal(await known(), 1)
  await a.ask('/federation/gossip', {
    events: [{ eventType: 'offline', pubkey: kim.key }],
    fromServer: 'b.example',
  })
  assert.equal(await known(), 1)
  await b.logout(kim)
  await world.pass(1000, 500)
  assert.equal(await known(), 0)
})

within('a token is brought to the name that it is for, not to who asks', async world => {
  const a = await world.relay('a.example')
  const got: string[] = []
  world.hosts.set('b.example', async request => {
    got.push(`${request.method} ${request.path}`)
    return { status: 400, body: '{"error":"invalid_request"}' }
  })
  // Somebody asks in b's name: b has not asked, and says so.
  const answer = await a.ask('/skrepka/peer/ask', { fromServer: 'b.example', nonce: 'x' })
  assert.deepEqual([answer.status, answer.body, got], [200, {}, ['POST /skrepka/peer/token']])
  // Nor does a keep what it has not asked for.
  const forged = { fromServer: 'b.example', nonce: 'x', token: 'forged' }
  assert.equal((await a.ask('/skrepka/peer/token', forged)).status, 200)
  world.hosts.set('b.example', async request => {
    got.push(request.header('x-skrepka-token') ?? '')
    return { status: 200, body: '{}' }
  })
  const proof = proofFor(kim, 'b.example', world.clock.now())
  const event = { eventType: 'online', pubkey: kim.key, proof }
  await a.send(kim.key, mail('x'))
  await a.ask('/federation/gossip', { events: [event], fromServer: 'b.example' })
  await world.rest()
  assert.ok(got.length > 1 && !got.includes('forged'))
  for (const fromServer of ['a.example', 'localhost', '10.0.0.1', '']) {
    assert.equal((await a.ask('/skrepka/peer/ask', { fromServer, nonce: 'x' })).status, 400)
  }
})

within(
  'strangers can have this relay call others sixty times a minute, all of them together',
  async world => {
    const a = await world.relay('a.example')
    let calls = 0
    for (let n = 0; n < 100; n += 1) {
      world.hosts.set(`n${n}.example`, async () => {
        calls += 1
        return { status: 200, body: '{}' }
      })
      await a.ask(
        '/skrepka/peer/ask',
        { fromServer: `n${n}.example`, nonce: 'x' },
        { address: `198.51.100.${n}` },
      )
    }
    assert.equal(calls, 60)
    // Those that somebody logged in at are no strangers.
    const proof = proofFor(kim, 'n99.example', world.clock.now())
    const event = { eventType: 'online', pubkey: kim.key, proof }
    await a.ask('/federation/gossip', { events: [event], fromServer: 'n99.example' })
    const answer = await a.ask('/skrepka/peer/ask', { fromServer: 'n99.example', nonce: 'x' })
    assert.equal(answer.status, 200)
  },
)

within('one wrong answer on the way does not cut two relays off from each other', async world => {
  const a = await world.relay('a.example', { federationPolicy: 'require' })
  const b = await world.relay('b.example', { federationPolicy: 'require', seedPeers: ['a.example'] })
  await a.login(kim)
  await b.login(person('lee'))
  await world.pass(2 * minuteMs)
  const real = world.hosts.get('a.example')
  assert.ok(real)
  for (const status of [404, 403, 400]) {
    // Something between them answers once in its place.
    world.hosts.set('a.example', async request => {
      world.hosts.set('a.example', real)
      return { status: request.path === '/skrepka/forward' ? status : 502, body: 'nonsense' }
    })
    await b.send(kim.key, mail(`after ${status}`))
    await world.pass(10 * minuteMs)
  }
  assert.deepEqual(await a.mailboxes.list(kim.key), ['after 404', 'after 403', 'after 400'])
})

within('of the tokens that are brought the one that was asked for is kept', async world => {
  const tokens: (string | undefined)[] = []
  let nonce = ''
  world.hosts.set('b.example', async request => {
    if (request.method === 'GET')
      return { status: 200, body: '{"name":"b.example","features":["peer-token"]}' }
    if (request.path === '/skrepka/peer/ask') nonce = JSON.parse(Buffer.from(request.body).toString()).nonce
    else tokens.push(request.header('x-skrepka-token'))
    return { status: 200, body: '{}' }
  })
  const a = await world.relay('a.example', { seedPeers: ['b.example'] })
  await world.pass(1000, 500)
  assert.equal(nonce.length, 32)
  const bring = (of: string, token: string) =>
    a.ask('/skrepka/peer/token', { fromServer: 'b.example', nonce: of, token })
  await bring('0'.repeat(32), 'forged')
  await a.login(kim)
  await world.pass(1000, 500)
  assert.equal(tokens.at(-1), undefined)
  await bring(nonce, 'real')
  // A nonce is good once.
  await bring(nonce, 'again')
  await a.logout(kim)
  await world.pass(1000, 500)
  assert.equal(tokens.at(-1), 'real')
})
