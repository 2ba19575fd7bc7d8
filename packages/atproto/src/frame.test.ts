import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeFirst, encode } from '@atcute/cbor'
import * as referenceCbor from '@atproto/lex-cbor'
import * as fc from 'fast-check'
import { cidToString } from './cid.ts'
import { MalformedError } from './errors.ts'
import { decodeFrame, frameBytesMax } from './frame-decode.ts'
import {
  type CommitEvent,
  encodeAccountFrame,
  encodeCommitFrame,
  encodeErrorFrame,
  encodeIdentityFrame,
  encodeInfoFrame,
  encodeSyncFrame,
} from './frame.ts'
import { recordCid, referenceCid } from './test-support.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const time = '2026-01-01T00:00:00.000Z'
const commit: CommitEvent = {
  repo: did,
  commit: recordCid('commit'),
  rev: '3jqfcqzm3fo2j',
  since: '3jqfcqzm3fn2j',
  blocks: new Uint8Array(3000).fill(5),
  ops: [
    { action: 'create', path: 'a.b/1', cid: recordCid(1), prev: null },
    { action: 'update', path: 'a.b/2', cid: recordCid(2), prev: recordCid(3) },
    { action: 'delete', path: 'a.b/3', cid: null, prev: recordCid(4) },
  ],
  prevData: recordCid('data'),
  time,
}

const items = (frame: Uint8Array): unknown[] => {
  const [header, rest] = decodeFirst(frame)
  const [body, end] = decodeFirst(rest)
  assert.equal(end.length, 0)
  return [header, JSON.parse(JSON.stringify(body))]
}
const link = (seed: string | number) => ({ $link: cidToString(recordCid(seed)) })

test('a #commit frame is byte for byte what the reference’s encoder gives for its schema', () => {
  const opArbitrary = fc.record({
    action: fc.constantFrom('create' as const, 'update' as const, 'delete' as const),
    path: fc.stringMatching(/^[a-z.]{1,30}\/[a-z0-9]{1,300}$/),
    cid: fc.option(fc.nat(9).map(recordCid)),
    prev: fc.option(fc.nat(9).map(recordCid)),
  })
  const eventArbitrary = fc.record({
    since: fc.constantFrom(null, commit.since),
    blocks: fc.nat(70_000).map(length => new Uint8Array(length).fill(5)),
    ops: fc.array(opArbitrary, { maxLength: 30 }),
    prevData: fc.option(fc.constant(recordCid('data'))),
  })
  const seqArbitrary = fc.oneof(fc.nat(70_000), fc.maxSafeInteger().map(Math.abs))
  fc.assert(
    fc.property(eventArbitrary, seqArbitrary, (changes, seq) => {
      const event = { ...commit, ...changes }
      const body = {
        seq,
        rebase: false,
        tooBig: false,
        repo: did,
        commit: referenceCid(commit.commit),
        rev: commit.rev,
        since: event.since,
        blocks: event.blocks,
        ops: event.ops.map(({ action, path, cid, prev }) => ({
          action,
          path,
          cid: cid === null ? null : referenceCid(cid),
          ...(prev === null ? {} : { prev: referenceCid(prev) }),
        })),
        blobs: [],
        ...(event.prevData === null ? {} : { prevData: referenceCid(event.prevData) }),
        time,
      }
      const header = referenceCbor.encode({ op: 1, t: '#commit' })
      const expected = Buffer.concat([header, referenceCbor.encode(body as never)])
      assert.deepEqual(Buffer.from(encodeCommitFrame(seq, event)), expected)
    }),
  )
  assert.throws(() => encodeCommitFrame(1, { ...commit, repo: 'did:web:é' }), MalformedError)
})

test('the first commit of a repository has since null and no prevData', () => {
  const frame = encodeCommitFrame(1, {
    ...commit,
    since: null,
    prevData: null,
    ops: [],
    blocks: new Uint8Array([1]),
  })
  assert.deepEqual(items(frame), [
    { op: 1, t: '#commit' },
    {
      seq: 1,
      rebase: false,
      tooBig: false,
      repo: did,
      commit: link('commit'),
      rev: commit.rev,
      since: null,
      blocks: { $bytes: 'AQ' },
      ops: [],
      blobs: [],
      time,
    },
  ])
})

test('the other frames have their fields and no more', () => {
  const blocks = new Uint8Array([1])
  const rev = commit.rev
  assert.deepEqual(items(encodeSyncFrame(7, { did, rev, blocks, time })), [
    { op: 1, t: '#sync' },
    { seq: 7, did, rev, blocks: { $bytes: 'AQ' }, time },
  ])
  assert.deepEqual(items(encodeIdentityFrame(8, { did, time })), [
    { op: 1, t: '#identity' },
    { seq: 8, did, time },
  ])
  assert.deepEqual(items(encodeAccountFrame(9, { did, active: false, status: 'deactivated', time })), [
    { op: 1, t: '#account' },
    { seq: 9, did, active: false, status: 'deactivated', time },
  ])
  assert.deepEqual(items(encodeInfoFrame('OutdatedCursor')), [
    { op: 1, t: '#info' },
    { name: 'OutdatedCursor' },
  ])
  assert.deepEqual(items(encodeErrorFrame('FutureCursor', 'cursor is ahead')), [
    { op: -1 },
    { error: 'FutureCursor', message: 'cursor is ahead' },
  ])
})

test('what was encoded is decoded', () => {
  const rev = commit.rev
  const sync = { did, rev, blocks: new Uint8Array([1, 2]), time }
  const identity = { did, handle: 'alice.test', time }
  const account = { did, active: true, time }
  assert.deepEqual(decodeFrame(encodeCommitFrame(5, commit)), { type: '#commit', seq: 5, event: commit })
  assert.deepEqual(decodeFrame(encodeSyncFrame(6, sync)), { type: '#sync', seq: 6, event: sync })
  assert.deepEqual(decodeFrame(encodeIdentityFrame(7, identity)), {
    type: '#identity',
    seq: 7,
    event: identity,
  })
  assert.deepEqual(decodeFrame(encodeAccountFrame(8, account)), { type: '#account', seq: 8, event: account })
  assert.deepEqual(decodeFrame(encodeInfoFrame('a', 'b')), { type: '#info', name: 'a', message: 'b' })
  assert.deepEqual(decodeFrame(encodeErrorFrame('x')), { type: 'error', error: 'x' })
  const later = Buffer.concat([encode({ op: 1, t: '#later' }), encode({ any: 'thing' })])
  assert.deepEqual(decodeFrame(later), { type: 'unknown', t: '#later' })
})

test('whatever bytes come, a frame is read or refused', () => {
  const frames = [
    encodeCommitFrame(5, { ...commit, blocks: new Uint8Array(20) }),
    encodeSyncFrame(6, { did, rev: commit.rev, blocks: new Uint8Array(3), time }),
    encodeAccountFrame(8, { did, active: true, time }),
    encodeErrorFrame('x'),
  ]
  const mutated = fc
    .tuple(
      fc.constantFrom(...frames),
      fc.array(fc.tuple(fc.nat(500), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(600),
    )
    .map(([frame, changes, end]) => {
      const bytes = Uint8Array.from(frame)
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      return bytes.subarray(0, end)
    })
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), bytes => {
      try {
        assert(decodeFrame(bytes).type.length > 0)
      } catch (error) {
        assert(error instanceof MalformedError, String(error))
        assert(error.offset >= 0 && error.offset <= bytes.length)
      }
    }),
    { numRuns: 3000 },
  )
  assert.throws(() => decodeFrame(new Uint8Array(frameBytesMax + 1)), MalformedError)
  // Arrays within arrays, as deep as they get, must end neither in a full stack nor in a long wait.
  const deep = Buffer.concat([
    encode({ op: 1, t: '#info' }),
    Buffer.alloc(frameBytesMax - 100, 0x81),
    Buffer.of(0),
  ])
  assert.throws(() => decodeFrame(deep), MalformedError)
})
