/**
 * The nodes around keys, read ahead and held for as long as a tree is open, so that changes and proofs themselves need
 * not wait for anything.
 *
 * The nodes around a key are those on the way to it, and if it is there also the way down to its left and to its right
 * neighbour. Whatever adding or removing the key touches is among them; they are at the same time its covering proof.
 */
import { type Cid, cidKey, cidToString, type Sha256 } from './cid.ts'
import { MalformedError, MissingBlockError } from './errors.ts'
import {
  type DraftNode,
  keyLayer,
  layerMax,
  lowerBound,
  type MstNode,
  type StoredNode,
  type Subtree,
} from './mst-node.ts'
import type { NodeSource } from './node-source.ts'

export interface Pins {
  /** Reads what is missing of the nodes around these keys. */
  pinAround(root: Cid | DraftNode, keys: readonly string[]): Promise<void>
  /** The stored ones of the nodes around these keys, root first, none twice; undefined: `pinAround` first. */
  around(root: Cid | DraftNode, keys: readonly string[]): readonly StoredNode[] | undefined
  /** What is at `key`; undefined when not all nodes around it are pinned: `pinAround` first. */
  valueAt(root: Cid | DraftNode, key: string): Cid | null | undefined
  node(subtree: Cid | DraftNode, layer: number): MstNode
  root(root: Cid | DraftNode): MstNode
  add(node: StoredNode): void
}

type Resolve = (subtree: Cid | DraftNode) => MstNode | undefined

/** Starts with nothing pinned. `strict`: each key that is met must be on its layer. */
export function createPins(source: NodeSource, options: { readonly strict: boolean }): Pins {
  const pinned = new Map<string, StoredNode>()
  const check = options.strict ? createLayerCheck(source.sha256) : (node: MstNode) => node

  const resolve: Resolve = subtree => {
    if (!(subtree instanceof Uint8Array)) return subtree
    const key = cidKey(subtree)
    const pin = pinned.get(key)
    if (pin !== undefined) return pin
    const known = source.peek(key)
    if (known !== undefined) pinned.set(key, known)
    return known
  }
  const demand = (subtree: Cid | DraftNode): MstNode => {
    const node = resolve(subtree)
    if (node !== undefined) return node
    throw new MissingBlockError(subtree instanceof Uint8Array ? cidToString(subtree) : 'of a draft')
  }

  return {
    pinAround: async (root, keys) => {
      for (;;) {
        const wanted = new Map<string, Cid>()
        const note: Resolve = subtree => {
          const node = resolve(subtree)
          if (node === undefined && subtree instanceof Uint8Array) wanted.set(cidKey(subtree), subtree)
          return node
        }
        for (const key of keys) visitAround(root, key, note)
        if (wanted.size === 0) return
        for (const node of await source.fetch([...wanted.values()])) pinned.set(node.cidKey, node)
      }
    },
    around: (root, keys) => {
      const found = new Set<StoredNode>()
      const complete = keys.every(key => visitAround(root, key, resolve, found) !== undefined)
      return complete ? [...found] : undefined
    },
    valueAt: (root, key) => visitAround(root, key, resolve),
    node: (subtree, layer) => {
      if (layer < 0) throw tooDeep()
      return check(demand(subtree), layer)
    },
    root: root => {
      const node = demand(root)
      const key = options.strict ? node.keys[0] : undefined
      return key === undefined ? node : check(node, keyLayer(key, source.sha256))
    },
    add: node => void pinned.set(node.cidKey, node),
  }
}

/**
 * Calls `resolve` for each node around `key`; goes no further down where it gives undefined. Gives what is at `key`, or
 * undefined when a node was not there. The stored nodes are added to `found`.
 */
function visitAround(
  root: Cid | DraftNode,
  key: string,
  resolve: Resolve,
  found?: Set<StoredNode>,
): Cid | null | undefined {
  let subtree: Subtree = root
  for (let depth = 0; subtree !== null; depth += 1) {
    const node = visit(subtree, depth, resolve, found)
    if (node === undefined) return undefined
    const index = lowerBound(node.keys, key)
    if (node.keys[index] === key) {
      const left = visitEdge(node.trees[index] ?? null, { end: -1, depth }, resolve, found)
      const right = visitEdge(node.trees[index + 1] ?? null, { end: 0, depth }, resolve, found)
      return left && right ? (node.values[index] ?? null) : undefined
    }
    subtree = node.trees[index] ?? null
  }
  return null
}

/** The right (`end` -1) or left (0) edge of a subtree; whether all of it was there. */
function visitEdge(
  tree: Subtree,
  options: { readonly end: 0 | -1; readonly depth: number },
  resolve: Resolve,
  found: Set<StoredNode> | undefined,
): boolean {
  let subtree = tree
  for (let depth = options.depth + 1; subtree !== null; depth += 1) {
    const node = visit(subtree, depth, resolve, found)
    if (node === undefined) return false
    subtree = node.trees.at(options.end) ?? null
  }
  return true
}

function visit(
  subtree: Cid | DraftNode,
  depth: number,
  resolve: Resolve,
  found: Set<StoredNode> | undefined,
): MstNode | undefined {
  if (depth > layerMax) throw tooDeep()
  const node = resolve(subtree)
  if (node?.cid !== undefined) found?.add(node)
  return node
}

/** Refuses nodes with keys that are not on their layer; each node is looked at once. */
function createLayerCheck(sha256: Sha256): (node: MstNode, layer: number) => MstNode {
  const checked = new Set<StoredNode>()
  return (node, layer) => {
    if (node.cid === undefined || checked.has(node)) return node
    for (const key of node.keys) {
      if (keyLayer(key, sha256) !== layer) throw new MalformedError(`the key ${key} is not on its layer`, 0)
    }
    if (node.keys.length === 0 && node.trees[0] === null)
      throw new MalformedError('an empty node within a tree', 0)
    checked.add(node)
    return node
  }
}

function tooDeep(): MalformedError {
  return new MalformedError(`the tree is deeper than ${layerMax} layers`, 0)
}
