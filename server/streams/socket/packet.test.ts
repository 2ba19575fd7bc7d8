import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MalformedError } from '@leaf/codec/errors'
import { encodeSubscriptionResponse } from '@leaf/streams/wire'
import { encodeDrisl } from '@leaf/codec/drisl'
import { Decoder, Encoder } from 'socket.io-msgpack-parser'
import { ackPacket, eventPacket, readPacket } from './packet.ts'
import { pageParts } from './page.ts'

const encode = (value: unknown): Buffer => (new Encoder().encode(value) as any)[0]

/** As the clients' package reads it. */
function decode(packet: Buffer): Record<string, unknown> {
  const decoder = new Decoder()
  let decoded: Record<string, unknown> | undefined
  decoder.on('decoded', (one: Record<string, unknown>) => {
    decoded = one
  })
  decoder.add(packet)
  assert.ok(decoded)
  return decoded
}

test('clients read our answers, whatever their length and number', () => {
  for (const id of [0, 127, 128, 255, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    for (const length of [0, 1, 255, 256, 70_000]) {
      const parts = [new Uint8Array(length).fill(1), Uint8Array.of(2, 3)]
      const data = [Buffer.concat(parts)]
      assert.deepEqual(decode(ackPacket(id, parts)), { type: 3, nsp: '/', id, data })
    }
  }
})

test('clients read our events', () => {
  const packet = eventPacket('stream/subscription_response', [Uint8Array.of(1), Uint8Array.of(2)])
  const data = ['stream/subscription_response', Buffer.of(1, 2)]
  assert.deepEqual(decode(packet), { type: 2, nsp: '/', data })
})

test('a page in parts is the page in one piece', () => {
  const id = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
  const rows = encodeDrisl([{ a: 1 }, { a: 2 }])
  for (const hasMore of [true, false]) {
    const parts = pageParts(id, { ok: true, rows: { count: 2, drisl: rows }, hasMore })
    const whole = encodeSubscriptionResponse(id, { ok: true, rows, hasMore })
    assert.deepEqual(new Uint8Array(Buffer.concat(parts)), whole)
  }
})

test('the id of a call comes beside its argument', () => {
  const packet = {
    type: 2,
    nsp: '/',
    id: 5,
    options: { compress: true },
    data: ['stream/info', Buffer.of(1)],
  }
  assert.deepEqual(readPacket(encode(packet)), {
    type: 2,
    nsp: '/',
    data: ['stream/info', { argument: Buffer.of(1), id: 5 }],
  })
})

test('a client that sends no map to connect with connects as nobody', () => {
  for (const data of [undefined, null, 'token', 5, ['token'], Buffer.of(1)])
    assert.deepEqual(readPacket(encode({ type: 0, nsp: '/', data })), { type: 0, nsp: '/' })
})

test('what no client sends is refused', () => {
  const refused: unknown[] = [
    5,
    [],
    {},
    { type: 2, nsp: '/' },
    { type: 2, nsp: '/', data: [] },
    { type: 2, nsp: '/', data: [5] },
    { type: 2, nsp: '/', data: { 0: 'stream/info' } },
    { type: 2, nsp: '/', data: ['a'.repeat(129)] },
    { type: 2, nsp: '/', data: ['stream/info'], id: -1 },
    { type: 2, nsp: '/', data: ['stream/info'], id: 1.5 },
    { type: 2, nsp: '/', data: ['stream/info'], id: 'x' },
    { type: 2, nsp: '/other', data: ['stream/info'] },
    { type: 3, nsp: '/', id: 1, data: [] },
    { type: 4, nsp: '/', data: {} },
    { type: 5, nsp: '/', data: ['stream/info'] },
    { type: '2', nsp: '/', data: ['stream/info'] },
    // These would pretend that the connection had ended.
    ...['disconnect', 'disconnecting', 'error', 'connect', 'newListener'].map(name => ({
      type: 2,
      nsp: '/',
      data: [name],
    })),
  ]
  for (const packet of refused)
    assert.throws(() => readPacket(encode(packet)), MalformedError, JSON.stringify(packet))
})
