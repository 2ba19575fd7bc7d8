import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from '@atcute/cbor'
import { verifySignature } from '@atproto/crypto'
import {
  BlockMap,
  MemoryBlockstore,
  Repo,
  verifyDiffCar,
  verifyProofs,
  verifyRecords,
  verifyRepoCar,
  WriteOpAction,
} from '@atproto/repo'
import * as fc from 'fast-check'
import { parseCar } from './car-read.ts'
import { cidToString } from './cid.ts'
import { decodeCommit, verifyCommit } from './commit.ts'
import { RepoError } from './errors.ts'
import { invertOps } from './proof.ts'
import { commitBlocksBytesMax, type RepoWrite } from './repo.ts'
import { createTestRepo, did, keypair, record } from './test-repo.ts'
import { referenceCid, sha256 } from './test-support.ts'

const pathArbitrary = fc.oneof(
  fc
    .integer({ min: 0, max: 40 })
    .map(number => `com.example.record/3k${number.toString(36).padStart(3, '2')}`),
  fc.constantFrom(
    'high.key/130',
    'high.key/4890',
    'high.key/877',
    'C2/014073',
    'E2/819540',
    'A2/827942',
    'G2/611528',
    'B2/827649',
  ),
)
const commitsArbitrary = fc.array(
  fc.array(fc.record({ path: pathArbitrary, value: fc.nat(5), remove: fc.boolean() }), {
    minLength: 1,
    maxLength: 8,
  }),
  { minLength: 1, maxLength: 12 },
)

function writesOf(
  steps: readonly { path: string; value: number; remove: boolean }[],
  there: Set<string>,
): RepoWrite[] {
  const writes: RepoWrite[] = []
  for (const { path, value, remove } of steps) {
    if (remove && !there.has(path)) continue
    if (remove) writes.push({ action: 'delete', path })
    else writes.push({ action: there.has(path) ? 'update' : 'create', path, record: record(value) })
    if (remove) there.delete(path)
    else there.add(path)
  }
  return writes
}

test('each commit can be undone from its own blocks alone, and the reference accepts blocks and operations', async () => {
  await fc.assert(
    fc.asyncProperty(commitsArbitrary, async commits => {
      const repo = createTestRepo()
      await repo.write([])
      const there = new Set<string>()
      let rev = ''
      for (const steps of commits) {
        const before = repo.head
        const commit = await repo.write(writesOf(steps, there))
        assert(commit.rev > rev, 'the rev rises')
        rev = commit.rev
        assert.equal(commit.since, before?.rev)
        assert.deepEqual(commit.prevData, before?.data)
        const car = parseCar(commit.slice, { sha256 })
        assert.deepEqual(car.roots, [commit.commit.cid])
        assert.equal(new Set(commit.ops.map(op => op.path)).size, commit.ops.length, 'one operation a path')
        const inverted = await invertOps({ root: commit.data, blocks: car.blocks, ops: commit.ops, sha256 })
        assert.equal(cidToString(inverted), cidToString(before!.data))
        const claims = commit.ops.map(op => {
          const [collection, rkey] = op.path.split('/')
          return { collection: collection!, rkey: rkey!, cid: op.cid === null ? null : referenceCid(op.cid) }
        })
        const proofs = await verifyProofs(commit.slice, claims as never, did, keypair.did())
        assert.equal(proofs.unverified.length, 0)
      }
      const verified = await verifyRepoCar(await repo.car(), did, keypair.did())
      assert.equal(verified.creates.length, there.size)
      const used = [...repo.refs.values()].filter(count => count > 0).length
      assert.equal(new Set(verified.creates.map(create => String(create.cid))).size, used)
    }),
    { numRuns: 40 },
  )
})

test('a repository of the reference and ours go through the same history with the same roots', async () => {
  const repo = createTestRepo()
  await repo.write([])
  const storage = new MemoryBlockstore(new BlockMap())
  let reference = await Repo.create(storage, did, keypair)
  for (let round = 0; round < 30; round += 1) {
    const writes: RepoWrite[] = []
    for (let index = 0; index < 5; index += 1) {
      writes.push({
        action: 'create',
        path: `com.example.record/${round}-${index}`,
        record: record(round * index),
      })
    }
    if (round > 1) writes.push({ action: 'delete', path: `com.example.record/${round - 2}-0` })
    if (round > 1)
      writes.push({ action: 'update', path: `com.example.record/${round - 2}-1`, record: record('new') })
    const commit = await repo.write(writes)
    reference = await reference.applyWrites(writes.map(referenceWrite), keypair)
    assert.equal(cidToString(commit.data), String(reference.commit.data))
    const verified = await verifyRecords(commit.slice, did, keypair.did())
    assert(verified.length >= 5)
  }
  const before = reference
  const commit = await repo.write([
    { action: 'create', path: 'com.example.record/last', record: record('last') },
  ])
  const diff = await verifyDiffCar(before, commit.slice, did, keypair.did())
  assert.deepEqual(
    diff.writes.map(write => write.rkey),
    ['last'],
  )
})

function referenceWrite(write: RepoWrite): any {
  const [collection, rkey] = write.path.split('/')
  const action = { create: WriteOpAction.Create, update: WriteOpAction.Update, delete: WriteOpAction.Delete }[
    write.action
  ]
  if (write.action === 'delete') return { action, collection, rkey }
  return { action, collection, rkey, record: decode(write.record.bytes) }
}

test('several writes of one path become one operation with their net effect', async () => {
  const repo = createTestRepo()
  await repo.write([{ action: 'create', path: 'a.b/kept', record: record(0) }])
  const commit = await repo.write([
    { action: 'create', path: 'a.b/new', record: record(1) },
    { action: 'update', path: 'a.b/new', record: record(2) },
    { action: 'update', path: 'a.b/kept', record: record(1) },
    { action: 'delete', path: 'a.b/kept' },
    { action: 'create', path: 'a.b/passing', record: record(4) },
    { action: 'delete', path: 'a.b/passing' },
  ])
  assert.deepEqual(commit.ops, [
    { action: 'create', path: 'a.b/new', cid: record(2).cid, prev: null },
    { action: 'delete', path: 'a.b/kept', cid: null, prev: record(0).cid },
  ])
  assert.deepEqual(commit.newRecords, [record(2)])
  assert.deepEqual(commit.removedRecords, [record(0).cid])
})

test('a commit without writes signs the same tree anew; the first one brings the empty node', async () => {
  const repo = createTestRepo()
  const first = await repo.write([])
  assert.equal(first.since, null)
  assert.equal(first.prevData, null)
  assert.deepEqual(
    parseCar(first.slice, { sha256 }).blocks.map(block => cidToString(block.cid)),
    [cidToString(first.commit.cid), cidToString(first.data)],
  )
  const second = await repo.write([])
  assert.deepEqual(second.data, first.data)
  assert.deepEqual([second.newNodes, second.removedNodes, second.ops], [[], [], []])
  assert.equal(parseCar(second.slice, { sha256 }).blocks.length, 1)
  const commit = decodeCommit(second.commit.bytes)
  assert.deepEqual([commit.did, commit.rev, commit.version, commit.prev], [did, second.rev, 3, null])
  const verify = (bytes: Uint8Array, signature: Uint8Array) =>
    verifySignature(keypair.did(), bytes, signature)
  assert.equal(await verifyCommit(commit, verify), true)
  assert.equal(await verifyCommit({ ...commit, did: 'did:plc:other' }, verify), false)
})

test('more than 200 operations, or blocks of more than two million bytes, are refused and change nothing', async () => {
  const repo = createTestRepo()
  const creates = (count: number): RepoWrite[] =>
    Array.from({ length: count }, (_, index) => ({
      action: 'create',
      path: `a.b/${index}`,
      record: record(index),
    }))
  const refused = (code: string) => (error: unknown) => error instanceof RepoError && error.code === code
  await assert.rejects(repo.write(creates(201)), refused('too-many-ops'))
  const large = (path: string, length: number): RepoWrite => ({
    action: 'create',
    path,
    record: record(path + 'x'.repeat(length)),
  })
  await assert.rejects(repo.write([large('a.b/1', 1_000_000), large('a.b/2', 1_000_000)]), refused('too-big'))
  assert.equal(repo.store.blocks.size, 0)
  const most = await repo.write(creates(200))
  assert.equal(most.ops.length, 200)
  const nearly = await repo.write([large('a.b/x', 998_000), large('a.b/y', 998_000)])
  assert(nearly.slice.length <= commitBlocksBytesMax)
})
