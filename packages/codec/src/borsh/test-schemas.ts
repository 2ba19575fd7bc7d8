import fc from 'fast-check'
import type { BorshSchema } from './schema-type.ts'

const name = fc.string({ minLength: 1, maxLength: 4, unit: 'grapheme' }).filter(text => text.isWellFormed())

const leaves: fc.Arbitrary<BorshSchema> = fc
  .constantFrom(
    'null',
    'bool',
    'u8',
    'u16',
    'u32',
    'u64',
    'u128',
    'i8',
    'i16',
    'i32',
    'i64',
    'i128',
    'f32',
    'f64',
    'string',
    'blob',
    'snapshot',
    'link',
  )
  .map(kind => ({ kind }) as BorshSchema)

const isEmpty = (schema: BorshSchema): boolean =>
  schema.kind === 'null' ||
  (schema.kind === 'struct' && schema.fields.every(([, field]) => isEmpty(field))) ||
  (schema.kind === 'array' && (schema.length === 0 || isEmpty(schema.item)))

const partsOf = (schema: BorshSchema): readonly BorshSchema[] => {
  if ('item' in schema) return [schema.item]
  if ('key' in schema) return [schema.key, schema.value]
  if ('fields' in schema) return schema.fields.map(([, part]) => part)
  return 'variants' in schema ? schema.variants.map(([, part]) => part) : []
}

const hasOrder = (schema: BorshSchema): boolean =>
  schema.kind !== 'f32' && schema.kind !== 'f64' && partsOf(schema).every(hasOrder)

/** Any schema that keeps the rules. */
export const anySchema: fc.Arbitrary<BorshSchema> = fc.letrec<{ schema: BorshSchema }>(tie => {
  const named = (minLength: number) =>
    fc.uniqueArray(fc.tuple(name, tie('schema')), { minLength, maxLength: 4, selector: ([key]) => key })
  const item = tie('schema').filter(schema => !isEmpty(schema))
  const ordered = item.filter(hasOrder)
  return {
    schema: fc.oneof(
      { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
      leaves,
      tie('schema').map(part => ({ kind: 'option', item: part }) as BorshSchema),
      item.map(part => ({ kind: 'vector', item: part }) as BorshSchema),
      fc
        .tuple(tie('schema'), fc.integer({ min: 0, max: 3 }))
        .map(([part, length]) => ({ kind: 'array', item: part, length }) as BorshSchema),
      named(0).map(fields => ({ kind: 'struct', fields }) as BorshSchema),
      named(1).map(variants => ({ kind: 'enum', variants }) as BorshSchema),
      fc.tuple(ordered, tie('schema')).map(([key, value]) => ({ kind: 'map', key, value }) as BorshSchema),
      ordered.map(part => ({ kind: 'set', item: part }) as BorshSchema),
    ),
  }
}).schema

const bigInt = (bits: number, signed: boolean) =>
  signed
    ? fc.bigInt({ min: -(2n ** BigInt(bits - 1)), max: 2n ** BigInt(bits - 1) - 1n })
    : fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n })
const integer = (bits: number, signed: boolean) =>
  signed
    ? fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
    : fc.integer({ min: 0, max: 2 ** bits - 1 })
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const text = fc.string({ unit: 'binary', maxLength: 6 }).filter(one => one.isWellFormed())

const pathComponent = fc.oneof(
  fc.constant({ variant: 'Null', value: null }),
  fc.boolean().map(value => ({ variant: 'Bool', value })),
  bigInt(64, false).map(value => ({ variant: 'Uint', value })),
  bigInt(64, true).map(value => ({ variant: 'Int', value })),
  text.map(value => ({ variant: 'String', value })),
  fc.uint8Array({ maxLength: 4 }).map(value => ({ variant: 'Bytes', value })),
)
const key = fc.oneof(
  bytes(32).map(value => ({ variant: 'Inline', value })),
  fc
    .tuple(bytes(32), fc.uint8Array({ maxLength: 4 }))
    .map(([id, data]) => ({ variant: 'Custom', value: { id, data } })),
)

const plain: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  null: fc.constant(null),
  bool: fc.boolean(),
  u8: integer(8, false),
  u16: integer(16, false),
  u32: integer(32, false),
  u64: bigInt(64, false),
  u128: bigInt(128, false),
  i8: integer(8, true),
  i16: integer(16, true),
  i32: integer(32, true),
  i64: bigInt(64, true),
  i128: bigInt(128, true),
  f32: fc.float({ noNaN: true }),
  f64: fc.double({ noNaN: true }),
  string: text,
  blob: bytes(32),
  snapshot: bytes(32),
  link: fc.record(
    {
      namespace: key,
      subspace: key,
      path: fc.array(pathComponent, { maxLength: 3 }),
      snapshot: fc.option(bytes(32), { nil: undefined }),
    },
    { noNullPrototype: true },
  ),
}

/** Any value of a schema. */
export function anyValue(schema: BorshSchema): fc.Arbitrary<unknown> {
  const identity = (value: unknown): string =>
    JSON.stringify(value, (_, part) =>
      typeof part === 'bigint'
        ? `${part}n`
        : part instanceof Map
          ? [...part]
          : part === undefined
            ? '·'
            : part,
    )
  switch (schema.kind) {
    case 'option': {
      const wrap = (value: unknown) => (schema.item.kind === 'option' ? { some: value } : value)
      return fc.oneof(fc.constant(undefined), anyValue(schema.item).map(wrap))
    }
    case 'vector':
      return schema.item.kind === 'u8'
        ? fc.uint8Array({ maxLength: 5 })
        : fc.array(anyValue(schema.item), { maxLength: 3 })
    case 'array':
      return schema.item.kind === 'u8'
        ? bytes(schema.length)
        : fc.array(anyValue(schema.item), { minLength: schema.length, maxLength: schema.length })
    case 'set':
      return fc.array(anyValue(schema.item), { maxLength: 3 }).map(items => unique(items, identity))
    case 'map':
      return fc
        .array(fc.tuple(anyValue(schema.key), anyValue(schema.value)), { maxLength: 3 })
        .map(entries => new Map(unique(entries, ([one]) => identity(one))))
    case 'struct':
      return fc
        .tuple(...schema.fields.map(([, part]) => anyValue(part)))
        .map(values => Object.fromEntries(schema.fields.map(([field], index) => [field, values[index]])))
    case 'enum':
      return fc.oneof(
        ...schema.variants.map(([variant, part]) => anyValue(part).map(value => ({ variant, value }))),
      )
    default:
      return plain[schema.kind] ?? fc.constant(null)
  }
}

/** Sets within keys may stand in any order and be equal: such are taken for equal by their sorted parts. */
function unique<T>(items: readonly T[], identity: (item: T) => string): T[] {
  const seen = new Map(items.map(item => [[...identity(item)].toSorted().join(''), item]))
  return [...seen.values()]
}
