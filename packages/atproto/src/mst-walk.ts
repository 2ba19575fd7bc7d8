/** Walks through a tree in the order of its keys, loading only what lies in the range. */
import { type Cid, type Sha256 } from './cid.ts'
import { MalformedError } from './errors.ts'
import { keyLayer, layerMax, lowerBound, type StoredNode } from './mst-node.ts'
import { fetchNode, type NodeSource } from './node-source.ts'

/** A record's place and CID. */
export interface TreeEntry {
  readonly key: string
  readonly cid: Cid
}

export interface WalkOptions {
  /** The least key, inclusive. */
  readonly from?: string
  /** The greatest key, exclusive. */
  readonly to?: string
  /** Only keys that begin so; together with `from` and `to`, what satisfies all. */
  readonly prefix?: string
  /** Descending. */
  readonly reverse?: boolean
  /** Each key must be on its layer (MalformedError): a hash for each, for trees of strangers. */
  readonly strict?: boolean
}

/** Greater than every character that a key can have. */
const afterAllCharacters = '\x7f'

/**
 * The entries of a tree, ascending unless `reverse`. Throws MalformedError when keys do not ascend or the tree is too
 * deep, MissingBlockError when a node is not there.
 */
export async function* entries(
  source: NodeSource,
  root: Cid,
  options: WalkOptions = {},
): AsyncGenerator<TreeEntry, void, undefined> {
  const range = rangeOf(options)
  const reverse = options.reverse === true
  const stack: Frame[] = []
  const enter = async (cid: Cid): Promise<void> => {
    const node = await fetchNode(source, cid)
    const layer = layerBelow(stack.at(-1), node, options.strict === true ? source.sha256 : undefined)
    stack.push({ node, layer, place: firstPlace(node, range, reverse) })
  }
  await enter(root)
  let previous: string | undefined
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const { node, place } = top
    if (place < 0 || place > 2 * node.keys.length) {
      stack.pop()
      continue
    }
    top.place += reverse ? -1 : 1
    if (place % 2 === 0) {
      const tree = node.trees[place / 2] ?? null
      if (tree !== null) await enter(tree)
      continue
    }
    const key = node.keys[(place - 1) / 2] ?? ''
    const cid = node.values[(place - 1) / 2]
    if (cid === undefined || (reverse ? key < range.from : key >= range.to)) return
    if (previous !== undefined && (reverse ? key >= previous : key <= previous)) {
      throw new MalformedError(`the key ${key} is out of order in the tree`, 0)
    }
    previous = key
    yield { key, cid }
  }
}

/** Places of a node of n keys are 0 to 2n: even ones are subtrees, odd ones keys. */
interface Frame {
  readonly node: StoredNode
  readonly layer: number
  place: number
}

interface Range {
  readonly from: string
  readonly to: string
}

function rangeOf(options: WalkOptions): Range {
  const { from = '', to = afterAllCharacters, prefix = '' } = options
  const end = prefix + afterAllCharacters
  return { from: from > prefix ? from : prefix, to: to < end ? to : end }
}

function firstPlace(node: StoredNode, range: Range, reverse: boolean): number {
  if (reverse) return 2 * lowerBound(node.keys, range.to)
  const index = lowerBound(node.keys, range.from)
  return node.keys[index] === range.from ? 2 * index + 1 : 2 * index
}

/** The layer of a node under `above`; checks with `sha256` that its keys belong there. */
function layerBelow(above: Frame | undefined, node: StoredNode, sha256: Sha256 | undefined): number {
  const first = node.keys[0]
  let layer = above === undefined ? layerMax : above.layer - 1
  if (above === undefined && sha256 !== undefined && first !== undefined) layer = keyLayer(first, sha256)
  if (layer < 0) throw new MalformedError(`the tree is deeper than its layers`, 0)
  const empty = first === undefined && node.trees[0] === null
  if (above !== undefined && empty) throw new MalformedError('an empty node within a tree', 0)
  if (above === undefined && first === undefined && !empty) {
    throw new MalformedError("the tree's root has no keys but a subtree", 0)
  }
  if (sha256 !== undefined) {
    for (const key of node.keys) {
      if (keyLayer(key, sha256) !== layer) throw new MalformedError(`the key ${key} is not on its layer`, 0)
    }
  }
  return layer
}
