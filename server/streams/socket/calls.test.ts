import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPlaces } from '../middleware/places.ts'
import { createCalls } from './calls.ts'

function open() {
  const places = createPlaces({
    connectionsMax: 1,
    connectionsPerAddressMax: 1,
    bytesMax: 1000,
    bytesPerAddressMax: 1000,
  })
  const place = places.take('a')
  assert.ok(place)
  const ended = new AbortController()
  const paused: boolean[] = []
  let room = Promise.resolve()
  const calls = createCalls({
    place,
    signal: ended.signal,
    room: () => room,
    pause: (_why, one) => void paused.push(one),
  })
  return { calls, places, paused, ended, setRoom: (promise: Promise<void>) => (room = promise) }
}
const turns = async () => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
}

test('no call begins while answers wait for somebody who does not take them', async () => {
  const { calls, setRoom } = open()
  const taken = Promise.withResolvers<void>()
  setRoom(taken.promise)
  const begun: number[] = []
  for (const call of [1, 2]) calls.add(0, async () => void begun.push(call))
  await turns()
  assert.deepEqual(begun, [])
  taken.resolve()
  await calls.idle()
  assert.deepEqual(begun, [1, 2])
})

test('so many calls run at a time, and above more of them nothing is read until some are done', async () => {
  const { calls, paused } = open()
  const done = Promise.withResolvers<void>()
  let begun = 0
  for (let call = 0; call < 300; call += 1) {
    calls.add(0, async () => {
      begun += 1
      await done.promise
    })
  }
  await turns()
  assert.equal(begun, 64)
  assert.deepEqual(paused, [true])
  done.resolve()
  await calls.idle()
  assert.equal(begun, 300)
  assert.deepEqual(paused, [true, false])
})

test('bytes are held from when a call came until it is done, and a call without room for them is not taken', async () => {
  const { calls, places } = open()
  const done = Promise.withResolvers<void>()
  assert.ok(calls.add(600, () => done.promise))
  assert.ok(!calls.add(600, async () => assert.fail('was not taken')))
  assert.equal(places.bytes(), 600)
  done.resolve()
  await calls.idle()
  assert.equal(places.bytes(), 0)
})

test('what waits when the connection ends is dropped', async () => {
  const { calls, ended, setRoom } = open()
  const never = Promise.withResolvers<void>()
  setRoom(never.promise)
  calls.add(0, async () => assert.fail('began'))
  calls.add(0, async () => assert.fail('began'))
  ended.abort()
  never.resolve()
  await turns()
  await calls.idle()
})
