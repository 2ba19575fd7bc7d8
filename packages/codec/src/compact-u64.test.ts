import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compactSize, readCompact, type TagWidth, tagOf, writeCompact } from './compact-u64.ts'
import { MalformedError } from './errors.ts'

const widths: readonly TagWidth[] = [2, 3, 4, 5, 6, 7, 8]
const anyU64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 300n }),
  fc.integer({ min: 0, max: 63 }).map(bits => 2n ** BigInt(bits)),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
)

/** https://willowprotocol.org/specs/encodings: the tag, then the bytes. */
test('the bounds of inline values and of every size, for every width', () => {
  const encode = (value: bigint, width: TagWidth) => {
    const bytes = new Uint8Array(8)
    const end = writeCompact(value, width, bytes, 0)
    return [tagOf(value, width), Buffer.from(bytes.subarray(0, end)).toString('hex')]
  }
  assert.deepEqual(encode(251n, 8), [251, ''])
  assert.deepEqual(encode(252n, 8), [0xfc, 'fc'])
  assert.deepEqual(encode(256n, 8), [0xfd, '0100'])
  assert.deepEqual(encode(65_536n, 8), [0xfe, '00010000'])
  assert.deepEqual(encode(2n ** 32n, 8), [0xff, '0000000100000000'])
  assert.deepEqual(encode(0n, 2), [0, '00'])
  assert.deepEqual(encode(3n, 3), [3, ''])
  assert.deepEqual(encode(4n, 3), [4, '04'])
  assert.deepEqual(encode(11n, 4), [11, ''])
  assert.deepEqual(encode(12n, 4), [12, '0c'])
  assert.deepEqual(encode(59n, 6), [59, ''])
  assert.deepEqual(encode(60n, 6), [60, '3c'])
})

test('every number comes back, and has one encoding', () => {
  fc.assert(
    fc.property(anyU64, fc.constantFrom(...widths), (value, width) => {
      const bytes = new Uint8Array(8)
      const end = writeCompact(value, width, bytes, 0)
      assert.equal(end, compactSize(value, width))
      assert.equal(readCompact(tagOf(value, width), width, bytes.subarray(0, end), 0), value)
      for (const [index, size] of [1, 2, 4, 8].entries()) {
        if (size <= end) continue
        const longer = new Uint8Array(size)
        for (let at = size - 1, rest = value; at >= 0; at--, rest >>= 8n) longer[at] = Number(rest & 0xffn)
        assert.throws(() => readCompact(2 ** width - 4 + index, width, longer, 0), MalformedError)
      }
    }),
  )
})

test('missing bytes are told with their offset, numbers out of range are refused', () => {
  assert.throws(
    () => readCompact(0xfd, 8, Uint8Array.of(9, 1), 1),
    (error: unknown) => error instanceof MalformedError && error.offset === 1,
  )
  assert.throws(() => tagOf(-1n, 8), RangeError)
  assert.throws(() => tagOf(2n ** 64n, 8), RangeError)
})
