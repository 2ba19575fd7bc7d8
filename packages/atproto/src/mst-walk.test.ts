import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type Block, type Cid, cidKey, cidOf, cidToString } from './cid.ts'
import { MalformedError, MissingBlockError } from './errors.ts'
import { applyOps, type TreeOp } from './mst.ts'
import { createTreeBuilder } from './mst-build.ts'
import { diffTrees } from './mst-diff.ts'
import { encodeNode } from './mst-node.ts'
import { entries, type TreeEntry, type WalkOptions } from './mst-walk.ts'
import { exportTree } from './repo-export.ts'
import {
  createTestStore,
  reachableNodes,
  recordCid,
  sha256,
  storedCids,
  type TestStore,
} from './test-support.ts'

const keyArbitrary = fc.oneof(
  fc.nat(3000).map(number => `com.example.record/${number.toString(36)}`),
  fc.nat(30).map(number => `a.b/${number}`),
  fc.constantFrom('D2/269196', 'E2/819540', 'G2/611528', 'z.z/~'),
)
const keysArbitrary = fc.uniqueArray(keyArbitrary, { minLength: 0, maxLength: 80 })

async function treeOf(store: TestStore, keys: readonly string[]): Promise<Cid> {
  const ops: TreeOp[] = keys.map(path => ({ action: 'create', path, cid: recordCid(path) }))
  const { root, newBlocks } = await applyOps(store.source, null, ops)
  store.put(newBlocks)
  return root
}

async function collect(items: AsyncIterable<TreeEntry>): Promise<string[]> {
  const keys: string[] = []
  for await (const { key, cid } of items) {
    assert.deepEqual(cid, recordCid(key))
    keys.push(key)
  }
  return keys
}

test('a walk gives exactly the keys of its range, in order, in both directions', async () => {
  await fc.assert(
    fc.asyncProperty(
      keysArbitrary,
      fc.option(keyArbitrary, { nil: undefined }),
      fc.option(keyArbitrary, { nil: undefined }),
      fc.constantFrom(undefined, 'a.b/', 'com.example.record/1', 'nothing'),
      async (keys, from, to, prefix) => {
        const store = createTestStore()
        const root = await treeOf(store, keys)
        const expected = keys
          .filter(
            key =>
              (from === undefined || key >= from) &&
              (to === undefined || key < to) &&
              key.startsWith(prefix ?? ''),
          )
          .toSorted()
        const range: WalkOptions = {
          ...(from === undefined ? {} : { from }),
          ...(to === undefined ? {} : { to }),
          ...(prefix === undefined ? {} : { prefix }),
        }
        assert.deepEqual(await collect(entries(store.source, root, { ...range, strict: true })), expected)
        assert.deepEqual(
          await collect(entries(store.source, root, { ...range, reverse: true })),
          expected.toReversed(),
        )
      },
    ),
    { numRuns: 150 },
  )
})

test('a walk of a range loads a few nodes of a large tree', async () => {
  const store = createTestStore()
  const root = await treeOf(
    store,
    Array.from({ length: 3000 }, (_, index) => `a.b/${index}`),
  )
  store.loads = 0
  assert.equal((await collect(entries(store.source, root, { prefix: 'a.b/100' }))).length, 11)
  assert(store.loads < 40, `${store.loads} nodes were loaded`)
})

test('a tree built from its entries is the tree that grew by operations', async () => {
  await fc.assert(
    fc.asyncProperty(keysArbitrary, async keys => {
      const store = createTestStore()
      const root = await treeOf(store, keys)
      const built = createTestStore()
      const builder = createTreeBuilder({ sha256, emit: block => built.put([block]) })
      for (const key of keys.toSorted()) builder.add(key, recordCid(key))
      assert.equal(cidToString(builder.finish()), cidToString(root))
      assert.deepEqual(storedCids(built), storedCids(store))
    }),
    { numRuns: 150 },
  )
  const builder = createTreeBuilder({ sha256, emit: () => {} })
  builder.add('a.b/2', recordCid(1))
  assert.throws(() => builder.add('a.b/2', recordCid(1)), MalformedError)
  assert.throws(() => builder.add('a.b/1', recordCid(1)), MalformedError)
  assert.throws(() => builder.add('a.b', recordCid(1)), MalformedError)
})

test('the difference of two trees is what turns one into the other, and shared subtrees are not loaded', async () => {
  await fc.assert(
    fc.asyncProperty(keysArbitrary, keysArbitrary, fc.boolean(), async (before, after, fromNothing) => {
      const store = createTestStore()
      const a = fromNothing ? null : await treeOf(store, before)
      const b = await treeOf(store, after)
      const found = new Map<string, string>()
      for await (const change of diffTrees(store.source, a, b)) {
        found.set(change.key, `${change.prev === null ? '' : 'was'}${change.cid === null ? '' : 'is'}`)
      }
      const old = fromNothing ? [] : before
      const expected = new Map<string, string>()
      for (const key of old) if (!after.includes(key)) expected.set(key, 'was')
      for (const key of after) if (!old.includes(key)) expected.set(key, 'is')
      assert.deepEqual([...found].toSorted(), [...expected].toSorted())
    }),
    { numRuns: 150 },
  )
  const store = createTestStore()
  const keys = Array.from({ length: 3000 }, (_, index) => `a.b/${index}`)
  const a = await treeOf(store, keys)
  const { root, newBlocks } = await applyOps(store.source, a, [
    { action: 'update', path: 'a.b/1000', cid: recordCid('new') },
    { action: 'delete', path: 'a.b/2000', cid: null },
  ])
  store.put(newBlocks)
  store.loads = 0
  const changes: string[] = []
  for await (const change of diffTrees(store.source, a, root)) changes.push(change.key)
  assert.deepEqual(changes, ['a.b/1000', 'a.b/2000'])
  assert(store.loads < 100, `${store.loads} nodes were loaded`)
})

/** Pre-order, by the definition. */
function preorder(store: TestStore, root: Cid): string[] {
  const found: string[] = []
  const visit = (cid: Cid) => {
    found.push(cidToString(cid))
    const node = store.source.fetch([cid])
    assert(!(node instanceof Promise))
    const { keys, values, trees } = node[0]!
    if (trees[0]) visit(trees[0])
    for (const index of keys.keys()) {
      found.push(cidToString(values[index]!))
      if (trees[index + 1]) visit(trees[index + 1]!)
    }
  }
  visit(root)
  return found
}

test('an export gives nodes and records in pre-order, and asks for many blocks at once', async () => {
  await fc.assert(
    fc.asyncProperty(keysArbitrary, fc.integer({ min: 1, max: 12 }), async (keys, batchBlocksMax) => {
      const store = createTestStore({ sync: true })
      const root = await treeOf(store, keys)
      const found: string[] = []
      const load = (cids: readonly Cid[]) => {
        assert(cids.length <= batchBlocksMax)
        return cids.map(cid => store.blocks.get(cidKey(cid))?.bytes ?? new Uint8Array([1]))
      }
      for await (const batch of exportTree(root, load, { batchBlocksMax })) {
        for (const block of batch) found.push(cidToString(block.cid))
      }
      assert.deepEqual(found, preorder(store, root))
    }),
    { numRuns: 100 },
  )
  const store = createTestStore()
  const root = await treeOf(
    store,
    Array.from({ length: 5000 }, (_, index) => `a.b/${index}`),
  )
  let calls = 0
  let blocks = 0
  let asked = 0
  let heldMost = 0
  const load = (cids: readonly Cid[]) => {
    calls += 1
    asked += cids.length
    heldMost = Math.max(heldMost, asked - blocks)
    return cids.map(cid => store.blocks.get(cidKey(cid))?.bytes ?? new Uint8Array(300))
  }
  for await (const batch of exportTree(root, load)) blocks += batch.length
  assert(blocks > 6000)
  assert(calls < blocks / 100, `${calls} calls for ${blocks} blocks`)
  assert(heldMost < 1000, `${heldMost} blocks were held at once`)
})

test('an export asks for fewer blocks at once while they are large', async () => {
  const store = createTestStore()
  const root = await treeOf(
    store,
    Array.from({ length: 600 }, (_, index) => `a.b/${index}`),
  )
  const large = new Uint8Array(1_000_000)
  let most = 0
  let blocks = 0
  const load = (cids: readonly Cid[]) => {
    if (blocks > 400) most = Math.max(most, cids.length)
    return cids.map(cid => store.blocks.get(cidKey(cid))?.bytes ?? large)
  }
  for await (const batch of exportTree(root, load)) blocks += batch.length
  assert(blocks > 700)
  assert(most > 0 && most <= 8, `${most} blocks of a megabyte at once`)
})

test('an export leaves out what the loader answers with null, and all below it, and ends at what is missing', async () => {
  const store = createTestStore({ sync: true })
  const root = await treeOf(
    store,
    Array.from({ length: 200 }, (_, index) => `a.b/${index}`),
  )
  const given: Block[] = []
  for await (const batch of exportTree(root, store.load, { nodesOnly: true })) given.push(...batch)
  assert.deepEqual(given.map(block => cidToString(block.cid)).toSorted(), reachableNodes(store, root))
  const pruned = given[1]!
  const below = reachableNodes(store, pruned.cid)
  const left: string[] = []
  const load = (cids: readonly Cid[]) =>
    cids.map(cid => (cidKey(cid) === cidKey(pruned.cid) ? null : store.blocks.get(cidKey(cid))?.bytes))
  for await (const batch of exportTree(root, load, { nodesOnly: true })) {
    for (const block of batch) left.push(cidToString(block.cid))
  }
  assert.deepEqual([...left, ...below].toSorted(), reachableNodes(store, root))
  const take = async () => {
    for await (const batch of exportTree(root, store.load)) assert(batch.length > 0)
  }
  await assert.rejects(take, MissingBlockError)
})

/** Node blocks of a tree that nobody may build. */
function badTree(store: TestStore, trees: readonly (Cid | null)[], keys: readonly string[]): Cid {
  const bytes = encodeNode({ keys, values: keys.map(recordCid), trees })
  const block = { cid: cidOf(bytes, sha256), bytes }
  store.put([block])
  return block.cid
}

test('a stranger’s tree with keys out of order, on wrong layers, empty nodes or endless depth is refused', async () => {
  const store = createTestStore()
  const refuse = async (root: Cid, strict: boolean) => {
    await assert.rejects(async () => {
      for await (const entry of entries(store.source, root, { strict })) assert(entry.key.length > 0)
    }, MalformedError)
  }
  const low = badTree(store, [null, null], ['A0/374913'])
  const high = badTree(store, [null, null], ['D2/269196'])
  await refuse(badTree(store, [low, null], ['D2/269196']), true)
  await refuse(badTree(store, [high, null], ['E0/670489']), true)
  await refuse(badTree(store, [null, high], ['D2/269196']), false)
  await refuse(badTree(store, [badTree(store, [null], []), null], ['B1/986427']), false)
  await refuse(badTree(store, [low], []), false)
  let deep = low
  for (let index = 0; index < 200; index += 1) deep = badTree(store, [deep], [])
  await refuse(badTree(store, [deep, null], ['B1/986427']), false)
  // Each level twice the one below: 2^60 entries if nobody looked.
  let twice = low
  for (let index = 0; index < 60; index += 1) twice = badTree(store, [twice, twice], [`B1/${index}`])
  await refuse(twice, false)
})
