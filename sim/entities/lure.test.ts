import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pathOf, personOf, signed, text } from '@leaf/entities/store/test-entries'
import { syncWith } from '@leaf/entities/sync/client'
import { frameTypes, SyncError } from '@leaf/entities/sync/contract'
import { createEntryFrame } from '@leaf/entities/sync/entry-frames'
import { encodeHello, encodeServed, encodeSince } from '@leaf/entities/sync/frames'
import { createRangeFrame, type RangeItem } from '@leaf/entities/sync/range-frames'
import { faultyConnection } from './connection.ts'
import {
  areaOf,
  ed25519,
  memoryOf,
  openStore,
  put,
  seeded,
  serverName,
  whole,
  write,
  type Written,
} from './world.ts'

const alice = await personOf('alice')
const everything = { start: new Uint8Array(), end: undefined }

function rangesOf(items: readonly RangeItem[], last = true): Uint8Array {
  const frame = createRangeFrame(0)
  for (const item of items) frame.add(item)
  return frame.finish(last)
}

/** A server that says what it likes, to an honest client. */
async function lured(
  act: (send: (frame: Uint8Array) => Promise<void>, hear: () => Promise<number | undefined>) => Promise<void>,
) {
  const random = seeded('lure')
  const client = openStore(random)
  const written: Written[] = []
  for (let number = 0; number < 60; number++) written.push(await write(random, alice))
  await put(client, written)
  const before = await client.summary(whole)
  const connection = faultyConnection()
  const syncing = syncWith({
    store: client,
    transport: connection.client,
    ed25519,
    random,
    key: alice,
    serverName,
    areas: [areaOf(alice)],
    memory: memoryOf(),
    live: false,
    signal: new AbortController().signal,
  }).catch((error: unknown) => error)
  const frames = connection.server.frames[Symbol.asyncIterator]()
  await act(
    frame => connection.server.send(frame).catch(() => undefined),
    async () => {
      const next = await frames.next()
      return next.done === true ? undefined : next.value[0]
    },
  )
  connection.server.close()
  const result = await syncing
  assert.deepEqual(await client.summary(whole), before, 'the store has changed')
  return result
}

const hello = (name = serverName) =>
  encodeHello({ challenge: new Uint8Array(32), serverKey: new Uint8Array(32), serverName: name })
const epoch = 'ab'.repeat(16)
const opening = [hello(), encodeServed([true]), encodeSince({ area: 0, epoch, arrival: 5, owed: false })]

test('a client signs nothing for a server with another name', async () => {
  const heard: (number | undefined)[] = []
  const result = await lured(async (send, hear) => {
    await send(hello('evil.test'))
    heard.push(await hear())
  })
  assert.ok(result instanceof SyncError && result.code === 'protocol')
  assert.notEqual(heard[0], frameTypes.auth)
})

test('a server whose rounds never end, that floods, or that sends what is forged is left', async () => {
  const endless = await lured(async (send, hear) => {
    for (const frame of opening) await send(frame)
    for (let type = await hear(); type !== undefined; type = await hear())
      if (type === frameTypes.ranges)
        await send(
          rangesOf([{ kind: 'sum', ...everything, fingerprint: new Uint8Array(32).fill(1), count: 1000 }]),
        )
  })
  assert.ok(endless instanceof SyncError && endless.code === 'protocol', `${endless}`)

  const flood = await lured(async send => {
    for (const frame of opening) await send(frame)
    for (let number = 0; number < 500; number++) await send(rangesOf([], false))
  })
  assert.ok(flood instanceof SyncError && flood.code === 'protocol', `${flood}`)

  const forged = await lured(async send => {
    for (const frame of opening) await send(frame)
    const { entry, token } = await signed(alice, {
      path: pathOf('forged'),
      timestamp: 60n,
      payload: text(''),
    })
    const frame = createEntryFrame()
    frame.add({ authorised: { entry: { ...entry, timestamp: 99n }, token }, payload: undefined })
    await send(frame.finish())
  })
  assert.ok(forged instanceof SyncError && forged.code === 'protocol', `${forged}`)
})
