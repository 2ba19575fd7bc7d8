import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  blockOf,
  cidEquals,
  cidFromDigest,
  cidFromString,
  cidKey,
  cidOf,
  cidToString,
  codecRaw,
  readCid,
} from './cid.ts'
import { MalformedError } from './errors.ts'
import { sha256 } from './test-support.ts'

test('the CID of an empty map is the known one, as bytes and as text', () => {
  const bytes = new Uint8Array([0xa0])
  const text = 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua'
  assert.equal(cidToString(cidOf(bytes, sha256)), text)
  assert.deepEqual(cidFromString(text), cidOf(bytes, sha256))
  assert.deepEqual(blockOf(bytes, sha256), { cid: cidOf(bytes, sha256), bytes })
  assert.match(cidToString(cidFromDigest(codecRaw, sha256(bytes))), /^bafkrei/)
  assert.throws(() => cidFromDigest(codecRaw, new Uint8Array(31)), MalformedError)
})

test('other text and other bytes are no CID', () => {
  const text = 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua'
  const bad = [
    '',
    'b',
    text.slice(1),
    text.toUpperCase(),
    `${text}a`,
    `z${text.slice(1)}`,
    text.replace('y', '1'),
    text.replace('fyrei', 'fyqei'),
    'QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR',
    `${text.slice(0, -1)}b`,
  ]
  for (const wrong of bad) assert.throws(() => cidFromString(wrong), MalformedError, wrong)
  const good = cidFromString(text)
  assert.deepEqual(readCid(Uint8Array.of(9, ...good, 9), 1), good)
  for (const [at, byte] of [
    [0, 0],
    [1, 0x70],
    [2, 0x13],
    [3, 31],
  ] as const) {
    assert.throws(() => readCid(Uint8Array.from(good).with(at, byte), 0), MalformedError)
  }
  assert.throws(() => readCid(good.subarray(0, 35), 0), MalformedError)
  assert.throws(() => cidKey(good.subarray(0, 35)), MalformedError)
})

test('keys of CIDs are equal exactly when the CIDs are', () => {
  const cid = fc
    .tuple(fc.constantFrom(0x55, 0x71), fc.uint8Array({ minLength: 32, maxLength: 32 }))
    .map(([codec, digest]) => cidFromDigest(codec, digest))
  fc.assert(
    fc.property(cid, cid, fc.nat(31), fc.nat(7), (a, b, at, bit) => {
      assert.equal(cidKey(a) === cidKey(b), cidEquals(a, b))
      const near = Uint8Array.from(a)
      near[4 + at]! ^= 1 << bit
      assert(cidKey(a) !== cidKey(near) && !cidEquals(a, near))
      assert.deepEqual(cidFromString(cidToString(a)), a)
    }),
  )
})
