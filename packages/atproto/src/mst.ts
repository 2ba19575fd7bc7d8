/**
 * The Merkle search tree of a repository, changed in place of being rebuilt: an operation loads the nodes around its key
 * and nothing else. https://atproto.com/specs/repository#mst-structure
 */
import type { Block, Cid } from './cid.ts'
import { MalformedError, RepoError } from './errors.ts'
import { type EditContext, insertKey, removeKey, replaceKey } from './mst-edit.ts'
import {
  type DraftNode,
  emptyNode,
  isMstKey,
  layerMax,
  lowerBound,
  type MstNode,
  type StoredNode,
  storeNode,
} from './mst-node.ts'
import { createPins } from './mst-pins.ts'
import { fetchNode, type NodeSource } from './node-source.ts'

/** A change of one key. */
export interface TreeOp {
  readonly action: 'create' | 'update' | 'delete'
  /** `collection/rkey` */
  readonly path: string
  /** The record's CID; null for a delete. */
  readonly cid: Cid | null
}

/** What operations did to a tree. */
export interface TreeChange {
  /** The new root. */
  readonly root: Cid
  /** Exactly the nodes that the new tree has and the old one had not. */
  readonly newBlocks: readonly Block[]
  /** Exactly the nodes that the old tree had and the new one has not. */
  readonly removedCids: readonly Cid[]
  /** What each operation's key had before it, in the order of the operations. */
  readonly prevs: readonly (Cid | null)[]
}

/** A tree that is open for changes: it holds what it has read in memory until it is let go. */
export interface TreeDraft {
  /** Reads what operations on these keys need in few and large calls of the loader; without it, each reads its own. */
  prepare(keys: readonly string[]): Promise<void>
  /** Applies one operation; gives the value before. Throws RepoError and leaves the tree as it was. */
  apply(op: TreeOp): Promise<Cid | null>
  /** The value of a key. */
  get(key: string): Promise<Cid | null>
  /** Encodes what changed. May be called once, after the last operation. */
  seal(): Omit<TreeChange, 'prevs'>
  /** After `seal`: the nodes around these keys, root first, none twice. */
  around(keys: readonly string[]): Promise<readonly StoredNode[]>
}

/** The tree without keys, as a block. */
export function emptyTree(source: Pick<NodeSource, 'sha256'>): Block {
  return emptyNode(source.sha256)
}

/** The CID at `key`, or null. */
export async function getEntry(source: NodeSource, root: Cid, key: string): Promise<Cid | null> {
  let cid: Cid | null = root
  for (let depth = 0; cid !== null; depth += 1) {
    if (depth > layerMax) throw new MalformedError(`the tree is deeper than ${layerMax} layers`, 0)
    const node: StoredNode = await fetchNode(source, cid)
    const index = lowerBound(node.keys, key)
    if (node.keys[index] === key) return node.values[index] ?? null
    cid = node.trees[index] ?? null
  }
  return null
}

/**
 * Applies operations in order, all or none. `root` null: to an empty tree that is not stored yet. Throws RepoError
 * ('record-exists', 'record-missing', 'invalid-path') or MissingBlockError.
 */
export async function applyOps(
  source: NodeSource,
  root: Cid | null,
  ops: readonly TreeOp[],
): Promise<TreeChange> {
  const tree = openTree(source, root)
  const prevs: (Cid | null)[] = []
  if (ops.length > 1) await tree.prepare(ops.map(op => op.path))
  for (const op of ops) prevs.push(await tree.apply(op))
  return { ...tree.seal(), prevs }
}

/**
 * Opens a tree for changes. With `strict`, every key that is met must be on its layer (MalformedError): for blocks that
 * strangers sent.
 */
export function openTree(
  source: NodeSource,
  root: Cid | null,
  options: { readonly strict?: boolean } = {},
): TreeDraft {
  const replaced = new Map<string, Cid>()
  const pins = createPins(source, { strict: options.strict === true })
  let top: Cid | DraftNode = root ?? draftOf(emptyNode(source.sha256))
  const context: EditContext = {
    sha256: source.sha256,
    node: pins.node,
    replaced: node => {
      if (node.cid !== undefined) replaced.set(node.cidKey, node.cid)
    },
  }
  const pinnedValue = async (key: string): Promise<Cid | null> => {
    const known = pins.valueAt(top, key)
    if (known !== undefined) return known
    await pins.pinAround(top, [key])
    return pins.valueAt(top, key) ?? null
  }
  return {
    prepare: keys => pins.pinAround(top, keys),
    apply: async op => {
      if (!isMstKey(op.path))
        throw new RepoError('invalid-path', `${op.path} is not collection/rkey`, op.path)
      const before = await pinnedValue(op.path)
      const changed = edit(context, pins.root(top), op)
      top = changed.cid === undefined ? changed : changed.cid
      return before
    },
    get: pinnedValue,
    seal: () => {
      const made: StoredNode[] = []
      // The root may be a node as it was stored: nothing changed, or all above it gave way.
      if (!(top instanceof Uint8Array)) top = sealNode(top, source, made).cid
      for (const node of made) pins.add(node)
      const newBlocks = made.filter(node => !replaced.delete(node.cidKey))
      for (const key of replaced.keys()) source.remove(key)
      return { root: top, newBlocks, removedCids: [...replaced.values()] }
    },
    around: async keys => {
      const known = pins.around(top, keys)
      if (known !== undefined) return known
      await pins.pinAround(top, keys)
      return pins.around(top, keys) ?? []
    },
  }
}

function edit(context: EditContext, root: MstNode, op: TreeOp): MstNode {
  if (op.action === 'delete') return removeKey(context, root, op.path)
  if (op.cid === null)
    throw new RepoError('mismatch', `an ${op.action} of ${op.path} names no record`, op.path)
  const change = op.action === 'create' ? insertKey : replaceKey
  return change(context, root, op.path, op.cid)
}

/** Encodes a draft from its subtrees upwards; `made` gets them all. */
function sealNode(node: DraftNode, source: NodeSource, made: StoredNode[]): StoredNode {
  const trees = node.trees.map(tree =>
    tree === null || tree instanceof Uint8Array ? tree : sealNode(tree, source, made).cid,
  )
  const sealed = storeNode({ keys: node.keys, values: node.values, trees }, source.sha256)
  made.push(sealed)
  source.add(sealed)
  return sealed
}

function draftOf(node: StoredNode): DraftNode {
  return {
    cid: undefined,
    cidKey: undefined,
    bytes: undefined,
    keys: node.keys,
    values: node.values,
    trees: node.trees,
  }
}
