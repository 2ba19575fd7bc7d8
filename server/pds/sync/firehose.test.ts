import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Metrics, noMetrics } from '../../kernel/metrics.ts'
import { openSyncHouse, type SyncHouse } from './test-house.ts'

const hour = 3_600_000
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

describe('the firehose', () => {
  let house: SyncHouse
  before(async () => {
    house = await openSyncHouse()
    await house.append(10)
  })
  after(() => house.close())

  it('replays what follows the cursor and goes on live, without gap or repeat', async () => {
    const subscriber = house.connect('?cursor=4')
    const last = await house.append(5)
    await subscriber.until(last - 4)
    assert.deepEqual(subscriber.seqs(), range(5, last))
    const more = await house.append(2)
    await subscriber.until(more - 4)
    assert.deepEqual(subscriber.seqs(), range(5, more))
    subscriber.socket.close()
  })

  it('gives every subscriber the same bytes', async () => {
    const [a, b] = [house.connect('?cursor=0'), house.connect('?cursor=0')]
    await Promise.all([a.until(5), b.until(5)])
    assert.deepEqual(a.raw.slice(0, 5), b.raw.slice(0, 5))
    a.socket.close()
    b.socket.close()
  })

  it('begins with what comes next when no cursor is asked for', async () => {
    const subscriber = house.connect()
    await subscriber.opened
    const reached = house.connect('?cursor=0') // its first message shows that the first subscriber's start was read
    await reached.until(1)
    const last = await house.append(1)
    await subscriber.until(1)
    assert.deepEqual(subscriber.seqs(), [last])
    subscriber.socket.close()
    reached.socket.close()
  })

  it('refuses a cursor in the future with an error frame and closes with 1008', async () => {
    const subscriber = house.connect('?cursor=99999')
    assert.equal((await subscriber.closed).code, 1008)
    const [message] = subscriber.messages
    assert.deepEqual(message?.header, { op: -1 })
    assert.equal(message?.body['error'], 'FutureCursor')
  })

  it('refuses a cursor that is no number with an error frame', async () => {
    const subscriber = house.connect('?cursor=yesterday')
    assert.equal((await subscriber.closed).code, 1008)
    assert.equal(subscriber.messages[0]?.body['error'], 'InvalidRequest')
  })

  it('closes a socket that sends more messages than it has to say', async () => {
    const subscriber = house.connect()
    await subscriber.opened
    for (let index = 0; index < 100; index += 1) subscriber.socket.send('hello')
    assert.equal((await subscriber.closed).code, 1008)
  })

  it('closes a socket that sends a large message', async () => {
    const subscriber = house.connect()
    await subscriber.opened
    subscriber.socket.send(Buffer.alloc(100_000))
    assert.equal((await subscriber.closed).code, 1009)
  })
})

describe('the window of the firehose', () => {
  it('tells a subscriber with an older cursor, then begins at the window', async () => {
    const house = await openSyncHouse()
    await house.append(3)
    house.clock.advance(73 * hour)
    await house.append(2)
    const subscriber = house.connect('?cursor=1')
    await subscriber.until(3)
    assert.deepEqual(subscriber.messages[0]?.header, { op: 1, t: '#info' })
    assert.equal(subscriber.messages[0]?.body['name'], 'OutdatedCursor')
    assert.deepEqual(subscriber.seqs(), [4, 5])
    const upToDate = house.connect('?cursor=3')
    await upToDate.until(2)
    assert.deepEqual(upToDate.seqs(), [4, 5])
    await house.close()
  })

  it('ends a subscriber that falls behind the window as ConsumerTooSlow', async () => {
    const house = await openSyncHouse()
    const subscriber = house.connect('?cursor=0')
    await subscriber.opened
    await house.append(1)
    await subscriber.until(1)
    subscriber.socket.pause()
    // An event from before the window and its slack is the next that this reader would get.
    house.clock.step(-74 * hour)
    await house.database.write(tx => house.sequencer.identity(tx, { did: 'did:plc:x' }))
    house.clock.step(74 * hour)
    subscriber.socket.resume()
    assert.equal((await subscriber.closed).code, 1008)
    assert.equal(subscriber.messages.at(-1)?.body['error'], 'ConsumerTooSlow')
    await house.close()
  })
})

describe('readers of the firehose', () => {
  it('are ended as ConsumerTooSlow when they take nothing for 30 seconds, and cost little memory until then', async () => {
    const sent = { leaf_pds_firehose_sent_bytes: 0, ended: [] as string[] }
    const metrics: Metrics = {
      ...noMetrics,
      counter: name => ({
        add: (labels, by = 1) => {
          if (name === 'leaf_pds_firehose_sent_bytes') sent.leaf_pds_firehose_sent_bytes += by
          if (labels?.['reason'] !== undefined) sent.ended.push(labels['reason'])
        },
      }),
    }
    const house = await openSyncHouse({ metrics })
    const subscriber = house.connect('?cursor=0')
    await subscriber.opened
    subscriber.socket.pause()
    const blocks = new Uint8Array(200_000)
    const write = () =>
      house.database.write(tx => house.sequencer.sync(tx, { did: 'did:plc:x', rev: '3', blocks }))
    await Promise.all(Array.from({ length: 150 }, write))
    for (let turn = 0; turn < 300; turn += 1) await nextTurn()
    assert.ok(
      sent.leaf_pds_firehose_sent_bytes < 15_000_000,
      `${sent.leaf_pds_firehose_sent_bytes} bytes written`,
    )
    assert.equal(house.firehose.count(), 1)
    house.clock.advance(30_001)
    for (let turn = 0; turn < 10; turn += 1) await nextTurn()
    assert.deepEqual(sent.ended, ['ConsumerTooSlow'])
    house.clock.advance(5_000) // the closing handshake is not answered either
    subscriber.socket.resume()
    await subscriber.closed
    for (let turn = 0; turn < 10; turn += 1) await nextTurn()
    assert.equal(house.firehose.count(), 0)
    await house.close()
  })

  it('get everything when they are slow but take something', async () => {
    const house = await openSyncHouse()
    const subscriber = house.connect('?cursor=0')
    await subscriber.opened
    subscriber.socket.pause()
    const blocks = new Uint8Array(1_000_000)
    for (let index = 0; index < 12; index += 1) {
      await house.database.write(tx => house.sequencer.sync(tx, { did: 'did:plc:x', rev: '3', blocks }))
    }
    for (let turn = 0; turn < 100; turn += 1) await nextTurn()
    house.clock.advance(29_000)
    subscriber.socket.resume()
    await subscriber.until(12)
    assert.deepEqual(subscriber.seqs(), range(1, 12))
    await house.close()
  })

  it('are cut off after three pings without an answer', async () => {
    const house = await openSyncHouse()
    const silent = house.connect()
    const lively = house.connect()
    await Promise.all([silent.opened, lively.opened])
    silent.socket.pause()
    for (let ping = 0; ping < 4; ping += 1) {
      const answered = new Promise(resolve => lively.socket.once('ping', resolve))
      house.clock.advance(30_000)
      if (ping < 3) await answered
      for (let turn = 0; turn < 20; turn += 1) await nextTurn()
    }
    silent.socket.resume()
    await silent.closed
    assert.equal(lively.socket.readyState, lively.socket.OPEN)
    await house.close()
  })

  it('are bounded in all and per address, before the upgrade', async () => {
    const house = await openSyncHouse({ socketsMax: 3, socketsPerAddressMax: 2 })
    const [a, b] = [house.connect(), house.connect()]
    await Promise.all([a.opened, b.opened])
    await assert.rejects(house.connect().opened, /429/)
    a.socket.close()
    await a.closed
    for (let turn = 0; turn < 20; turn += 1) await nextTurn()
    const again = house.connect()
    await again.opened
    await house.close()
    const full = await openSyncHouse({ socketsMax: 1 })
    await full.connect().opened
    await assert.rejects(full.connect().opened, /503/)
    await full.close()
  })

  it('are told when the server stops', async () => {
    const house = await openSyncHouse()
    const subscriber = house.connect()
    await subscriber.opened
    await house.firehose.stop(1000)
    assert.deepEqual(await subscriber.closed, { code: 1001, reason: 'the server is stopping' })
    await assert.rejects(house.connect().opened, /503/)
    await house.close()
  })
})
