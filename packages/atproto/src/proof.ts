/**
 * Proofs: the nodes that show what a tree has at a key, and that let a change be undone without the rest of the tree.
 * https://atproto.com/specs/sync#commit-validation (operation inversion)
 */
import { type Block, type Cid, cidEquals, cidKey, cidToString, type Sha256 } from './cid.ts'
import { RepoError } from './errors.ts'
import { openTree } from './mst.ts'
import { layerMax, lowerBound, type StoredNode } from './mst-node.ts'
import { createNodeSource, fetchNode, type NodeSource } from './node-source.ts'

/**
 * The nodes on the way to each key and to its left and right neighbour: with them, operations on these keys can be
 * inverted. Root first, none twice.
 */
export async function coveringProof(
  source: NodeSource,
  root: Cid,
  keys: readonly string[],
): Promise<readonly Block[]> {
  return openTree(source, root).around(keys)
}

/** The nodes on the way to `key`, which prove what is there (`cid`), or that nothing is (null). Root first. */
export async function recordProof(
  source: NodeSource,
  root: Cid,
  key: string,
): Promise<{ readonly cid: Cid | null; readonly nodes: readonly Block[] }> {
  const nodes: StoredNode[] = []
  let next: Cid | null = root
  while (next !== null && nodes.length <= layerMax) {
    const node: StoredNode = await fetchNode(source, next)
    nodes.push(node)
    const index = lowerBound(node.keys, key)
    if (node.keys[index] === key) return { cid: node.values[index] ?? null, nodes }
    next = node.trees[index] ?? null
  }
  return { cid: null, nodes }
}

/** An operation as a #commit event tells it. */
export interface CommitOp {
  readonly action: 'create' | 'update' | 'delete'
  readonly path: string
  /** The record now; null for a delete. */
  readonly cid: Cid | null
  /** The record before; null for a create. */
  readonly prev: Cid | null
}

/**
 * The root that the tree had before these operations, from the nodes that a commit's event carries. Throws
 * MissingBlockError when they do not suffice, RepoError 'mismatch' when the tree is not what the operations say, and
 * MalformedError for nodes that no tree can have. The blocks must be verified to be what their CIDs say (`parseCar` does).
 */
export async function invertOps(options: {
  readonly root: Cid
  readonly blocks: Iterable<Block>
  readonly ops: readonly CommitOp[]
  readonly sha256: Sha256
}): Promise<Cid> {
  const { root, ops, sha256 } = options
  const byCid = new Map<string, Uint8Array>()
  for (const block of options.blocks) byCid.set(cidKey(block.cid), block.bytes)
  const source = createNodeSource({ sha256, load: cids => cids.map(cid => byCid.get(cidKey(cid))) })
  const tree = openTree(source, root, { strict: true })
  for (const op of ops.toReversed()) {
    const now = await tree.get(op.path)
    if (!sameCid(now, op.cid)) throw mismatch(op.path, now, op.cid)
    if (op.prev === null && op.cid === null) throw mismatch(op.path, null, null)
    const action = op.prev === null ? 'delete' : op.cid === null ? 'create' : 'update'
    await tree.apply({ action, path: op.path, cid: op.prev })
  }
  return tree.seal().root
}

function sameCid(a: Cid | null, b: Cid | null): boolean {
  return a === null || b === null ? a === b : cidEquals(a, b)
}

function mismatch(path: string, found: Cid | null, told: Cid | null): RepoError {
  const text = (cid: Cid | null) => (cid === null ? 'nothing' : cidToString(cid))
  return new RepoError(
    'mismatch',
    `at ${path} the tree has ${text(found)}, the operation says ${text(told)}`,
    path,
  )
}
