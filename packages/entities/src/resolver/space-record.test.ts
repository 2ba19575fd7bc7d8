import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MalformedError } from '@leaf/codec/errors'
import { ed25519, namespace, personOf } from '../store/test-entries.ts'
import {
  isSpaceProven,
  readProofWord,
  readSpaceRecord,
  signSpaceRecord,
  spaceProofMessage,
  toProofWord,
  writeSpaceRecord,
} from './space-record.ts'

const alice = await personOf('alice')
const did = 'did:plc:aliceaaaaaaaaaaaaaaaaaaa'
const encryptionKey = new Uint8Array(32).fill(7)
const record = await signSpaceRecord(ed25519, alice, { did, namespace, encryptionKey })

test('a proof holds for its DID, keys and namespace, and for no other', async () => {
  const { publicKey: other } = await personOf('mallory')
  assert.equal(await isSpaceProven(ed25519, record), true)
  for (const change of [
    { did: `${did}b` },
    { subspace: other },
    { namespace: other },
    { encryptionKey: other },
    { encryptionKey: undefined },
  ])
    assert.equal(await isSpaceProven(ed25519, { ...record, ...change }), false, Object.keys(change)[0])
})

test('what is signed is 32 bytes', () => {
  assert.equal(spaceProofMessage(record).length, 32)
})

test('a record goes through JSON, and through a word that is pasted', async () => {
  const value: unknown = JSON.parse(JSON.stringify(writeSpaceRecord({ ...record, servers: ['leaf.test'] })))
  assert.deepEqual(await readSpaceRecord(ed25519, did, value), { ...record, servers: ['leaf.test'] })
  assert.equal(await readSpaceRecord(ed25519, `${did}b`, value), undefined)
  assert.deepEqual(readProofWord(did, ` ${toProofWord(record)}\n`), record)
})

test('what is no record is none', async () => {
  const { proof: _, ...without } = writeSpaceRecord(record)
  for (const value of [null, 7, 'x', {}, [], without, { ...without, proof: 'ab' }])
    assert.equal(await readSpaceRecord(ed25519, did, value), undefined)
})

test('what is no word is refused', () => {
  const word = toProofWord(record)
  for (const text of [
    '',
    'leaf1.',
    word.slice(0, -1),
    `${word}A`,
    word.replace('leaf1', 'leaf2'),
    `${word}!`,
  ])
    assert.throws(() => readProofWord(did, text), MalformedError, text)
})
