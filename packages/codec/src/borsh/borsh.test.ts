import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MalformedError } from '../errors.ts'
import { william3 } from '../william3.ts'
import { type Borsh, decodeBorsh, encodeBorsh, MismatchError, SchemaError } from './codec.ts'
import { array, bytes, map, set, vector } from './collections.ts'
import { enumeration, option, struct } from './composites.ts'
import { primitives } from './primitives.ts'
import { link, pathComponent } from './references.ts'
import { codecOf, decodeSchema, encodeSchema } from './schema.ts'
import type { BorshSchema } from './schema-type.ts'
import { anySchema, anyValue } from './test-schemas.ts'

const hex = (input: Uint8Array) => Buffer.from(input).toString('hex')
const unhex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const seed = Number(process.env['LEAF_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const runs = 10_000

test(`any value of any schema comes back as it was, and from its bytes as the same bytes (seed ${seed})`, () => {
  const pairs = anySchema.chain(schema => anyValue(schema).map(value => ({ schema, value })))
  fc.assert(
    fc.property(pairs, ({ schema, value }) => {
      const codec = codecOf(schema)
      const encoded = encodeBorsh(codec, value)
      const decoded = decodeBorsh(codec, encoded)
      assert.ok(encoded.length >= codec.bytesMin)
      assert.deepEqual(encodeBorsh(codec, decoded), encoded)
      assert.deepEqual(decodeSchema(encodeSchema(schema)), schema)
      assert.deepEqual(codec.schema, schema)
    }),
    { seed, numRuns: runs },
  )
})

test('a value without sets and maps is equal to what comes back', () => {
  const simple = anySchema.filter(schema => !/"(?:set|map)"/.test(JSON.stringify(schema)))
  fc.assert(
    fc.property(
      simple.chain(schema => anyValue(schema).map(value => ({ schema, value }))),
      ({ schema, value }) => {
        const codec = codecOf(schema)
        assert.deepEqual(decodeBorsh(codec, encodeBorsh(codec, value)), value)
      },
    ),
    { seed, numRuns: 2000 },
  )
})

test('every flipped bit is refused, or is another value with exactly those bytes', () => {
  const pairs = anySchema.chain(schema => anyValue(schema).map(value => ({ schema, value })))
  fc.assert(
    fc.property(pairs, ({ schema, value }) => {
      const codec = codecOf(schema)
      const encoded = encodeBorsh(codec, value)
      for (let bit = 0; bit < Math.min(encoded.length * 8, 800); bit++) {
        const flipped = encoded.slice()
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
        let other: unknown
        try {
          other = decodeBorsh(codec, flipped)
        } catch (error) {
          assert.ok(error instanceof MalformedError, String(error))
          assert.ok(error.offset <= flipped.length)
          continue
        }
        assert.deepEqual(encodeBorsh(codec, other), flipped)
      }
    }),
    { seed, numRuns: 1000 },
  )
})

test('bytes of anything decode to a value with exactly those bytes, or are refused with an offset', () => {
  fc.assert(
    fc.property(anySchema, fc.uint8Array({ maxLength: 64 }), (schema, input) => {
      const codec = codecOf(schema)
      try {
        assert.deepEqual(encodeBorsh(codec, decodeBorsh(codec, input)), input)
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error))
      }
    }),
    { seed, numRuns: 5000 },
  )
})

test('bytes of anything are a schema with exactly those bytes, or are refused', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 40 }), numbers => {
      const input = Uint8Array.from(numbers)
      try {
        assert.deepEqual(encodeSchema(decodeSchema(input)), input)
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error))
      }
    }),
    { seed, numRuns: 5000 },
  )
})

test('golden values of path components, links and schemas', () => {
  const path = (value: Parameters<typeof pathComponent.write>[1]) => hex(encodeBorsh(pathComponent, value))
  assert.equal(path({ variant: 'Null', value: null }), '00')
  assert.equal(path({ variant: 'Bool', value: true }), '0101')
  assert.equal(path({ variant: 'Uint', value: 1n }), '020100000000000000')
  assert.equal(path({ variant: 'Int', value: -1n }), '03ffffffffffffffff')
  assert.equal(path({ variant: 'String', value: 'hello' }), '040500000068656c6c6f')
  assert.equal(path({ variant: 'Bytes', value: unhex('01ff') }), '050200000001ff')
  const to = {
    namespace: { variant: 'Inline', value: new Uint8Array(32).fill(0x11) },
    subspace: { variant: 'Inline', value: new Uint8Array(32).fill(0x22) },
    path: [
      { variant: 'String', value: 'a' },
      { variant: 'Uint', value: 7n },
    ],
    snapshot: undefined,
  } as const
  assert.equal(
    hex(encodeBorsh(link, to)),
    `00${'11'.repeat(32)}00${'22'.repeat(32)}0200000004010000006102070000000000000000`,
  )
  const image: BorshSchema = {
    kind: 'struct',
    fields: [
      ['mime', { kind: 'string' }],
      ['data', { kind: 'blob' }],
    ],
  }
  assert.equal(hex(encodeSchema(image)), '1102000000040000006d696d650e040000006461746116')
  const snapshot = william3(unhex('00000000'))
  assert.equal(hex(snapshot), 'ae2972724bf2031b5e5cff78c2237865c3b55f73a799a82c906c99bd8775aeb0')
  const utf8 = Buffer.concat([
    encodeBorsh(primitives.string, 'UTF-8'),
    encodeSchema({ kind: 'string' }),
    snapshot,
  ])
  assert.equal(hex(william3(utf8)), '52b1f7ac3060aba850a652ba230a36201302b739d3387053ae451616eac2705b')
})

/** The specification's table, as hex. */
const golden: readonly (readonly [Borsh<unknown>, unknown, string])[] = [
  [primitives.u16, 0x1234, '3412'],
  [primitives.u128, 2n ** 64n + 1n, '01000000000000000100000000000000'],
  [primitives.i8, -2, 'fe'],
  [primitives.i16, -2, 'feff'],
  [primitives.i128, -1n, 'ff'.repeat(16)],
  [primitives.f32, 1.5, '0000c03f'],
  [primitives.f64, -0, '0000000000000080'],
  [primitives.string, '\ufeffé', '05000000efbbbfc3a9'],
  [option(primitives.u8), undefined, '00'],
  [option(primitives.u8), 7, '0107'],
  [option(option(primitives.u8)), { some: undefined }, '0100'],
  [option(primitives.null), null, '01'],
  [array(primitives.u16, 2), [1, 2], '01000200'],
  [vector(primitives.bool), [true, false], '020000000100'],
  [bytes, unhex('ff00'), '02000000ff00'],
  [struct({ b: primitives.u8, a: primitives.bool }), { a: true, b: 9 }, '0901'],
  [enumeration({ None: primitives.null, Some: primitives.u8 }), { variant: 'Some', value: 3 }, '0103'],
  [set(primitives.i8), [1, -1, 0], '03000000ff0001'],
  [set(primitives.string), ['ﬀ', '𝒳', 'a'], '030000000100000061' + '03000000efac80' + '04000000f09d92b3'],
  [
    map(primitives.u16, primitives.u8),
    new Map([
      [256, 1],
      [1, 2],
    ]),
    '02000000010002000101',
  ],
]

test('golden values of every kind, in the order that Rust has for keys', () => {
  for (const [codec, value, expected] of golden) {
    assert.equal(hex(encodeBorsh(codec, value)), expected)
    assert.deepEqual(encodeBorsh(codec, decodeBorsh(codec, unhex(expected))), unhex(expected))
  }
})

test('what is not canonical is refused where it stands', () => {
  const bad: readonly (readonly [Borsh<unknown>, string, number])[] = [
    [primitives.bool, '02', 0],
    [primitives.u8, '0102', 1],
    [primitives.u32, '010203', 0],
    [primitives.f32, '0000c07f', 0],
    [primitives.f64, '000000000000f8ff', 0],
    [primitives.string, '02000000ff41', 4],
    [primitives.string, '03000000eda080', 4],
    [option(primitives.u8), '0201', 0],
    [vector(primitives.u64), 'ffffffff00', 0],
    [set(primitives.u8), '020000000100', 5],
    [set(primitives.u8), '020000000101', 5],
    [map(primitives.u8, primitives.u8), '0200000002000100', 6],
    [enumeration({ Only: primitives.null }), '01', 0],
    [struct({ a: primitives.u8, b: primitives.bool }), '0107', 1],
  ]
  for (const [codec, input, offset] of bad) {
    assert.throws(
      () => decodeBorsh(codec, unhex(input)),
      (error: unknown) => error instanceof MalformedError && error.offset === offset,
      `${input} at ${offset}`,
    )
  }
})

test('a value that its schema does not describe is told with its place, and never shown', () => {
  const person = struct({ name: primitives.string, sizes: vector(struct({ w: primitives.u8 })) })
  assert.throws(
    () => encodeBorsh(person, { name: 'x', sizes: [{ w: 1 }, { w: 256 }] }),
    (error: unknown) =>
      error instanceof MismatchError &&
      error.message === '.sizes[1].w: expected a whole number from 0 to 255, got 256',
  )
  const refused: readonly (readonly [Borsh<unknown>, unknown])[] = [
    [primitives.string, '\ud800'],
    [primitives.f64, Number.NaN],
    [primitives.f32, 0.1],
    [primitives.u64, 1],
    [primitives.u8, 1.5],
    [primitives.bool, 1],
    [set(primitives.u8), [1, 1]],
    [struct({ a: primitives.u8 }), { a: 1, b: 2 }],
    [enumeration({ A: primitives.null }), { variant: 'B', value: null }],
    [option(option(primitives.u8)), 3],
    [array(primitives.u8, 2), [1]],
  ]
  for (const [codec, value] of refused) assert.throws(() => encodeBorsh(codec, value), MismatchError)
})

test('schemas that could not be read safely are refused when they are made, and when they are read', () => {
  const nested = (depth: number): BorshSchema =>
    depth === 1 ? { kind: 'u8' } : { kind: 'option', item: nested(depth - 1) }
  const impossible: readonly BorshSchema[] = [
    { kind: 'vector', item: { kind: 'null' } },
    { kind: 'set', item: { kind: 'struct', fields: [] } },
    { kind: 'set', item: { kind: 'f32' } },
    { kind: 'map', key: { kind: 'vector', item: { kind: 'f64' } }, value: { kind: 'u8' } },
    { kind: 'map', key: { kind: 'null' }, value: { kind: 'u8' } },
    { kind: 'enum', variants: [] },
    {
      kind: 'struct',
      fields: [
        ['a', { kind: 'u8' }],
        ['a', { kind: 'u8' }],
      ],
    },
    { kind: 'struct', fields: [['', { kind: 'u8' }]] },
    { kind: 'array', item: { kind: 'null' }, length: 0xffff_ffff },
    { kind: 'array', item: { kind: 'u64' }, length: 3_000_000 },
    nested(33),
  ]
  for (const schema of impossible) {
    assert.throws(() => codecOf(schema), SchemaError, JSON.stringify(schema).slice(0, 80))
    assert.throws(() => decodeSchema(encodeSchema(schema)), MalformedError)
  }
  assert.deepEqual(decodeSchema(encodeSchema(nested(32))), nested(32))
})
