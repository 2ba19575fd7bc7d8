import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Block, cidEquals, cidFromString, cidKey, cidToString } from './cid.ts'
import { MissingBlockError } from './errors.ts'
import { applyOps, type TreeOp } from './mst.ts'
import { commonPrefixLength, keyLayer } from './mst-node.ts'
import { type CommitOp, coveringProof, invertOps, recordProof } from './proof.ts'
import { createTestStore, recordCid, sha256 } from './test-support.ts'

interface Fixture {
  readonly comment: string
  readonly leafValue: string
  readonly keys: readonly string[]
  readonly adds: readonly string[]
  readonly dels: readonly string[]
  readonly rootBeforeCommit: string
  readonly rootAfterCommit: string
  readonly blocksInProof: readonly string[]
}

const fixtures: readonly Fixture[] = JSON.parse(
  readFileSync(new URL('../vectors/commit-proof-fixtures.json', import.meta.url), 'utf8'),
)

test('the interoperability fixtures of commit proofs hold: roots, blocks of the proof, and undoing', async () => {
  assert.equal(fixtures.length, 5)
  for (const fixture of fixtures) {
    const leaf = cidFromString(fixture.leafValue)
    const store = createTestStore()
    const create = (path: string): TreeOp => ({ action: 'create', path, cid: leaf })
    const before = await applyOps(store.source, null, fixture.keys.map(create))
    store.put(before.newBlocks)
    assert.equal(cidToString(before.root), fixture.rootBeforeCommit, fixture.comment)
    const changes = [
      ...fixture.adds.map(create),
      ...fixture.dels.map(path => ({ action: 'delete' as const, path, cid: null })),
    ]
    const after = await applyOps(store.source, before.root, changes)
    store.put(after.newBlocks)
    assert.equal(cidToString(after.root), fixture.rootAfterCommit, fixture.comment)
    const proof = await coveringProof(store.source, after.root, [...fixture.adds, ...fixture.dels])
    const digests = (cids: readonly Uint8Array[]) =>
      cids.map(cid => Buffer.from(cid.subarray(4)).toString('hex')).toSorted()
    const expected = digests(fixture.blocksInProof.map(cidFromString))
    assert.deepEqual(digests(proof.map(block => block.cid)), expected, fixture.comment)
    const ops: CommitOp[] = [
      ...fixture.adds.map(path => ({ action: 'create' as const, path, cid: leaf, prev: null })),
      ...fixture.dels.map(path => ({ action: 'delete' as const, path, cid: null, prev: leaf })),
    ]
    const inverted = await invertOps({ root: after.root, blocks: proof, ops, sha256 })
    assert.equal(cidToString(inverted), fixture.rootBeforeCommit, fixture.comment)
  }
})

test('keys are on their known layers', () => {
  const layers: [string, number][] = [
    ['', 0],
    ['asdf', 0],
    ['blue', 1],
    ['2653ae71', 0],
    ['88bfafc7', 2],
    ['2a92d355', 4],
    ['884976f5', 6],
    ['app.bsky.feed.post/454397e440ec', 4],
    ['app.bsky.feed.post/9adeb165882c', 8],
  ]
  for (const [key, layer] of layers) assert.equal(keyLayer(key, sha256), layer, key)
  assert.equal(
    keyLayer('x', () => new Uint8Array(32)),
    128,
  )
})

test('the prefix that two keys share is counted in characters', () => {
  for (const [a, b, length] of [
    ['abc', 'abc', 3],
    ['', 'abc', 0],
    ['abc', '', 0],
    ['ab', 'abc', 2],
    ['abc', 'abd', 2],
    ['zbc', 'abc', 0],
  ] as const) {
    assert.equal(commonPrefixLength(a, b), length)
  }
})

test('a record’s proof alone shows what is at a key, and that nothing is', async () => {
  const store = createTestStore()
  const ops: TreeOp[] = []
  for (let index = 0; index < 300; index += 1)
    ops.push({ action: 'create', path: `a.b/${index}`, cid: recordCid(index) })
  const { root, newBlocks } = await applyOps(store.source, null, ops)
  store.put(newBlocks)
  for (const key of ['a.b/0', 'a.b/299', 'a.b/150', 'a.b/absent', '0.0/0', 'z.z/z']) {
    const proof = await recordProof(store.source, root, key)
    assert(cidEquals(proof.nodes[0]!.cid, root))
    const alone = createTestStore()
    alone.put(proof.nodes)
    const again = await recordProof(alone.source, root, key)
    assert.deepEqual(again.cid, proof.cid)
    assert.equal(proof.cid !== null, /^a\.b\/\d+$/.test(key))
    for (const node of proof.nodes) {
      const lacking = createTestStore()
      lacking.put(proof.nodes.filter((other: Block) => cidKey(other.cid) !== cidKey(node.cid)))
      await assert.rejects(recordProof(lacking.source, root, key), MissingBlockError)
    }
  }
})
