import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode } from '@atcute/cbor'
import * as fc from 'fast-check'
import { encodeJson } from './encode-json.ts'

const cid = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'

test('any JSON has the bytes that @atcute/cbor gives it', () => {
  const { value } = fc.letrec<{ value: unknown }>(tie => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.string({ unit: 'grapheme' }),
      fc.string({ minLength: 20, maxLength: 300 }),
      fc.maxSafeInteger(),
      fc.integer({ min: -70_000, max: 70_000 }),
      fc.boolean(),
      fc.constant(null),
      fc.constant({ $link: cid }),
      fc
        .uint8Array({ maxLength: 300 })
        .map(bytes => ({ $bytes: Buffer.from(bytes).toString('base64').replace(/=+$/, '') })),
      fc.array(tie('value'), { maxLength: 30 }),
      fc.dictionary(
        fc.oneof(fc.string({ unit: 'grapheme', maxLength: 6 }), fc.stringMatching(/^[a-z]{1,30}$/)),
        tie('value'),
        {
          noNullPrototype: true,
        },
      ),
    ),
  }))
  const plain = value.filter(
    one => !/"(constructor|__proto__|\$link|\$bytes)":(?!")/.test(JSON.stringify(one)),
  )
  fc.assert(
    fc.property(plain, made => {
      const json: unknown = JSON.parse(JSON.stringify(made))
      let expected: Uint8Array
      try {
        expected = encode(json)
      } catch {
        return // what atcute does not take is refused before it comes here
      }
      assert.deepEqual(Buffer.from(encodeJson(json)), Buffer.from(expected))
    }),
    { numRuns: 2000 },
  )
})

test('a member may be called constructor', () => {
  assert.deepEqual(
    decode(encodeJson({ constructor: 'Ferrari' })),
    Object.assign({}, { constructor: 'Ferrari' }),
  )
})

test('a megabyte of text keeps its bytes, and the next record too', () => {
  for (const text of ['x'.repeat(1_000_000), 'é'.repeat(400_000), 'short']) {
    assert.deepEqual(decode(encodeJson({ text })), { text })
  }
})
