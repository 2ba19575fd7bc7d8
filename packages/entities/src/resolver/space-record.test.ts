import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MalformedError } from '@leaf/codec/errors'
import { ed25519, namespace, personOf } from '../store/test-entries.ts'
import {
  readProofText,
  readSpaceRecord,
  signSpaceClaim,
  spaceProofMessage,
  toProofText,
  toSpaceRecord,
  verifySpaceClaim,
} from './space-record.ts'

const alice = await personOf('alice')
const did = 'did:plc:aliceaaaaaaaaaaaaaaaaaaa'
const claim = await signSpaceClaim(ed25519, alice, { did, namespace })

test('a claim holds for its DID, and for no other', async () => {
  assert.equal(await verifySpaceClaim(ed25519, did, claim), true)
  assert.equal(await verifySpaceClaim(ed25519, `${did}b`, claim), false)
  const mallory = await personOf('mallory')
  assert.equal(await verifySpaceClaim(ed25519, did, { ...claim, subspace: mallory.publicKey }), false)
  assert.equal(await verifySpaceClaim(ed25519, did, { ...claim, namespace: mallory.publicKey }), false)
})

test('what is signed is 32 bytes', () => {
  assert.equal(spaceProofMessage(did, claim).length, 32)
})

test('a claim goes through a record and through a word', () => {
  const record: unknown = JSON.parse(JSON.stringify(toSpaceRecord(claim)))
  assert.deepEqual(readSpaceRecord(record), claim)
  assert.deepEqual(readProofText(` ${toProofText(claim)}\n`), claim)
})

test('what is no claim is refused', () => {
  for (const record of [null, 7, {}, [], { ...toSpaceRecord(claim), proof: { $bytes: 'AAAA' } }])
    assert.throws(() => readSpaceRecord(record), MalformedError)
  const word = toProofText(claim)
  for (const text of [
    '',
    'leaf1.',
    word.slice(0, -1),
    `${word}AA`,
    word.replace('leaf1', 'leaf2'),
    `${word}!`,
  ])
    assert.throws(() => readProofText(text), MalformedError)
})
