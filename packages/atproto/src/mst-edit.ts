/**
 * Changes to the tree, as pure functions over nodes that are in memory. Nodes are never changed: what differs is made
 * anew, and what comes out as it was is given back as the very same subtree, so that its block is neither written again
 * nor deleted.
 */
import { MalformedError, RepoError } from './errors.ts'
import type { Cid, Sha256 } from './cid.ts'
import { type DraftNode, keyLayer, lowerBound, type MstNode, type Subtree } from './mst-node.ts'

/** What an edit needs to know of the tree around it. */
export interface EditContext {
  readonly sha256: Sha256
  /** The node of a subtree on this layer; throws when it is not in memory or cannot be on that layer. */
  node(subtree: Cid | DraftNode, layer: number): MstNode
  /** Told of each node that a change replaces, once the change can no longer be refused. */
  replaced(node: MstNode): void
}

/** The tree with `key` added. Throws RepoError 'record-exists'. */
export function insertKey(context: EditContext, root: MstNode, key: string, value: Cid): MstNode {
  const layer = keyLayer(key, context.sha256)
  const rootLayer = layerOfRoot(context, root)
  if (root.keys.length === 0) {
    context.replaced(root)
    return draft([key], [value], [null, null])
  }
  if (layer <= rootLayer) return insertAt(context, root, { key, value, layer }, rootLayer)
  const [left, right] = split(context, root.cid === undefined ? root : root.cid, key, rootLayer)
  const levels = layer - rootLayer - 1
  return draft([key], [value], [raise(left, levels), raise(right, levels)])
}

/** The tree with another value for `key`. Throws RepoError 'record-missing'. */
export function replaceKey(context: EditContext, root: MstNode, key: string, value: Cid): MstNode {
  return replaceAt(context, root, { key, value }, layerOfRoot(context, root))
}

/** The tree without `key`. Throws RepoError 'record-missing'. */
export function removeKey(context: EditContext, root: MstNode, key: string): MstNode {
  let layer = layerOfRoot(context, root)
  let node: MstNode = removeAt(context, root, key, layer)
  // A root without keys of its own gives way to its only subtree.
  while (node.keys.length === 0) {
    const below = node.trees[0]
    if (below === null || below === undefined) break
    layer -= 1
    context.replaced(node)
    node = context.node(below, layer)
  }
  return node
}

/** The layer of a root: its keys'. */
export function layerOfRoot(context: EditContext, root: MstNode): number {
  const key = root.keys[0]
  if (key !== undefined) return keyLayer(key, context.sha256)
  if (root.trees[0] !== null) throw new MalformedError("a tree's root has no keys but a subtree", 0)
  return 0
}

interface Insertion {
  readonly key: string
  readonly value: Cid
  readonly layer: number
}

function insertAt(context: EditContext, node: MstNode, insertion: Insertion, layer: number): DraftNode {
  const { key, value } = insertion
  const index = lowerBound(node.keys, key)
  if (node.keys[index] === key)
    throw new RepoError('record-exists', `there is a record at ${key} already`, key)
  const tree = node.trees[index] ?? null
  if (layer > insertion.layer) {
    const below = insertBelow(context, tree, insertion, layer - 1)
    context.replaced(node)
    return withTree(node, index, below)
  }
  const [left, right] = split(context, tree, key, layer - 1)
  context.replaced(node)
  return draft(node.keys.toSpliced(index, 0, key), node.values.toSpliced(index, 0, value), [
    ...node.trees.slice(0, index),
    left,
    right,
    ...node.trees.slice(index + 1),
  ])
}

function insertBelow(context: EditContext, tree: Subtree, insertion: Insertion, layer: number): Subtree {
  if (tree !== null) return insertAt(context, context.node(tree, layer), insertion, layer)
  return raise(draft([insertion.key], [insertion.value], [null, null]), layer - insertion.layer)
}

function replaceAt(
  context: EditContext,
  node: MstNode,
  change: { readonly key: string; readonly value: Cid },
  layer: number,
): DraftNode {
  const index = lowerBound(node.keys, change.key)
  if (node.keys[index] === change.key) {
    context.replaced(node)
    return draft(node.keys, node.values.with(index, change.value), node.trees)
  }
  const tree = node.trees[index] ?? null
  if (tree === null) throw missing(change.key)
  const changed = replaceAt(context, context.node(tree, layer - 1), change, layer - 1)
  context.replaced(node)
  return withTree(node, index, changed)
}

function removeAt(context: EditContext, node: MstNode, key: string, layer: number): DraftNode {
  const index = lowerBound(node.keys, key)
  if (node.keys[index] === key) {
    const merged = merge(context, node.trees[index] ?? null, node.trees[index + 1] ?? null, layer - 1)
    context.replaced(node)
    return draft(node.keys.toSpliced(index, 1), node.values.toSpliced(index, 1), [
      ...node.trees.slice(0, index),
      merged,
      ...node.trees.slice(index + 2),
    ])
  }
  const tree = node.trees[index] ?? null
  if (tree === null) throw missing(key)
  const below = removeAt(context, context.node(tree, layer - 1), key, layer - 1)
  context.replaced(node)
  return withTree(node, index, below.keys.length === 0 && below.trees[0] === null ? null : below)
}

/** What of a subtree is before and behind `key`, which is not in it. */
function split(context: EditContext, tree: Subtree, key: string, layer: number): readonly [Subtree, Subtree] {
  if (tree === null) return [null, null]
  const node = context.node(tree, layer)
  const index = lowerBound(node.keys, key)
  if (node.keys[index] === key) throw new MalformedError(`the key ${key} is not on its layer`, 0)
  const [left, right] = split(context, node.trees[index] ?? null, key, layer - 1)
  if (right === null && index === node.keys.length) return [tree, null]
  if (left === null && index === 0) return [null, tree]
  context.replaced(node)
  return [
    unlessEmpty(
      draft(node.keys.slice(0, index), node.values.slice(0, index), [...node.trees.slice(0, index), left]),
    ),
    unlessEmpty(
      draft(node.keys.slice(index), node.values.slice(index), [right, ...node.trees.slice(index + 1)]),
    ),
  ]
}

/** One subtree of two neighbours on the same layer. */
function merge(context: EditContext, left: Subtree, right: Subtree, layer: number): Subtree {
  if (left === null) return right
  if (right === null) return left
  const a = context.node(left, layer)
  const b = context.node(right, layer)
  const middle = merge(context, a.trees.at(-1) ?? null, b.trees[0] ?? null, layer - 1)
  context.replaced(a)
  context.replaced(b)
  return draft(
    [...a.keys, ...b.keys],
    [...a.values, ...b.values],
    [...a.trees.slice(0, -1), middle, ...b.trees.slice(1)],
  )
}

/** The subtree under so many nodes without keys. */
function raise(tree: Subtree, levels: number): Subtree {
  let raised = tree
  for (let level = 0; raised !== null && level < levels; level += 1) raised = draft([], [], [raised])
  return raised
}

function withTree(node: MstNode, index: number, tree: Subtree): DraftNode {
  const trees: Subtree[] = [...node.trees]
  trees[index] = tree
  return draft(node.keys, node.values, trees)
}

function unlessEmpty(node: DraftNode): DraftNode | null {
  return node.keys.length === 0 && node.trees[0] === null ? null : node
}

function draft(keys: readonly string[], values: readonly Cid[], trees: readonly Subtree[]): DraftNode {
  return { cid: undefined, cidKey: undefined, bytes: undefined, keys, values, trees }
}

function missing(key: string): RepoError {
  return new RepoError('record-missing', `there is no record at ${key}`, key)
}
