import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, describe, it } from 'node:test'
import { createManualClock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { silentLogger } from '../../kernel/log.ts'
import { sequencerChannel } from '../database/sequencer.ts'
import { createRelays, relayHost, type RelaysOptions } from './relays.ts'
import { openTestDatabase, type TestDatabase } from './test-house.ts'

const minute = 60_000
let opened: TestDatabase | undefined

async function open(settings: Partial<RelaysOptions> = {}) {
  const clock = createManualClock()
  opened = await openTestDatabase(clock)
  const { database } = opened
  const calls: { url: string; body: unknown }[] = []
  const answer = { status: 200, text: '' }
  const relays = createRelays({
    database,
    clock,
    logger: silentLogger,
    hostname: 'pds.example',
    configured: ['https://relay.example'],
    fetch: async (url, options) => {
      calls.push({ url, body: JSON.parse(String(options?.body)) })
      if (answer.status === 0) throw new Refusal('upstream', answer.text)
      return { status: answer.status, headers: {}, body: Buffer.from(answer.text), url }
    },
    ...settings,
  })
  const settle = async () => {
    for (let turn = 0; turn < 30; turn += 1) await nextTurn()
  }
  const write = async () => {
    await database.write(async tx => tx.notify(sequencerChannel))
    await settle()
  }
  return { relays, clock, calls, answer, settle, write }
}

describe('relays', () => {
  afterEach(async () => {
    await opened?.close()
    opened = undefined
  })

  it('are asked to crawl at start, and what they answered is kept', async () => {
    const { relays, calls, answer, settle } = await open()
    answer.text = '{"hello": "you"}'
    await relays.start()
    await settle()
    assert.deepEqual(calls, [
      {
        url: 'https://relay.example/xrpc/com.atproto.sync.requestCrawl',
        body: { hostname: 'pds.example' },
      },
    ])
    const [relay] = await relays.list()
    assert.deepEqual([relay?.status, relay?.answer, relay?.enabled], [200, '{"hello": "you"}', true])
    assert.equal(relay?.requestedAt, relay?.answeredAt)
    await relays.stop()
  })

  it('are asked again after writes, but once in 20 minutes', async () => {
    const { relays, clock, calls, write, settle } = await open()
    await relays.start()
    await settle()
    await write()
    assert.equal(calls.length, 1)
    clock.advance(20 * minute) // the write from before is told now
    await settle()
    assert.equal(calls.length, 2)
    clock.advance(60 * minute) // nothing was written
    await settle()
    assert.equal(calls.length, 2)
    await write()
    assert.equal(calls.length, 3)
    await relays.stop()
  })

  it('are asked less and less often while they fail', async () => {
    const { relays, clock, calls, answer, settle } = await open()
    answer.status = 0
    answer.text = 'relay.example cannot be reached'
    await relays.start()
    await settle()
    for (let step = 0; step < 12; step += 1) {
      clock.advance(20 * minute)
      await relays.announce()
    }
    // After 0, 40, 120 minutes; the next would come after 280.
    assert.equal(calls.length, 3)
    assert.deepEqual(
      (await relays.list()).map(relay => [relay.status, relay.answer]),
      [[0, 'relay.example cannot be reached']],
    )
    await relays.stop()
  })

  it('are not asked when nobody outside could come', async () => {
    const { relays, calls, write, settle } = await open({ hostname: undefined })
    await relays.start()
    await settle()
    await write()
    await relays.announce()
    assert.equal(calls.length, 0)
    await relays.stop()
  })

  it('can be added, switched off and removed', async () => {
    const { relays, clock, calls, settle } = await open({ configured: [] })
    await relays.start()
    await relays.add('other.example/')
    await settle()
    assert.equal(calls.length, 1)
    await assert.rejects(relays.add('https://other.example'), { code: 'conflict' })
    await relays.enable('https://other.example', false)
    clock.advance(60 * minute)
    await relays.announce()
    assert.equal(calls.length, 1)
    await relays.remove('https://other.example')
    assert.deepEqual(await relays.list(), [])
    await assert.rejects(relays.remove('https://other.example'), { code: 'missing' })
    await relays.stop()
  })

  it('have addresses', () => {
    assert.equal(relayHost('bsky.network'), 'https://bsky.network')
    assert.equal(relayHost('https://Relay.Example/xrpc/'), 'https://relay.example')
    assert.equal(relayHost('http://localhost:2470'), 'http://localhost:2470')
    for (const bad of ['', 'ftp://x.example', 'https://user@x.example', 'not an address']) {
      assert.throws(() => relayHost(bad), { code: 'invalid' })
    }
  })
})
