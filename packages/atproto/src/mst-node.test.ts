import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode } from '@atcute/cbor'
import * as fc from 'fast-check'
import { cidFromDigest, cidOf, cidToString, codecRaw } from './cid.ts'
import { MalformedError } from './errors.ts'
import { decodeNode, emptyNode, encodeNode, isMstKey, keyLengthMax, type NodeContent } from './mst-node.ts'
import { recordCid, sha256 } from './test-support.ts'

const nodeArbitrary: fc.Arbitrary<NodeContent> = fc
  .uniqueArray(fc.stringMatching(/^[a-c.]{1,3}\/[a-zA-Z0-9_~.:-]{1,40}$/), { maxLength: 40 })
  .chain(keys =>
    fc.array(fc.boolean(), { minLength: keys.length + 1, maxLength: keys.length + 1 }).map(there => ({
      keys: keys.toSorted(),
      values: keys.map(recordCid),
      trees: there.map((has, index) => (has ? recordCid(index) : null)),
    })),
  )

test('a node’s bytes are the canonical DAG-CBOR of its wire form, and give the node again', () => {
  fc.assert(
    fc.property(nodeArbitrary, node => {
      const bytes = encodeNode(node)
      assert.deepEqual(encode(decode(bytes)), bytes)
      const { keys, values, trees } = decodeNode(bytes, cidOf(bytes, sha256))
      assert.deepEqual({ keys, values, trees }, node)
    }),
  )
})

test('a node of the wire form is read key by key', () => {
  const link = { $link: cidToString(recordCid(1)) }
  const key = (text: string) => ({ $bytes: Buffer.from(text).toString('base64').replace(/=+$/, '') })
  const bytes = encode({
    l: null,
    e: [
      { p: 0, k: key('a.b/12'), v: link, t: link },
      { p: 5, k: key('3'), v: link, t: null },
    ],
  })
  const node = decodeNode(bytes, cidOf(bytes, sha256))
  assert.deepEqual(node.keys, ['a.b/12', 'a.b/13'])
  assert.deepEqual(node.trees, [null, recordCid(1), null])
})

test('a node in any other form is refused with a place in its bytes', () => {
  const link = { $link: cidToString(recordCid(1)) }
  const key = (text: string) => ({ $bytes: Buffer.from(text).toString('base64').replace(/=+$/, '') })
  const entry = (k: string, p: number) => ({ p, k: key(k), v: link, t: null })
  const bad: unknown[] = [
    null,
    [],
    {},
    { l: null },
    { e: [] },
    { l: null, e: [], x: 1 },
    { l: null, e: {} },
    { l: 1, e: [] },
    { l: null, e: [1] },
    { l: null, e: [{ p: 0, k: key('a/1'), v: link }] },
    { l: null, e: [{ p: 0, k: 'a/1', v: link, t: null }] },
    { l: null, e: [{ p: 0, k: key('a/1'), v: null, t: null }] },
    { l: null, e: [{ p: -1, k: key('a/1'), v: link, t: null }] },
    { l: null, e: [entry('a/1', 1)] },
    { l: null, e: [entry('', 0)] },
    { l: null, e: [entry('a', 0)] },
    { l: null, e: [entry('a/', 0)] },
    { l: null, e: [entry('/a', 0)] },
    { l: null, e: [entry('a/b/c', 0)] },
    { l: null, e: [entry('a/ü', 0)] },
    { l: null, e: [entry(`a/${'b'.repeat(keyLengthMax - 1)}`, 0)] },
    { l: null, e: [entry('a/1', 0), entry('a/2', 0)] },
    { l: null, e: [entry('a/1', 0), entry('1', 2)] },
    { l: null, e: [entry('a/2', 0), entry('1', 2)] },
    { l: null, e: [entry('a/1', 0), entry('', 3)] },
    { l: null, e: [entry('a/1', 0), entry('2', 4)] },
    { l: null, e: [entry('b/1', 0), entry('a/1', 0)] },
  ]
  for (const value of bad) {
    const bytes = encode(value)
    assert.throws(() => decodeNode(bytes, recordCid(1)), MalformedError, JSON.stringify(value))
  }
  const good = encode({ l: null, e: [entry('a/1', 0)] })
  for (let length = 0; length < good.length; length += 1) {
    assert.throws(() => decodeNode(good.subarray(0, length), recordCid(1)), MalformedError)
  }
  assert.throws(() => decodeNode(Buffer.concat([good, Buffer.of(0)]), recordCid(1)), MalformedError)
  assert.throws(() => decodeNode(new Uint8Array(2_000_000), recordCid(1)), MalformedError)
  // A count that cannot be, a count that is longer than it must be, an endless one, and one of 64 bits.
  for (const hex of [
    'a261659affffffff616cf6',
    'a261659800616cf6',
    'a261659f616cf6',
    'a261659b0000000000000000616cf6',
  ]) {
    assert.throws(() => decodeNode(Buffer.from(hex, 'hex'), recordCid(1)), MalformedError, hex)
  }
  assert.equal(decodeNode(Buffer.from('a2616580616cf6', 'hex'), recordCid(1)).keys.length, 0)
  const blob = { $link: cidToString(cidFromDigest(codecRaw, sha256(good))) }
  for (const value of [
    { l: blob, e: [] },
    { l: null, e: [{ ...entry('a/1', 0), v: blob }] },
  ]) {
    assert.throws(() => decodeNode(encode(value), recordCid(1)), MalformedError)
  }
})

test('whatever bytes come, a node is read in its one form or refused', () => {
  const mutated = nodeArbitrary.chain(node => {
    const bytes = encodeNode(node)
    return fc
      .array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map(changes => {
        const copy = Uint8Array.from(bytes)
        for (const [at, byte] of changes) copy[at] = byte
        return copy
      })
  })
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), bytes => {
      try {
        assert.deepEqual(encodeNode(decodeNode(bytes, recordCid(1))), bytes)
      } catch (error) {
        assert(error instanceof MalformedError, String(error))
        assert(error.offset >= 0 && error.offset <= bytes.length)
      }
    }),
    { numRuns: 2000 },
  )
})

test('keys are collection/rkey in the tree’s characters', () => {
  for (const key of ['a/b', 'com.example.record/3jqfcqzm3fo2j', 'a/_~.:-']) assert(isMstKey(key), key)
  for (const key of [
    '',
    '/',
    'a/',
    '/a',
    'a',
    'a/b/c',
    'a/b ',
    'a/b\n',
    'a/%',
    'a/é',
    `a/${'b'.repeat(1023)}`,
  ]) {
    assert(!isMstKey(key), key)
  }
  assert.equal(emptyNode(sha256).bytes.length, 7)
})
