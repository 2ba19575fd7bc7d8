/** Builds a tree from all its entries in order, holding only its right edge in memory. */
import { type Block, type Cid, cidOf, type Sha256 } from './cid.ts'
import { MalformedError } from './errors.ts'
import { emptyNode, encodeNode, isMstKey, keyLayer } from './mst-node.ts'

export interface TreeBuilder {
  /** Adds an entry; keys must ascend strictly (MalformedError). */
  add(key: string, cid: Cid): void
  /** Ends the last nodes and gives the root. */
  finish(): Cid
}

interface OpenNode {
  readonly keys: string[]
  readonly values: Cid[]
  readonly trees: (Cid | null)[]
}

/**
 * Starts a tree. `emit` gets each node once it is complete, subtrees before what refers to them. As a tree is determined
 * by its entries, building one from a stranger's entries and comparing the roots is the strictest check there is.
 */
export function createTreeBuilder(options: {
  readonly sha256: Sha256
  readonly emit: (block: Block) => void
}): TreeBuilder {
  const { sha256, emit } = options
  const open: OpenNode[] = []
  let previous: string | undefined

  const nodeOn = (layer: number): OpenNode => {
    for (let index = open.length; index <= layer; index += 1) open.push(newNode())
    return open[layer] ?? newNode()
  }
  /** Completes everything below `layer`; gives the subtree that comes out. */
  const close = (layer: number): Cid | null => {
    let below: Cid | null = null
    for (let index = 0; index < layer; index += 1) {
      const node = nodeOn(index)
      node.trees[node.trees.length - 1] = below
      below = node.keys.length === 0 && below === null ? null : emitNode(node)
      open[index] = newNode()
    }
    return below
  }
  const emitNode = (node: OpenNode): Cid => {
    const bytes = encodeNode(node)
    const cid = cidOf(bytes, sha256)
    emit({ cid, bytes })
    return cid
  }

  return {
    add: (key, cid) => {
      if (!isMstKey(key)) throw new MalformedError(`${key} is not collection/rkey`, 0)
      if (previous !== undefined && key <= previous) {
        throw new MalformedError(`the key ${key} does not come behind ${previous}`, 0)
      }
      previous = key
      const layer = keyLayer(key, sha256)
      const below = close(layer)
      const node = nodeOn(layer)
      node.trees[node.trees.length - 1] = below
      node.keys.push(key)
      node.values.push(cid)
      node.trees.push(null)
    },
    finish: () => {
      const root = close(open.length)
      if (root !== null) return root
      const empty = emptyNode(sha256)
      emit(empty)
      return empty.cid
    },
  }
}

function newNode(): OpenNode {
  return { keys: [], values: [], trees: [null] }
}
