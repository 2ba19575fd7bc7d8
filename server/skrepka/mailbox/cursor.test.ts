import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { createManualClock } from '../../kernel/clock.ts'
import { openPostgres } from '../../kernel/storage/postgres.ts'
import { startPostgres, type TestPostgres } from '../../test/support/postgres.ts'
import {
  ask,
  login,
  person,
  startTestRelay,
  type TestRelay,
  type TestRelayOptions,
  until,
} from '../test-relay.ts'

const engines = ['SQLite', 'PostgreSQL'] as const

for (const engine of engines) {
  describe(`cursors on ${engine}`, () => {
    let postgres: TestPostgres | undefined
    const opened: TestRelay[] = []
    const closers: (() => Promise<void>)[] = []
    before(async () => {
      if (engine === 'PostgreSQL') postgres = await startPostgres()
    })
    after(() => postgres?.stop())
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.stop()
      for (const close of closers.splice(0)) await close()
    })
    const start = async (options: TestRelayOptions = {}) => {
      let more: TestRelayOptions = {}
      if (postgres !== undefined) {
        const database = await openPostgres({
          url: await postgres.url('skrepka'),
          clock: createManualClock(),
        })
        closers.push(() => database.close())
        more = { database }
      }
      const one = await startTestRelay({ ...options, ...more })
      opened.push(one)
      const [a, b] = [await login(one.relay, person(1)), await login(one.relay, person(2))]
      const send = async (...blobs: string[]) => {
        const messages = blobs.map(encryptedBlob => ({ to: person(2).key, encryptedBlob }))
        const { status } = await ask(one.relay, '/messages', { token: a, body: { messages } })
        assert.equal(status, 200)
      }
      const poll = async (cursor: number) => {
        const answered = await ask(one.relay, '/poll', { token: b, body: { cursor } })
        const { events } = answered.json
        return { cursor: answered.json.cursor, blobs: events.map(event => event.encryptedBlob) }
      }
      return { ...one, send, poll, b }
    }

    it('a cursor that was given acknowledges what was answered up to it', async () => {
      const { send, poll, relay } = await start()
      await send('aa', 'bb')
      const first = await poll(0)
      await send('cc')
      assert.deepEqual((await poll(first.cursor)).blobs, ['cc'])
      assert.equal((await relay.counts()).pending, 1)
    })

    it('a cursor from elsewhere deletes nothing, also when its first answer was lost', async () => {
      const { send, poll, clock } = await start()
      await send('aa')
      clock.advance(50)
      await send('bb')
      const foreign = clock.now() + 1_000_000
      const lost = await poll(foreign)
      assert.deepEqual(lost.blobs, ['aa', 'bb'])
      const again = await poll(foreign)
      assert.deepEqual(again.blobs, ['aa', 'bb'])
      assert.ok(again.cursor > clock.now())
      clock.advance(10)
      await send('cc')
      assert.deepEqual((await poll(again.cursor)).blobs, ['cc'])
    })

    it('a cursor from elsewhere that lies between two that were given deletes nothing', async () => {
      const { send, poll, clock } = await start()
      await send('aa')
      clock.advance(100)
      await send('bb')
      const { cursor } = await poll(0)
      assert.deepEqual((await poll(cursor - 50)).blobs, ['aa', 'bb'])
    })

    it('a cursor that was given before a foreign one acknowledges nothing any more, and loses nothing', async () => {
      const { send, poll, clock } = await start()
      await send('aa')
      const { cursor } = await poll(0)
      clock.advance(1000)
      await poll(cursor + 500)
      assert.deepEqual((await poll(cursor)).blobs, ['aa'])
    })

    it('a cursor beyond the clock is answered with one that mail to come lies above', async () => {
      const { send, poll, clock, relay } = await start()
      const parked = poll(Number.MAX_SAFE_INTEGER)
      await until(async () => (await relay.counts()).waiters === 1)
      clock.advance(25_000)
      const { cursor } = await parked
      assert.ok(cursor <= clock.now())
      clock.step(-3_600_000)
      await send('aa')
      const page = await poll(cursor)
      assert.deepEqual(page.blobs, ['aa'])
      assert.ok(page.cursor > cursor)
    })

    it('with strictSeedAck any cursor acknowledges everything up to it', async () => {
      const { send, poll, clock, relay } = await start({ settings: { strictSeedAck: true } })
      await send('aa')
      clock.advance(10)
      const parked = poll(clock.now())
      await until(async () => (await relay.counts()).pending === 0)
      await relay.stop()
      assert.deepEqual((await parked).blobs, [])
    })

    it('what was acknowledged is known when it comes again, and does not come back', async () => {
      const { send, poll, relay } = await start()
      await send('aa')
      const { cursor } = await poll(0)
      await send('bb')
      await poll(cursor)
      await send('aa', 'bb')
      assert.equal((await relay.counts()).pending, 1)
    })

    it('a page has at most fifty events, and the next begins after it', async () => {
      const { send, poll } = await start()
      const blobs = Array.from({ length: 60 }, (_, index) => (index + 16).toString(16))
      await send(...blobs)
      const first = await poll(0)
      const second = await poll(first.cursor)
      assert.deepEqual([...first.blobs, ...second.blobs], blobs)
      assert.equal(first.blobs.length, 50)
    })

    it('mail expires after its time, and what came later stays', async () => {
      const { send, poll, clock, relay } = await start({
        settings: { messageMaxAge: 10_000, sessionExpiry: 60_000 },
      })
      await relay.start()
      await send('aa')
      clock.advance(9000)
      await send('bb')
      clock.advance(1000)
      assert.deepEqual((await poll(0)).blobs, ['bb'])
      clock.advance(20_000)
      await until(async () => (await relay.counts()).pending === 0)
    })

    it('a large blob lies in the blob store until it is acknowledged, and comes back whole', async () => {
      const { send, poll, relay } = await start()
      const large = 'ab'.repeat(300_000)
      await send(large, 'cc')
      const first = await poll(0)
      assert.deepEqual(first.blobs, [large, 'cc'])
      await send('dd')
      assert.deepEqual((await poll(first.cursor)).blobs, ['dd'])
      assert.equal((await relay.counts()).pending, 1)
    })
  })
}
