import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PathComponent } from '@leaf/codec/borsh/references'
import fc from 'fast-check'
import { Refusal } from '../kernel/errors.ts'
import { pathToText, readPathText } from './path-text.ts'

const component: fc.Arbitrary<PathComponent> = fc.oneof(
  fc.constant({ variant: 'Null' as const, value: null }),
  fc.boolean().map(value => ({ variant: 'Bool' as const, value })),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(value => ({ variant: 'Uint' as const, value })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(value => ({ variant: 'Int' as const, value })),
  fc.oneof(fc.string(), fc.constantFrom('', '.', '..', '~', '~u7', 'a/b', 'é')).map(value => ({
    variant: 'String' as const,
    value,
  })),
  fc.uint8Array({ maxLength: 20 }).map(value => ({ variant: 'Bytes' as const, value })),
)

test('every path goes through an address, as browsers write it', () => {
  fc.assert(
    fc.property(fc.array(component, { maxLength: 6 }), path => {
      const address = new URL(`http://leaf.test/entities/v1/${pathToText(path)}`).pathname
      assert.deepEqual(readPathText(address.slice('/entities/v1/'.length)), path)
    }),
  )
})

test('what is no path is refused', () => {
  for (const text of [
    'a//b',
    '~',
    '~x',
    '~u',
    '~u-1',
    '~u01',
    '~u18446744073709551616',
    '~bA',
    '~nn',
    '%',
    '%ff',
  ])
    assert.throws(() => readPathText(text), Refusal, text)
})
