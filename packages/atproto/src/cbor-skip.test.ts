import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@atcute/cbor'
import * as fc from 'fast-check'
import { cborDepthMax, itemEnd } from './cbor-skip.ts'
import { MalformedError } from './errors.ts'

test('the end of any item is found, whatever follows it', () => {
  const values = [
    fc.string(),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true, max: 1e6, min: -1e6 }),
  ]
  const value = fc.anything({ maxDepth: 6, values })
  fc.assert(
    fc.property(value, fc.uint8Array({ maxLength: 20 }), (json, rest) => {
      const item = encode(json)
      assert.equal(itemEnd(Buffer.concat([Buffer.of(7), item, rest]), 1), 1 + item.length)
      for (let length = 0; length < item.length; length += 1) {
        assert.throws(() => itemEnd(item.subarray(0, length), 0), MalformedError)
      }
    }),
  )
})

test('an item may be 128 levels deep and no deeper', () => {
  const nested = (levels: number) => Buffer.concat([Buffer.alloc(levels, 0x81), Buffer.of(0)])
  assert.equal(itemEnd(nested(cborDepthMax), 0), cborDepthMax + 1)
  assert.throws(() => itemEnd(nested(cborDepthMax + 1), 0), MalformedError)
  assert.throws(() => itemEnd(nested(5_000_000), 0), MalformedError)
  for (const hex of ['9f00ff', '5f', '9bffffffffffffffff', 'bb0000000100000000', '1c']) {
    assert.throws(() => itemEnd(Buffer.from(hex, 'hex'), 0), MalformedError, hex)
  }
})
