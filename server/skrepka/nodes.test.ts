import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { createManualClock } from '../kernel/clock.ts'
import { createSealer } from '../kernel/keys.ts'
import { openPostgres } from '../kernel/storage/postgres.ts'
import { startPostgres, type TestPostgres } from '../test/support/postgres.ts'
import { ask, login, person, startTestRelay, type TestRelay, until } from './test-relay.ts'

const bob = person(2)

describe('several nodes of one relay', () => {
  let postgres: TestPostgres | undefined
  const closers: (() => Promise<void>)[] = []
  before(async () => {
    postgres = await startPostgres()
  })
  after(() => postgres?.stop())
  afterEach(async () => {
    for (const close of closers.splice(0)) await close()
  })
  const startTwo = async (): Promise<[TestRelay, TestRelay]> => {
    const url = (await postgres?.url('skrepka')) ?? ''
    const node = async () => {
      const database = await openPostgres({ url, clock: createManualClock() })
      const one = await startTestRelay({ database, settings: { sendRateLimit: 0, pollRateLimit: 0 } })
      await one.relay.start()
      closers.push(async () => {
        await one.stop()
        await database.close()
      })
      return one
    }
    return [await node(), await node()]
  }
  const mail = (...blobs: string[]) => ({
    messages: blobs.map(encryptedBlob => ({ to: bob.key, encryptedBlob })),
  })

  it('mail that one takes wakes a poll at the other', async () => {
    const [first, second] = await startTwo()
    const [a, b] = [await login(first.relay, person(1)), await login(second.relay, bob)]
    const parked = ask(second.relay, '/poll', { token: b, body: { cursor: 0 } })
    await until(() => second.relay.load().waiters === 1)
    await ask(first.relay, '/messages', { token: a, body: mail('aa') })
    assert.deepEqual((await parked).json.events, [{ encryptedBlob: 'aa' }])
  })

  it('a token of one is good at the other, and ends there when it ends here', async () => {
    const [first, second] = await startTwo()
    const token = await login(first.relay, bob)
    const ack = () => ask(second.relay, '/skrepka/ack', { token, body: { cursor: 0 } })
    assert.equal((await ack()).status, 200)
    await ask(first.relay, '/skrepka/logout', { token })
    assert.equal((await ack()).status, 401)
  })

  it('mail that both take at a time is numbered without a gap that is filled later', async () => {
    const [first, second] = await startTwo()
    const a = await login(first.relay, person(1))
    const c = await login(second.relay, person(3))
    const b = await login(first.relay, bob)
    const seen: string[] = []
    let cursor = 0
    const read = async (relay: TestRelay['relay']) => {
      const { json } = await ask(relay, '/poll', { token: b, body: { cursor } })
      for (const { encryptedBlob } of json.events) seen.push(encryptedBlob)
      cursor = json.cursor
    }
    const send = async (node: TestRelay, token: string, from: number) => {
      for (let index = 0; index < 30; index += 1) {
        const blob = (from + index).toString(16).padStart(4, '0')
        const { status } = await ask(node.relay, '/messages', { token, body: mail(blob) })
        assert.equal(status, 200)
      }
    }
    const sends = Promise.all([send(first, a, 0), send(second, c, 1000)])
    while (seen.length < 60) await read(seen.length % 2 === 0 ? first.relay : second.relay)
    await sends
    assert.equal(new Set(seen).size, 60)
    assert.equal(seen.length, 60)
  })
})

describe('mail that is sealed at rest', () => {
  it('is not in the database, comes back whole, and what was stored before the secret still does', async () => {
    const secret = 'a secret of more than thirty-two characters'
    const one = await startTestRelay()
    const sealed = await startTestRelay({ database: one.database, rest: { sealer: createSealer(secret) } })
    try {
      const [a, b] = [await login(one.relay, person(1)), await login(one.relay, bob)]
      const blob = 'c0ffee'.repeat(20)
      const body = (encryptedBlob: string) => ({ messages: [{ to: bob.key, encryptedBlob }] })
      await ask(one.relay, '/messages', { token: a, body: body('aabb') })
      await ask(sealed.relay, '/messages', { token: a, body: body(blob) })
      const rows = await one.database.read(tx =>
        tx.all<{ blob: Uint8Array; sealed: number }>('SELECT blob, sealed FROM skrepka_message ORDER BY id'),
      )
      assert.deepEqual(
        rows.map(row => [Buffer.from(row.blob).toString('hex').includes('c0ffeec0ffee'), row.sealed]),
        [
          [false, 0],
          [false, 1],
        ],
      )
      const { json } = await ask(sealed.relay, '/poll', { token: b, body: { cursor: 0 } })
      assert.deepEqual(
        json.events.map(event => event.encryptedBlob),
        ['aabb', blob],
      )
    } finally {
      await sealed.stop()
      await one.stop()
    }
  })
})
