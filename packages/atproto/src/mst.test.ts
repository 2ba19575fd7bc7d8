import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type Cid, cidKey, cidToString } from './cid.ts'
import { MissingBlockError, RepoError } from './errors.ts'
import { applyOps, emptyTree, getEntry, type TreeOp } from './mst.ts'
import { createNodeCache, createNodeSource } from './node-source.ts'
import {
  createTestStore,
  reachableNodes,
  recordCid,
  referenceCid,
  referenceTree,
  sha256,
  storedCids,
} from './test-support.ts'

/** Short random keys make shallow trees; the list has keys of high layers, found by search, so that roots rise and fall. */
const highKeys = [
  'a.b/2653ae71',
  'a.b/88bfafc7',
  'C2/014073',
  'E2/819540',
  'A2/827942',
  'G2/611528',
  'B2/827649',
]
const keyArbitrary = fc.oneof(
  fc
    .integer({ min: 0, max: 60 })
    .map(number => `com.example.record/3k${number.toString(36).padStart(3, '2')}`),
  fc
    .constantFrom('app.bsky.feed.like', 'app.bsky.feed.post', 'x.y')
    .chain(collection => fc.stringMatching(/^[a-zA-Z0-9_~.:-]{1,12}$/).map(rkey => `${collection}/${rkey}`)),
  fc.constantFrom(...highKeys),
)
const stepArbitrary = fc.record({
  key: keyArbitrary,
  value: fc.integer({ min: 0, max: 9 }),
  remove: fc.boolean(),
})
const historyArbitrary = fc.array(fc.array(stepArbitrary, { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 25,
})

/** Turns steps into operations that fit what is there, and notes their effect in `model`. */
function opsOf(
  steps: readonly { key: string; value: number; remove: boolean }[],
  model: Map<string, Cid>,
): TreeOp[] {
  const ops: TreeOp[] = []
  for (const { key, value, remove } of steps) {
    const there = model.has(key)
    if (remove && !there) continue
    const cid = remove ? null : recordCid(value)
    ops.push({ action: remove ? 'delete' : there ? 'update' : 'create', path: key, cid })
    if (cid === null) model.delete(key)
    else model.set(key, cid)
  }
  return ops
}

test('after every change the root is the reference implementation’s, and the stored nodes are exactly the reachable ones', async () => {
  await fc.assert(
    fc.asyncProperty(historyArbitrary, fc.constantFrom(0, 3000, 1e6), async (history, bytesMax) => {
      const store = createTestStore()
      const cache = createNodeCache({ bytesMax })
      const source = createNodeSource({ load: store.load, sha256, cache })
      const model = new Map<string, Cid>()
      let reference = await referenceTree()
      let root: Cid | null = null
      for (const steps of history) {
        const ops = opsOf(steps, model)
        const change = await applyOps(source, root, ops)
        for (const block of change.newBlocks)
          assert(!store.blocks.has(cidKey(block.cid)), 'a new block was not there')
        for (const cid of change.removedCids)
          assert(store.blocks.has(cidKey(cid)), 'a removed block was there')
        store.put(change.newBlocks)
        store.remove(change.removedCids)
        root = change.root
        for (const op of ops) {
          if (op.action === 'delete') reference = await reference.delete(op.path)
          // The reference keeps the layer of a tree that was emptied in memory, and then builds no valid tree on it.
          if ((await reference.getEntries()).length === 0) reference = await referenceTree()
          if (op.action === 'delete') continue
          reference = await reference[op.action === 'create' ? 'add' : 'update'](
            op.path,
            referenceCid(op.cid!),
          )
        }
        assert.equal(cidToString(root), String(await reference.getPointer()))
        assert.deepEqual(storedCids(store), reachableNodes(store, root))
      }
      for (const [key, cid] of model) assert.deepEqual(await getEntry(store.source, root!, key), cid)
      assert.equal(await getEntry(store.source, root!, 'not/there'), null)
    }),
    { numRuns: 150 },
  )
})

test('an operation that cannot be done is refused by name and leaves the open tree as it was', async () => {
  const store = createTestStore()
  const value = recordCid(1)
  const first = await applyOps(store.source, null, [{ action: 'create', path: 'a.b/1', cid: value }])
  store.put(first.newBlocks)
  const attempt = (op: TreeOp) => applyOps(store.source, first.root, [op])
  const refused = (code: string) => (error: unknown) => error instanceof RepoError && error.code === code
  await assert.rejects(attempt({ action: 'create', path: 'a.b/1', cid: value }), refused('record-exists'))
  await assert.rejects(attempt({ action: 'update', path: 'a.b/2', cid: value }), refused('record-missing'))
  await assert.rejects(attempt({ action: 'delete', path: 'a.b/2', cid: null }), refused('record-missing'))
  for (const path of ['', 'a', 'a/', '/a', 'a/b/c', 'a/b c', 'ä/b', `a/${'b'.repeat(1023)}`]) {
    await assert.rejects(attempt({ action: 'create', path, cid: value }), refused('invalid-path'))
  }
})

test('the empty tree has its known root, and a tree that loses its last key gets it back', async () => {
  const store = createTestStore()
  assert.equal(
    cidToString(emptyTree({ sha256 }).cid),
    'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm',
  )
  const made = await applyOps(store.source, null, [])
  assert.deepEqual(
    made.newBlocks.map(block => cidToString(block.cid)),
    [cidToString(emptyTree({ sha256 }).cid)],
  )
  store.put(made.newBlocks)
  const there = await applyOps(store.source, made.root, [
    { action: 'create', path: 'a.b/1', cid: recordCid(1) },
  ])
  assert.deepEqual(there.removedCids, [made.root])
  store.put(there.newBlocks)
  const gone = await applyOps(store.source, there.root, [{ action: 'delete', path: 'a.b/1', cid: null }])
  assert.deepEqual(gone.root, made.root)
  assert.deepEqual(gone.removedCids, [there.root])
  const both = await applyOps(store.source, made.root, [
    { action: 'create', path: 'a.b/1', cid: recordCid(1) },
    { action: 'delete', path: 'a.b/1', cid: null },
  ])
  assert.deepEqual(both, { root: made.root, newBlocks: [], removedCids: [], prevs: [null, recordCid(1)] })
})

test('a change loads only the nodes around its key, and none that the cache holds', async () => {
  const store = createTestStore()
  const ops: TreeOp[] = []
  for (let index = 0; index < 2000; index += 1) {
    ops.push({
      action: 'create',
      path: `com.example.record/${index.toString().padStart(6, '0')}`,
      cid: recordCid(index),
    })
  }
  const { root, newBlocks } = await applyOps(store.source, null, ops)
  store.put(newBlocks)
  store.loads = 0
  const cache = createNodeCache({ bytesMax: 10_000_000 })
  const source = createNodeSource({ load: store.load, sha256, cache })
  const change = await applyOps(source, root, [
    { action: 'create', path: 'com.example.record/000999x', cid: recordCid(1) },
  ])
  assert(store.loads > 2 && store.loads < 20, `${store.loads} of ${newBlocks.length} nodes were loaded`)
  assert.equal(cache.size().nodes, store.loads + change.newBlocks.length - change.removedCids.length)
  for (const cid of change.removedCids) assert.equal(cache.get(cidKey(cid)), undefined)
  store.loads = 0
  await applyOps(source, change.root, [{ action: 'delete', path: 'com.example.record/000999x', cid: null }])
  assert.equal(store.loads, 0)
})

test('a node that the loader does not have is named', async () => {
  const store = createTestStore({ sync: true })
  const absent = recordCid('absent')
  await assert.rejects(
    applyOps(store.source, absent, [{ action: 'create', path: 'a.b/1', cid: recordCid(1) }]),
    (error: unknown) => error instanceof MissingBlockError && error.cid === cidToString(absent),
  )
  await assert.rejects(getEntry(store.source, absent, 'a.b/1'), MissingBlockError)
})

test('the cache drops what was used least recently and never exceeds its bytes', async () => {
  const store = createTestStore()
  const ops: TreeOp[] = []
  for (let index = 0; index < 500; index += 1)
    ops.push({ action: 'create', path: `a.b/${index}`, cid: recordCid(index) })
  const { root, newBlocks } = await applyOps(store.source, null, ops)
  store.put(newBlocks)
  const cache = createNodeCache({ bytesMax: 20_000 })
  const source = createNodeSource({ load: store.load, sha256, cache })
  for (const op of ops) {
    await getEntry(source, root, op.path)
    assert(cache.size().bytes <= 20_000, `${cache.size().bytes} bytes`)
  }
  assert(cache.get(cidKey(root)) !== undefined, 'the root, used each time, stayed')
  assert(cache.size().nodes > 3)
  cache.clear()
  assert.deepEqual(cache.size(), { nodes: 0, bytes: 0 })
})
