import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LimitError, MalformedError } from '@leaf/codec/errors'
import fc from 'fast-check'
import { Encoder } from 'socket.io-msgpack-parser'
import { readPacketValue } from './msgpack.ts'

/** What the clients' own package writes. */
const encode = (value: unknown): Buffer => (new Encoder().encode(value) as any)[0]

const scalar = fc.oneof(
  fc.constantFrom(null, undefined, true, false),
  fc.integer(),
  fc.maxSafeInteger(),
  // Whole numbers beyond 64 bits are more than the package can write.
  fc.double({ noNaN: true, noInteger: true }),
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.uint8Array({ maxLength: 400 }).map(bytes => Buffer.from(bytes)),
)
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 20 }),
  fc.dictionary(fc.string({ maxLength: 40 }), scalar, { maxKeys: 20, noNullPrototype: true }),
)

test('whatever the clients’ package writes is read as it was meant', () => {
  fc.assert(
    fc.property(value, written => {
      assert.deepEqual(plain(readPacketValue(encode(written))), plain(written))
    }),
  )
})

test('an ArrayBuffer of a client comes as bytes', () => {
  for (const length of [0, 3, 300, 70_000]) {
    const written = new Uint8Array(length).fill(7)
    assert.deepEqual(readPacketValue(encode(written.buffer)), Buffer.from(written))
  }
})

test('arbitrary bytes are a value or malformed, and nothing else happens', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      try {
        readPacketValue(bytes)
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
})

test('a packet that is cut short anywhere is malformed', () => {
  const whole = encode({ type: 2, nsp: '/', id: 70_000, data: ['stream/info', Buffer.alloc(300)] })
  for (let length = 0; length < whole.length; length += 1)
    assert.throws(() => readPacketValue(whole.subarray(0, length)), MalformedError)
})

test('a length of strangers allocates nothing', () => {
  const bombs = ['ddffffffff', 'dfffffffff', 'dbffffffff', 'c6ffffffff', 'c9ffffffff00']
  const before = process.memoryUsage().rss
  for (const bomb of bombs) assert.throws(() => readPacketValue(Buffer.from(bomb, 'hex')), MalformedError)
  assert.ok(process.memoryUsage().rss - before < 32 * 1024 * 1024)
})

test('depth and number of values are bounded', () => {
  assert.throws(() => readPacketValue(Buffer.alloc(100_000, 0x91)), LimitError)
  assert.throws(
    () => readPacketValue(Buffer.concat([Buffer.from('dc03e8', 'hex'), Buffer.alloc(1000)])),
    LimitError,
  )
})

test('a key __proto__ is a key like any other', () => {
  const map = readPacketValue(Buffer.from('81a95f5f70726f746f5f5f81a161c3', 'hex'))
  assert.equal(Object.getPrototypeOf(map), null)
  assert.deepEqual(Object.keys(map as object), ['__proto__'])
})

/** Buffers and prototypes are no part of the value. */
function plain(one: unknown): unknown {
  if (one instanceof Uint8Array) return { bytes: [...one] }
  if (Array.isArray(one)) return one.map(plain)
  if (typeof one !== 'object' || one === null) return Object.is(one, -0) ? 0 : one
  return Object.entries(one)
    .map(([key, inner]) => [key, plain(inner)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
}
