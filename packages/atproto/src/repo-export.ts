/**
 * A repository's blocks in the order that streaming readers want: the node, its left subtree, then for each key its
 * record and the subtree behind it (pre-order). https://atproto.com/specs/repository#car-file-serialization
 */
import { type Block, type Cid, cidToString } from './cid.ts'
import { MalformedError, MissingBlockError } from './errors.ts'
import { decodeNode, layerMax } from './mst-node.ts'
import type { MaybePromise } from './node-source.ts'

/**
 * The blocks of these CIDs, in their order. Null leaves a block out, and with a node all that is below it; undefined:
 * it is not there, which ends the export with MissingBlockError. `nodes` and records are asked for in one call.
 */
export type ExportLoader = (cids: readonly Cid[]) => MaybePromise<readonly (Uint8Array | null | undefined)[]>

export interface ExportOptions {
  /** Blocks asked for in one call at most. */
  readonly batchBlocksMax?: number
  /** Calls get smaller while they bring more bytes than this. */
  readonly batchBytesTarget?: number
  /** Leaves the records out. */
  readonly nodesOnly?: boolean
}

const defaultBatchBlocksMax = 256
const defaultBatchBytesTarget = 1_048_576
const batchBlocksMin = 4

/** Something that is still to be given, and what comes behind it. */
interface Item {
  readonly cid: Cid
  /** Nodes above it; -1 for a record. */
  readonly depth: number
  bytes: Uint8Array | null | undefined
  loaded: boolean
  next: Item | undefined
}

/**
 * All nodes and records under `root`, in batches, in pre-order. Reads ahead: each call of `load` asks for the next blocks
 * in order that are known and not there, so that a tree of n blocks takes about n / 250 calls, and a few batches are in
 * memory at a time. A record that is at two paths comes twice. The tree must be one that was made or checked here: a
 * stranger's node may be referred to twice, by one that is referred to twice, and so on (`entries` refuses that).
 */
export async function* exportTree(
  root: Cid,
  load: ExportLoader,
  options: ExportOptions = {},
): AsyncGenerator<readonly Block[], void, undefined> {
  const batchBlocksMax = options.batchBlocksMax ?? defaultBatchBlocksMax
  const batchBytesTarget = options.batchBytesTarget ?? defaultBatchBytesTarget
  let batchBlocks = batchBlocksMax
  let head: Item | undefined = newItem(root, 0, undefined)
  while (head !== undefined) {
    const ready: Block[] = []
    while (head?.loaded === true) {
      if (head.bytes) ready.push({ cid: head.cid, bytes: head.bytes })
      head = head.next
    }
    if (ready.length > 0) yield ready
    if (head === undefined) return
    const wanted = nextUnloaded(head, batchBlocks)
    const blocks = await load(wanted.map(item => item.cid))
    let bytes = 0
    for (const [index, item] of wanted.entries()) {
      bytes += blocks[index]?.length ?? 0
      fill(item, blocks[index], options.nodesOnly === true)
    }
    if (bytes > batchBytesTarget) batchBlocks = Math.max(batchBlocksMin, batchBlocks >> 1)
    else if (bytes < batchBytesTarget / 4) batchBlocks = Math.min(batchBlocksMax, batchBlocks * 2)
  }
}

function nextUnloaded(head: Item, most: number): Item[] {
  const found: Item[] = []
  for (let item: Item | undefined = head; item !== undefined && found.length < most; item = item.next) {
    if (!item.loaded) found.push(item)
  }
  return found
}

/** Gives an item its bytes, and puts what a node refers to behind it. */
function fill(item: Item, bytes: Uint8Array | null | undefined, nodesOnly: boolean): void {
  if (bytes === undefined) throw new MissingBlockError(cidToString(item.cid))
  item.bytes = bytes
  item.loaded = true
  if (bytes === null || item.depth < 0) return
  if (item.depth > layerMax) throw new MalformedError(`the tree is deeper than ${layerMax} layers`, 0)
  const node = decodeNode(bytes, item.cid)
  let next = item.next
  for (let index = node.keys.length; index >= 0; index -= 1) {
    const tree = node.trees[index] ?? null
    if (tree !== null) next = newItem(tree, item.depth + 1, next)
    const value = index > 0 && !nodesOnly ? node.values[index - 1] : undefined
    if (value !== undefined) next = newItem(value, -1, next)
  }
  item.next = next
}

function newItem(cid: Cid, depth: number, next: Item | undefined): Item {
  return { cid, depth, bytes: undefined, loaded: false, next }
}
