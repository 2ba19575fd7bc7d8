import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as library from '@did-plc/lib'
import { isRegularOperation, isTombstone, regularOperation } from './plc-operation.ts'
import { newPerson } from './test-person.ts'

const legacy = {
  type: 'create',
  signingKey: 'did:key:zQ3shP5TBe1sQfSttXty15FAEHV1DZgcxRZNxvEWnPfLFwLxJ',
  recoveryKey: 'did:key:zQ3shhCGUqDKjStzuDxPkTxN6ujddP4RkEKJJouJGRRkaLGbg',
  handle: 'alice.example.com',
  service: 'example.com',
  prev: null,
  sig: 'x',
}

test('an operation of the first form is read as today’s, as the directory’s library does', () => {
  assert.deepEqual(regularOperation(legacy), library.normalizeOp(legacy as never))
  const whole = { ...legacy, service: 'https://example.com', handle: 'at://alice.example.com' }
  assert.deepEqual(regularOperation(whole), library.normalizeOp(whole as never))
})

test('what has not every field of an operation is none', () => {
  const { genesis } = newPerson('alice.test')
  assert.equal(isRegularOperation(genesis), true)
  for (const name of Object.keys(genesis)) {
    const { [name]: _left, ...rest } = genesis as Record<string, unknown>
    assert.equal(isRegularOperation(rest), false, name)
    assert.equal(isRegularOperation({ ...genesis, [name]: 1 }), false, name)
    assert.equal(library.def.operation.safeParse(rest).success, false, name)
  }
  for (const other of [null, undefined, 'x', [], { ...legacy, prev: 'x' }, { ...legacy, handle: 1 }]) {
    assert.equal(regularOperation(other), undefined)
  }
  assert.equal(isTombstone({ type: 'plc_tombstone', prev: 'x', sig: 'y' }), true)
  assert.equal(isTombstone(genesis), false)
})
