import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCar } from './car-read.ts'
import { type Block, blockOf, type Cid, cidToString } from './cid.ts'
import { MalformedError, MissingBlockError, RepoError } from './errors.ts'
import { decodeNode, encodeNode } from './mst-node.ts'
import { invertOps } from './proof.ts'
import type { FormattedCommit } from './repo.ts'
import { createTestRepo, record } from './test-repo.ts'
import { sha256 } from './test-support.ts'

test('without one of the proof’s nodes, undoing fails by naming the block', async () => {
  const repo = createTestRepo()
  const paths = Array.from({ length: 300 }, (_, index) => `a.b/${index}`)
  await repo.write(paths.slice(0, 150).map(path => ({ action: 'create', path, record: record(path) })))
  await repo.write(paths.slice(150).map(path => ({ action: 'create', path, record: record(path) })))
  let needed = 0
  for (const path of paths.slice(0, 40)) {
    const before = repo.head!.data
    const commit = await repo.write([{ action: 'delete', path }])
    const { blocks } = parseCar(commit.slice, { sha256 })
    for (const left of blocks.slice(1)) {
      const rest = blocks.filter(block => block !== left)
      const inverting = invertOps({ root: commit.data, blocks: rest, ops: commit.ops, sha256 })
      await assert.rejects(
        inverting,
        (error: unknown) => error instanceof MissingBlockError && error.cid === cidToString(left.cid),
      )
      needed += 1
    }
    assert.deepEqual(await invertOps({ root: commit.data, blocks, ops: commit.ops, sha256 }), before)
  }
  assert(needed > 40)
})

test('operations that the tree contradicts are not undone', async () => {
  const repo = createTestRepo()
  const commit = await repo.write([{ action: 'create', path: 'a.b/1', record: record(1) }])
  const { blocks } = parseCar(commit.slice, { sha256 })
  const invert = (op: FormattedCommit['ops'][number]) =>
    invertOps({ root: commit.data, blocks, ops: [op], sha256 })
  const mismatch = (error: unknown) => error instanceof RepoError && error.code === 'mismatch'
  const op = commit.ops[0]!
  await assert.rejects(invert({ ...op, cid: record(2).cid }), mismatch)
  await assert.rejects(invert({ ...op, path: 'a.b/2' }), mismatch)
  await assert.rejects(invert({ action: 'delete', path: 'a.b/1', cid: null, prev: record(1).cid }), mismatch)
  await assert.rejects(invert({ action: 'delete', path: 'a.b/9', cid: null, prev: null }), mismatch)
})

test('nodes that no tree can have are refused while undoing: keys on wrong layers, empty nodes, endless depth', async () => {
  const block = (keys: readonly string[], trees: readonly (Cid | null)[]): Block =>
    blockOf(encodeNode({ keys, values: keys.map(() => record(1).cid), trees }), sha256)
  const refuse = async (root: Cid, path: string, blocks: readonly Block[]) => {
    const prev = record(2).cid
    const there = blocks.some(node => decodeNode(node.bytes, node.cid).keys.includes(path))
    const cid = there ? record(1).cid : null
    const ops = [{ action: there ? ('update' as const) : ('delete' as const), path, cid, prev }]
    await assert.rejects(invertOps({ root, blocks, ops, sha256 }), MalformedError)
  }
  const mixed = block(['A0/374913', 'D2/269196'], [null, null, null])
  await refuse(mixed.cid, 'A0/374913', [mixed])
  const empty = block([], [null])
  const above = block(['B1/986427'], [empty.cid, null])
  await refuse(above.cid, 'A0/374913', [above, empty])
  const chain = [block(['A0/374913'], [null, null])]
  for (let index = 0; index < 200; index += 1) chain.unshift(block([], [chain[0]!.cid]))
  const top = block(['B1/986427'], [chain[0]!.cid, null])
  await refuse(top.cid, 'A0/374913', [top, ...chain])
  await refuse(chain[0]!.cid, 'A0/374913', chain)
})
