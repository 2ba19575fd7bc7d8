import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type Block, blockOf, type Cid } from './cid.ts'
import { MalformedError, MissingBlockError, RepoError } from './errors.ts'
import { applyOps, getEntry } from './mst.ts'
import { diffTrees } from './mst-diff.ts'
import { encodeNode } from './mst-node.ts'
import { entries } from './mst-walk.ts'
import { invertOps } from './proof.ts'
import { createTestStore, recordCid, sha256 } from './test-support.ts'

/** Keys of the layers 0 to 7, so that some nodes are where they belong. */
const keys = [
  'A0/374913',
  'B0/601692',
  'B1/986427',
  'C2/014073',
  'D2/269196',
  'high.key/130',
  'high.key/4890',
  'high.key/877',
]
const layerOf = (key: string): number => (key.startsWith('high') ? 7 : Number(key[1]))

interface Shape {
  readonly keys: readonly string[]
  /** For each subtree: which of the nodes before it, or none. */
  readonly trees: readonly (number | null)[]
}
const shapeArbitrary: fc.Arbitrary<Shape> = fc
  .tuple(fc.uniqueArray(fc.constantFrom(...keys), { maxLength: 4 }), fc.boolean())
  .map(([some, oneLayer]) => some.filter(key => !oneLayer || layerOf(key) === layerOf(some[0]!)).toSorted())
  .chain(some => {
    const length = some.length + 1
    return fc
      .array(fc.option(fc.nat(50)), { minLength: length, maxLength: length })
      .map(trees => ({ keys: some, trees }))
  })

/** Nodes that refer to nodes made before them in any way: what somebody may send who wants to do harm. */
function graphOf(shapes: readonly Shape[]): Block[] {
  const blocks: Block[] = []
  for (const { keys: own, trees } of shapes) {
    const pick = (index: number | null): Cid | null =>
      index === null || blocks.length === 0 ? null : blocks.at(-1 - (index % blocks.length))!.cid
    blocks.push(
      blockOf(encodeNode({ keys: own, values: own.map(recordCid), trees: trees.map(pick) }), sha256),
    )
  }
  return blocks
}

test('whatever nodes refer to one another, each way through them ends, in an answer or a refusal', async () => {
  const expected = async (run: () => Promise<unknown>) => {
    try {
      await run()
    } catch (error) {
      const known =
        error instanceof MalformedError || error instanceof MissingBlockError || error instanceof RepoError
      assert(known, String(error))
    }
  }
  const drain = async (items: AsyncIterable<unknown>) => {
    let count = 0
    for await (const item of items) count += item === undefined ? 0 : 1
    assert(count <= keys.length, `${count} entries of ${keys.length} keys`)
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(shapeArbitrary, { minLength: 1, maxLength: 40 }),
      fc.constantFrom(...keys),
      fc.nat(40),
      async (shapes, path, lost) => {
        const blocks = graphOf(shapes)
        const root = blocks.at(-1)!.cid
        const other = blocks.at(-1 - (lost % blocks.length))!.cid
        const store = createTestStore({ sync: true })
        store.put(blocks.filter((_, index) => index !== lost))
        const cid = recordCid(path)
        for (const strict of [true, false]) {
          await expected(() => drain(entries(store.source, root, { strict })))
          await expected(() => drain(entries(store.source, root, { strict, reverse: true })))
        }
        await expected(() => drain(diffTrees(store.source, null, root)))
        await expected(() => drain(diffTrees(store.source, other, root)))
        await expected(() => getEntry(store.source, root, path))
        for (const prev of [null, recordCid('prev')]) {
          const invert = (op: { action: 'create' | 'delete'; cid: Cid | null }) => () =>
            invertOps({ root, blocks, ops: [{ path, prev, ...op }], sha256 })
          await expected(invert({ action: 'create', cid }))
          await expected(invert({ action: 'delete', cid: null }))
        }
        for (const action of ['create', 'update', 'delete'] as const) {
          await expected(() =>
            applyOps(store.source, root, [{ action, path, cid: action === 'delete' ? null : cid }]),
          )
        }
      },
    ),
    { numRuns: 400 },
  )
})
