import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCatchUp } from './catch-up.ts'
import type { HostSources, LogEvent, StateEvent } from './contract.ts'

const none = new Uint8Array(0)
const event = (idx: number): LogEvent => ({ idx, user: 'a', payload: none, signature: none })
const entry = (seq: number, afterIdx: number): StateEvent => ({
  seq,
  afterIdx,
  kind: 'event',
  user: 'a',
  payload: none,
})

function sources(events: readonly LogEvent[], entries: readonly StateEvent[]): HostSources {
  return {
    events: async (_did, after) => events.filter(one => one.idx > after),
    stateEvents: async (_did, after) => entries.filter(one => one.seq > after),
    module: async () => undefined,
  }
}

async function order(from: HostSources, head: number, stateHead: number, at = { log: 0, module: 0, seq: 0 }) {
  const items = await readCatchUp(from, { did: 'did:plc:a', head, stateHead }, at)
  return items.map(item => (item.kind === 'event' ? `e${item.event.idx}` : `s${item.entry.seq}`)).join(' ')
}

test('entries of the state stand after the event that was the head when they came', async () => {
  const from = sources([event(1), event(2), event(3)], [entry(1, 0), entry(2, 2), entry(3, 3)])
  assert.equal(await order(from, 3, 3), 's1 e1 e2 s2 e3 s3')
})

test('what is behind the least of the two cursors is read, and nothing past the heads', async () => {
  const from = sources([event(1), event(2), event(3)], [entry(1, 1), entry(2, 3)])
  assert.equal(await order(from, 2, 1, { log: 2, module: 1, seq: 0 }), 's1 e2')
})

test('entries wait for the events before them when a page of the log is not its end', async () => {
  const from = sources([event(1), event(2)], [entry(1, 1), entry(2, 5)])
  assert.equal(await order(from, 9, 2), 'e1 s1 e2')
})

test('a log that ends before its head is told', async () => {
  await assert.rejects(order(sources([], []), 2, 0), /does not go on after 0, though its head is 2/)
  await assert.rejects(order(sources([event(2)], []), 2, 0), /does not go on after 0/)
})
