import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readLz4Pickle } from './lz4.ts'
import { pickleOf } from './test-generations.ts'

const bytesMax = 1024 * 1024

test('a pickle comes back as it was, packed or not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 60 }), (bytes, times) => {
      const payload = Buffer.concat(Array.from({ length: times }, () => bytes))
      assert.deepEqual(Buffer.from(readLz4Pickle(pickleOf(payload), bytesMax)), payload)
    }),
  )
})

test('nothing is pickled as nothing', () => {
  assert.deepEqual(readLz4Pickle(new Uint8Array(), bytesMax), new Uint8Array())
})

test('a match may overlap what it writes', () => {
  // One literal, then eleven bytes from one back, then five literals.
  const block = Buffer.from([0x17, 0x61, 0x01, 0x00, 0x50, 0x62, 0x63, 0x64, 0x65, 0x66])
  const pickle = Buffer.concat([Buffer.of(0x40, 17 - block.length), block])
  assert.equal(Buffer.from(readLz4Pickle(pickle, bytesMax)).toString(), 'aaaaaaaaaaaabcdef')
})

test('lengths beyond the bound, other versions and bad matches are refused', () => {
  assert.throws(() => readLz4Pickle(Buffer.of(0xc0, 255, 255, 255, 127, 0x10, 1), bytesMax), {
    name: 'LimitError',
  })
  assert.throws(() => readLz4Pickle(new Uint8Array(102), 100), { name: 'LimitError' })
  assert.throws(() => readLz4Pickle(Buffer.of(1), bytesMax), /version 0/)
  assert.throws(() => readLz4Pickle(Buffer.of(0x40), bytesMax), { name: 'MalformedError' })
  assert.throws(() => readLz4Pickle(Buffer.of(0x40, 20, 0x10, 1, 5, 0), bytesMax), /offset 5/)
  assert.throws(() => readLz4Pickle(Buffer.of(0x40, 20, 0x10, 1, 0, 0), bytesMax), /offset 0/)
})

test('a pickle that was cut gives a decoder’s no', () => {
  const pickle = pickleOf(Buffer.from('hello hello hello hello hello hello'))
  for (let length = 1; length < pickle.length; length += 1) {
    assert.throws(() => readLz4Pickle(pickle.subarray(0, length), bytesMax), { name: 'MalformedError' })
  }
})
