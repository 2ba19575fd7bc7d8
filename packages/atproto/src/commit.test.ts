import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BytesWrapper, CidLinkWrapper, encode } from '@atcute/cbor'
import { parse } from '@atcute/tid'
import * as fc from 'fast-check'
import { commitBytesMax, decodeCommit, nextRev, signCommit, unsignedCommitBytes } from './commit.ts'
import { MalformedError } from './errors.ts'
import { recordCid, sha256 } from './test-support.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const rev = '3jqfcqzm3fo2j'
const data = recordCid('data')
const sig = new Uint8Array(64).fill(7)

/** The wire form through the general encoder. */
const wire = (changes: Record<string, unknown> = {}) =>
  encode({
    did,
    version: 3,
    data: new CidLinkWrapper(data),
    rev,
    prev: null,
    sig: new BytesWrapper(sig),
    ...changes,
  })

test('a signed commit is the canonical DAG-CBOR of its wire form, and its signature is over the form without sig', async () => {
  const signed: Uint8Array[] = []
  const sign = (bytes: Uint8Array) => {
    signed.push(bytes)
    return sig
  }
  const block = await signCommit({ did, data, rev }, { sign, sha256 })
  assert.deepEqual(block.bytes, wire())
  assert.deepEqual(signed, [wire({ sig: undefined })])
  assert.deepEqual(unsignedCommitBytes({ did, data, rev }), wire({ sig: undefined }))
  assert.deepEqual(decodeCommit(block.bytes), { did, version: 3, data, rev, prev: null, sig })
  assert.deepEqual(decodeCommit(wire({ prev: new CidLinkWrapper(data) })).prev, data)
  await assert.rejects(
    signCommit({ did, data, rev }, { sign: () => new Uint8Array(63), sha256 }),
    MalformedError,
  )
})

test('a commit in any other form is refused', () => {
  const bad: Record<string, unknown>[] = [
    { version: 2 },
    { version: '3' },
    { did: 'alice.test' },
    { did: 'did:plc:é' },
    { did: 7 },
    { rev: 'not-a-tid' },
    { rev: undefined },
    { data: null },
    { data: 'text' },
    { prev: undefined },
    { prev: 'text' },
    { sig: undefined },
    { sig: new BytesWrapper(new Uint8Array(63)) },
    { extra: 1 },
  ]
  for (const changes of bad)
    assert.throws(() => decodeCommit(wire(changes)), MalformedError, JSON.stringify(changes))
  assert.throws(() => decodeCommit(Buffer.concat([wire(), Buffer.of(0)])), MalformedError)
  assert.throws(() => decodeCommit(new Uint8Array(commitBytesMax + 1)), MalformedError)
  for (let length = 0; length < wire().length; length += 1) {
    assert.throws(() => decodeCommit(wire().subarray(0, length)), MalformedError)
  }
})

test('whatever bytes come, a commit is read or refused', () => {
  const bytes = wire()
  const mutated = fc
    .array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    .map(changes => {
      const copy = Uint8Array.from(bytes)
      for (const [at, byte] of changes) copy[at] = byte
      return copy
    })
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), input => {
      try {
        assert.equal(decodeCommit(input).version, 3)
      } catch (error) {
        assert(error instanceof MalformedError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
})

test('a rev is now’s, and greater than the one before also when the clock is behind', () => {
  const nowMs = 1_767_225_600_123
  const first = nextRev(undefined, nowMs, 5)
  assert.deepEqual(parse(first), { timestamp: nowMs * 1000, clockid: 5 })
  const second = nextRev(first, nowMs, 5)
  assert.deepEqual(parse(second), { timestamp: nowMs * 1000 + 1, clockid: 5 })
  const behind = nextRev(second, nowMs - 60_000, 0)
  assert.deepEqual(parse(behind), { timestamp: nowMs * 1000 + 2, clockid: 0 })
  assert(first < second && second < behind)
  assert.equal(parse(nextRev(behind, nowMs + 1, 0)).timestamp, (nowMs + 1) * 1000)
  assert.throws(() => nextRev('nonsense', nowMs, 0), MalformedError)
})
