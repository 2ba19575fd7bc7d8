import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBorsh } from '@leaf/codec/borsh/codec'
import { primitives } from '@leaf/codec/borsh/primitives'
import { MalformedError } from '@leaf/codec/errors'
import { encodePath } from '../willow/path.ts'
import { contentWillowPath, entityWillowPath, pathText, roleOf, toEntityPath } from './entity-path.ts'
import {
  decodeComponent,
  decodeSchemaObject,
  decodeSnapshot,
  decodeSpecified,
  emptySnapshot,
  emptySnapshotId,
  encodeComponent,
  encodeSchemaObject,
  encodeSnapshot,
  encodeSpecified,
  idOf,
  utf8Schema,
  utf8SchemaId,
} from './objects.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const unhex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

const hi = { schema: utf8SchemaId, data: encodeBorsh(primitives.string, 'hi') }
const hiBytes = encodeComponent({ variant: 'Unencrypted', value: hi })

test('golden: the empty snapshot and the UTF-8 schema', () => {
  assert.equal(hex(emptySnapshot), '00000000')
  assert.equal(hex(emptySnapshotId), 'ae2972724bf2031b5e5cff78c2237865c3b55f73a799a82c906c99bd8775aeb0')
  assert.equal(hex(encodeSchemaObject(utf8Schema)), `050000005554462d380e${hex(emptySnapshotId)}`)
  assert.equal(hex(utf8SchemaId), '52b1f7ac3060aba850a652ba230a36201302b739d3387053ae451616eac2705b')
})

test('golden: a UTF-8 component and the snapshot that holds it', () => {
  assert.equal(hex(hiBytes), `00${hex(utf8SchemaId)}06000000020000006869`)
  assert.equal(hex(idOf(hiBytes)), 'dfdcd9c3e8396eced5d63cb443e276c20b5e032df514746dccfb9e0f5dce1cb2')
  const snapshot = encodeSnapshot([idOf(hiBytes)])
  assert.equal(hex(snapshot), `01000000${hex(idOf(hiBytes))}`)
  assert.equal(hex(idOf(snapshot)), 'c4d9281205e83cd32bd5c5cd7eb6ae266c9bc524ae72ae4444578abf088c2e1f')
})

test('golden: the Name schema that this snapshot documents, and an unspecified struct', () => {
  const specification = idOf(encodeSnapshot([idOf(hiBytes)]))
  const name = encodeSchemaObject({ name: 'Name', format: { kind: 'string' }, specification })
  assert.equal(
    hex(name),
    '040000004e616d650ec4d9281205e83cd32bd5c5cd7eb6ae266c9bc524ae72ae4444578abf088c2e1f',
  )
  assert.equal(hex(idOf(name)), 'a3f6156eca04494930d0550474ffc2d01c3a0bc127935e48183990f460762c45')
  const image = encodeSchemaObject({
    name: 'Img',
    format: {
      kind: 'struct',
      fields: [
        ['mime', { kind: 'string' }],
        ['data', { kind: 'blob' }],
      ],
    },
    specification: emptySnapshotId,
  })
  assert.equal(hex(idOf(image)), '4c94b1ae4eee7746eec123c10e927c9c41959551a3d6deaa5fd853fa82fe62d8')
})

test('golden: entity paths, the default entity, and where content stands', () => {
  assert.equal(
    hex(encodePath(entityWillowPath(toEntityPath(['Hello', 'World', 1])))),
    'c41d0a040500000048656c6c6f0a0405000000576f726c6409020100000000000000',
  )
  assert.equal(hex(encodePath(entityWillowPath([]))), '01')
  const id = idOf(hiBytes)
  const content = contentWillowPath(toEntityPath(['a']), id)
  assert.deepEqual(content.map(hex), ['040100000061', 'fe', hex(id)])
})

test('an entry’s path says what it is', () => {
  const path = toEntityPath(['posts', 3, -1, true, null, unhex('00ff')])
  const id = idOf(hiBytes)
  assert.deepEqual(roleOf(entityWillowPath(path)), { kind: 'entity', path })
  assert.deepEqual(roleOf(contentWillowPath(path, id)), { kind: 'content', path, id })
  const nothing = new Uint8Array()
  for (const odd of [[], [unhex('00')], [unhex('0502'), nothing], [unhex('fe'), unhex('00')]])
    assert.deepEqual(roleOf(odd), { kind: 'other' })
  assert.deepEqual(roleOf([unhex('fe'), id]), { kind: 'content', path: [], id })
  assert.equal(pathText(path), '"posts"/3/-1/true/null/0x00ff')
})

test('numbers in paths are Uint, or Int below zero, and never out of range', () => {
  assert.deepEqual(toEntityPath([0, -5n]), [
    { variant: 'Uint', value: 0n },
    { variant: 'Int', value: -5n },
  ])
  assert.throws(() => toEntityPath([1.5]), /expected a whole number/)
  assert.throws(() => toEntityPath([2n ** 64n]), /expected a number of 64 bits/)
  assert.throws(() => toEntityPath(['\ud800']), /well-formed/)
  assert.throws(() => entityWillowPath(toEntityPath(['x'.repeat(5000)])), /at most 4096 bytes/)
})

test('snapshots come in any order and leave in one; others are refused where they go wrong', () => {
  const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  assert.deepEqual(encodeSnapshot([b, a, b]), encodeSnapshot([a, b]))
  assert.deepEqual(decodeSnapshot(encodeSnapshot([a, b])), [a, b])
  const bad: readonly (readonly [string, number])[] = [
    [`02000000${hex(b)}${hex(a)}`, 36],
    [`02000000${hex(a)}${hex(a)}`, 36],
    [`01000000${hex(a)}00`, 36],
    ['01000000', 0],
    ['0000', 0],
  ]
  for (const [input, offset] of bad) {
    assert.throws(
      () => decodeSnapshot(unhex(input)),
      (error: unknown) => error instanceof MalformedError && error.offset === offset,
    )
  }
})

test('every object comes back from its bytes', () => {
  const sealed = {
    variant: 'Encrypted',
    value: { algorithm: emptySnapshotId, key_id: utf8SchemaId, encrypted_data: unhex('0102') },
  } as const
  assert.deepEqual(decodeComponent(encodeComponent(sealed)), sealed)
  assert.deepEqual(decodeComponent(hiBytes), { variant: 'Unencrypted', value: hi })
  assert.deepEqual(decodeSchemaObject(encodeSchemaObject(utf8Schema)), utf8Schema)
  const resolver = { name: 'did:key', specification: emptySnapshotId }
  assert.deepEqual(decodeSpecified(encodeSpecified(resolver)), resolver)
})
