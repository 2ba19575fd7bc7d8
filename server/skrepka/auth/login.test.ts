import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { verifyProof } from '../mesh/proof.ts'
import {
  ask,
  login,
  person,
  startTestRelay,
  type TestRelay,
  type TestRelayOptions,
  until,
} from '../test-relay.ts'

const alice = person(1)
const bob = person(2)

describe('logging in', () => {
  const opened: TestRelay[] = []
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.stop()
  })
  const start = async (options: TestRelayOptions = {}) => {
    const one = await startTestRelay(options)
    opened.push(one)
    const challenge = async (pubkey: string, from = {}) =>
      (await ask(one.relay, '/auth/challenge', { ...from, body: { pubkey } })).json
    const verify = (body: object, from = {}) => ask(one.relay, '/auth/verify', { ...from, body })
    const poll = (token: string, from = {}) =>
      ask(one.relay, '/skrepka/ack', { ...from, token, body: { cursor: 0 } })
    return { ...one, challenge, verify, poll }
  }

  it('a challenge names its relay: what it was made of is in the answer', async () => {
    const { challenge, clock } = await start()
    const made = await challenge(alice.key)
    assert.match(made.challenge, /^[0-9a-f]{48}$/)
    assert.equal(made.expiresAt, clock.now() + 60_000)
    const proof = { challenge: made.challenge, r: made.r, signature: alice.sign(made.challenge) }
    const claim = { proof, key: alice.key, nowMs: clock.now() }
    assert.equal(verifyProof({ ...claim, server: 'here.example' }).kind, 'valid')
    assert.equal(verifyProof({ ...claim, server: 'there.example' }).kind, 'foreign')
  })

  it('a challenge logs in once, also after a restart', async () => {
    const { challenge, verify, again } = await start()
    const { challenge: text } = await challenge(alice.key)
    const claim = { pubkey: alice.key, challenge: text, signature: alice.sign(text), revokeOthers: false }
    assert.equal((await verify(claim)).status, 200)
    assert.equal((await verify(claim)).text, '{"error":"invalid"}')
    const restarted = await again()
    assert.equal((await ask(restarted, '/auth/verify', { body: claim })).status, 401)
  })

  it('two verifications of one challenge at a time give one token', async () => {
    const { challenge, verify } = await start()
    const { challenge: text } = await challenge(alice.key)
    const claim = { pubkey: alice.key, challenge: text, signature: alice.sign(text), revokeOthers: false }
    const answers = await Promise.all([verify(claim), verify(claim), verify(claim)])
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 401, 401])
  })

  it('a signature bound to the name of this relay is as good as a bare one; one bound to another name is none', async () => {
    const { challenge, verify } = await start()
    for (const [host, status] of [
      ['here.example', 200],
      ['there.example', 401],
    ] as const) {
      const { challenge: text } = await challenge(alice.key)
      const signature = alice.sign(`skrepka-auth-v1:${host}:${text}`)
      assert.equal((await verify({ pubkey: alice.key, challenge: text, signature })).status, status)
    }
  })

  it('requireBoundAuth refuses the bare form', async () => {
    const { challenge, verify } = await start({ settings: { requireBoundAuth: true } })
    const { challenge: text } = await challenge(alice.key)
    const claim = { pubkey: alice.key, challenge: text }
    assert.equal((await verify({ ...claim, signature: alice.sign(text) })).status, 401)
    const bound = alice.sign(`skrepka-auth-v1:here.example:${text}`)
    assert.equal((await verify({ ...claim, signature: bound })).status, 200)
  })

  it('a challenge is for its key, its address and its minute', async () => {
    const { challenge, verify, clock } = await start()
    const from = { address: '198.51.100.7', forwarded: true }
    const claimOf = (who: typeof alice, text: string) => ({
      pubkey: who.key,
      challenge: text,
      signature: who.sign(text),
    })
    const { challenge: text } = await challenge(alice.key, from)
    assert.equal((await verify(claimOf(bob, text), from)).status, 401)
    assert.equal((await verify(claimOf(alice, text), { ...from, address: '198.51.100.8' })).status, 401)
    clock.advance(60_000)
    assert.equal((await verify(claimOf(alice, text), from)).status, 401)
  })

  it('of a key and an address the newest five challenges count', async () => {
    const { challenge, verify, clock } = await start()
    const texts: string[] = []
    for (let index = 0; index < 6; index += 1) {
      texts.push((await challenge(alice.key)).challenge)
      clock.advance(10)
    }
    const statuses: number[] = []
    for (const text of texts) {
      const claim = { pubkey: alice.key, challenge: text, signature: alice.sign(text) }
      statuses.push((await verify(claim)).status)
    }
    assert.deepEqual(statuses, [401, 200, 200, 200, 200, 200])
  })

  it('keys that belong to everybody belong to nobody', async () => {
    const { challenge, verify } = await start()
    for (const key of ['01'.padEnd(64, '0'), '00'.repeat(32), 'ff'.repeat(32)]) {
      const { challenge: text } = await challenge(key)
      const signature = `${'01'.padEnd(64, '0')}${'00'.repeat(32)}`
      assert.equal((await verify({ pubkey: key, challenge: text, signature })).text, '{"error":"invalid"}')
    }
  })

  it('calls for somebody else’s key do not lock its owner out', async () => {
    const { relay, challenge } = await start()
    for (let index = 0; index < 30; index += 1) await challenge(alice.key, { address: '192.0.2.66' })
    const refused = await ask(relay, '/auth/challenge', {
      address: '192.0.2.66',
      body: { pubkey: alice.key },
    })
    assert.equal(refused.status, 429)
    assert.ok(Number(refused.headers['retry-after']) >= 1)
    await login(relay, alice)
  })

  it('a token that was given through a proxy works from its address only', async () => {
    const { relay, poll } = await start()
    const from = { address: '198.51.100.7', forwarded: true }
    const token = await login(relay, alice, from)
    assert.equal((await poll(token, from)).status, 200)
    assert.equal((await poll(token, { ...from, address: '198.51.100.8' })).status, 401)
    const free = await login(relay, bob)
    assert.equal((await poll(free, from)).status, 200)
  })

  it('ipBinding=prefix lets it move within its network', async () => {
    const { relay, poll } = await start({ settings: { ipBinding: 'prefix' } })
    const from = { address: '2001:db8:1:2::7', forwarded: true }
    const token = await login(relay, alice, from)
    assert.equal((await poll(token, { ...from, address: '2001:db8:1:2:ffff::1' })).status, 200)
    assert.equal((await poll(token, { ...from, address: '2001:db8:1:3::7' })).status, 401)
  })

  it('a key has ten sessions; revokeOthers ends all but the new one', async () => {
    const { relay, poll, clock } = await start({ settings: { authRateLimit: 0 } })
    const tokens: string[] = []
    for (let index = 0; index < 11; index += 1) {
      tokens.push(await login(relay, alice))
      clock.advance(1)
    }
    const statuses = async () => Promise.all(tokens.map(async token => (await poll(token)).status))
    assert.deepEqual(await statuses(), [401, ...Array.from({ length: 10 }, () => 200)])
    tokens.push(await login(relay, alice, { revokeOthers: true }))
    assert.deepEqual(await statuses(), [...Array.from({ length: 11 }, () => 401), 200])
  })

  it('at the bound of all sessions the network with most of them loses one', async () => {
    const { relay, poll } = await start({ settings: { maxSessions: 4, authRateLimit: 0 } })
    const mine = await login(relay, alice, { address: '198.51.100.7' })
    for (let index = 10; index < 20; index += 1) await login(relay, person(index), { address: '192.0.2.66' })
    assert.equal((await poll(mine)).status, 200)
  })

  it('a token ends with its hour, and with its logout', async () => {
    const { relay, poll, clock } = await start()
    const [a, b] = [await login(relay, alice), await login(relay, bob)]
    assert.equal((await ask(relay, '/skrepka/logout', { token: b })).text, '{}')
    assert.equal((await poll(b)).status, 401)
    clock.advance(3_599_999)
    assert.equal((await poll(a)).status, 200)
    clock.advance(1)
    assert.equal((await poll(a)).text, '{"error":"unauthorized"}')
  })

  it('a token outlives a restart, and only its hash is stored', async () => {
    const { relay, again, database } = await start()
    const token = await login(relay, alice)
    const restarted = await again()
    assert.equal((await ask(restarted, '/skrepka/ack', { token, body: { cursor: 0 } })).status, 200)
    const rows = await database.read(tx =>
      tx.all<{ token_hash: Uint8Array }>('SELECT * FROM skrepka_session'),
    )
    assert.ok(!JSON.stringify(rows).includes(token))
    assert.notEqual(Buffer.from(rows[0]?.token_hash ?? []).toString('hex'), token)
  })

  it('clients that leave revokeOthers out get the fields that they read', async () => {
    const { relay, clock } = await start()
    const [a, b] = [await login(relay, alice, { legacy: true }), await login(relay, bob, { legacy: true })]
    const body = { messages: [{ to: bob.key, encryptedBlob: 'aa' }] }
    assert.equal((await ask(relay, '/messages', { token: a, body })).text, '{"results":[]}')
    const page = await ask(relay, '/poll', { token: b, body: { cursor: 0 } })
    const { cursor } = page.json
    assert.equal(
      page.text,
      `{"authorized":true,"cursor":${cursor},"events":[{"encryptedBlob":"aa"}],"heartbeat":false}`,
    )
    const parked = ask(relay, '/poll', { token: b, body: { cursor } })
    await until(async () => (await relay.counts()).waiters === 1 && (await relay.counts()).pending === 0)
    clock.advance(25_000)
    assert.equal((await parked).text, `{"authorized":true,"cursor":${cursor},"events":[],"heartbeat":true}`)
  })

  it('sliding sessions last as long as their proof, no longer', async () => {
    const { relay, poll, clock } = await start({ settings: { slidingSessions: true, pollTimeoutMs: 0 } })
    const token = await login(relay, alice)
    for (let minute = 0; minute < 154; minute += 31) {
      const polled = ask(relay, '/poll', { token, body: { cursor: 0 } })
      await until(async () => (await relay.counts()).waiters === 1)
      clock.advance(0)
      assert.equal((await polled).status, 200)
      clock.advance(31 * 60_000)
    }
    assert.equal((await poll(token)).status, 401)
  })
})
