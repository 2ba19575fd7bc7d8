import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { encodeDrisl } from '@leaf/codec/drisl'
import { LeafClient, type LeafQuery } from '@muni-town/leaf-client'
import { call, openTestDoor, type TestDoor } from '../test-door.ts'
import type { SubscribeRequest, SubscriptionPage } from '../stream/contract.ts'
import { streamDid } from './test-streams.ts'

let house: TestDoor
before(async () => {
  house = await openTestDoor()
  // What the engine does: the first page waits for the gate, one page after the other, each when the last is gone.
  house.streams.subscribe = async request => {
    house.streams.subscribed.push(request)
    void pages(request)
  }
})
after(() => house.stop())

const pagesOf = new Map<string, number>()

async function pages({ gate, send, query, signal }: SubscribeRequest): Promise<void> {
  await gate
  const last = pagesOf.get(query.name) ?? 1
  for (let page = 1; page <= last && !signal.aborted; page += 1) await send(pageOf(page, page < last))
}

function pageOf(number: number, hasMore: boolean): SubscriptionPage {
  const value = { $type: 'muni.town.sqliteValue.integer', value: number }
  return { ok: true, rows: { count: 1, drisl: encodeDrisl([{ number: value }]) }, hasMore }
}

async function published(): Promise<LeafClient> {
  const client = new LeafClient(house.url, async () => house.alice.token())
  await new Promise<void>(resolve => client.on('authenticated', () => resolve()))
  return client
}

/** Subscribes with the published client and resolves with the pages once there are no more. */
async function backfill(client: LeafClient, name: string): Promise<number[]> {
  const seen: number[] = []
  const { promise, resolve } = Promise.withResolvers<number[]>()
  const query: LeafQuery = { name, params: {} }
  await client.subscribeEvents(streamDid, query, result => {
    assert.ok('Ok' in result)
    for (const row of result.Ok.rows) seen.push((row['number'] as { value: number }).value)
    if (!result.Ok.has_more) resolve(seen)
  })
  return promise
}

test('none of forty first notifications is lost to an idle client', async () => {
  const client = await published()
  const seen = await Promise.all(Array.from({ length: 40 }, () => backfill(client, 'one')))
  assert.deepEqual(seen.flat(), Array(40).fill(1))
  client.disconnect()
})

test('none of thirty first notifications is lost to a client that is busy', async () => {
  const client = await published()
  let busy = true
  const work = async () => {
    while (busy) {
      const untilMs = performance.now() + 60
      while (performance.now() < untilMs);
      await new Promise(setImmediate)
    }
  }
  const working = work()
  for (let subscription = 0; subscription < 30; subscription += 1)
    assert.deepEqual(await backfill(client, 'one'), [1])
  busy = false
  await working
  client.disconnect()
})

test('twenty backfills of fifty pages run beside one another, whole and in order', async () => {
  pagesOf.set('many', 50)
  const client = await published()
  const seen = await Promise.all(Array.from({ length: 20 }, () => backfill(client, 'many')))
  const whole = Array.from({ length: 50 }, (_, index) => index + 1)
  for (const pages of seen) assert.deepEqual(pages, whole)
  client.disconnect()
})

test('over polling the first notification waits just as well', async () => {
  const client = await house.connect(house.alice.token(), { transports: ['polling'] })
  const seen: string[] = []
  client.on('stream/subscription_response', () => seen.push('page'))
  const { promise, resolve } = Promise.withResolvers<void>()
  client.on('stream/subscription_response', () => resolve())
  const reply = await call(client, 'stream/subscribe_events', {
    streamDid,
    query: { name: 'one', params: {} },
  })
  assert.ok(reply.ok)
  assert.deepEqual(seen, [])
  await promise
})

test('whoever does not read holds up nobody but herself, and is not written to without end', async () => {
  const big = new Uint8Array(1024 * 1024)
  const small = await openTestDoor({ settings: { unsentBytesMax: 4 * 1024 * 1024 } })
  let sent = 0
  small.streams.subscribe = async ({ gate, send, signal }) => {
    void (async () => {
      await gate
      while (!signal.aborted) {
        await send({ ok: true, rows: { count: 1, drisl: encodeDrisl([big]) }, hasMore: true })
        sent += 1
      }
    })()
  }
  const client = await small.connect(small.alice.token())
  await call(client, 'stream/subscribe_events', { streamDid, query: { name: 'one', params: {} } })
  // The client reads no more: its side of the line fills up, and then ours.
  const raw = rawSocketOf(client)
  raw.pause()
  let before = -1
  while (before !== sent) {
    before = sent
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  assert.ok(sent < 100, `${sent} pages`)
  const other = await small.connect(small.alice.token())
  assert.ok((await call(other, 'stream/info', { streamDid })).ok)
  raw.resume()
  await small.stop()
})

test('answers that pile up for somebody who does not take them end her connection', async () => {
  const small = await openTestDoor({ settings: { unsentBytesMax: 4 * 1024 * 1024 } })
  small.streams.rows = [new Uint8Array(1024 * 1024)]
  const client = await small.connect(small.alice.token())
  const raw = rawSocketOf(client)
  const gone = new Promise(resolve => client.once('disconnect', resolve))
  raw.pause()
  const ask = { streamDid, query: { name: 'one', params: {} } }
  const replies = Promise.allSettled(Array.from({ length: 64 }, () => call(client, 'stream/query', ask)))
  while (small.door.counts().connections > 0) await new Promise(setImmediate)
  raw.resume()
  await gone
  await small.stop()
  await replies
})

/** The TCP socket under a client that uses WebSocket. */
function rawSocketOf(client: unknown): { pause(): void; resume(): void } {
  return (client as any).io.engine.transport.ws._socket
}
