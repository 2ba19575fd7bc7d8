/** Where nodes come from: a cache that repositories share, and behind it a loader of blocks. */
import { type Cid, cidKey, cidToString, type Sha256 } from './cid.ts'
import { MissingBlockError } from './errors.ts'
import { decodeNode, type StoredNode } from './mst-node.ts'

export type MaybePromise<T> = T | Promise<T>

/** The blocks of at most `loadBlocksMax` CIDs, in their order; undefined for one that is not there. May answer at once. */
export type BlockLoader = (cids: readonly Cid[]) => MaybePromise<readonly (Uint8Array | undefined)[]>

/** CIDs that a loader is asked for at once, at most. */
export const loadBlocksMax = 256

/** Decoded nodes; what was not used for long goes. May be shared by all repositories: a CID names one node everywhere. */
export interface NodeCache {
  /** By `cidKey`. */
  get(key: string): StoredNode | undefined
  add(node: StoredNode): void
  /** Makes room: the node is not used any more. */
  remove(key: string): void
  /** What it holds now; `bytes` is an estimate of the memory that the nodes take. */
  size(): { readonly nodes: number; readonly bytes: number }
  clear(): void
}

/** Nodes by CID, at once if cached, else through the loader. */
export interface NodeSource {
  readonly sha256: Sha256
  /** By `cidKey`. */
  peek(key: string): StoredNode | undefined
  /** Throws MissingBlockError, or MalformedError when a block is no node. */
  fetch(cids: readonly Cid[]): MaybePromise<readonly StoredNode[]>
  /** Offers a node that was just made. */
  add(node: StoredNode): void
  /** Lets go of a node that was replaced. */
  remove(key: string): void
}

/** What a typed array costs beside its bytes, and a key beside its characters, in V8; measured, rounded up. */
const viewBytes = 120
const stringBytes = 32
const nodeBytes = 400

/**
 * A node cache that holds at most about `bytesMax` bytes of memory, in two generations: when the young one is half of
 * that, it becomes the old one, and what was old and not used since goes. (Least recently used first by one ordered Map
 * costs more than all else of a commit, because a Map walks over what was deleted from its front.)
 */
export function createNodeCache(options: { readonly bytesMax: number }): NodeCache {
  const generationBytesMax = options.bytesMax / 2
  let young = createGeneration()
  let old = createGeneration()
  const add = (node: StoredNode, bytes: number) => {
    if (bytes > generationBytesMax) return
    if (young.bytes + bytes > generationBytesMax) {
      old = young
      young = createGeneration()
    }
    young.nodes.set(node.cidKey, node)
    young.bytes += bytes
  }
  const remove = (generation: Generation, key: string): StoredNode | undefined => {
    const node = generation.nodes.get(key)
    if (node === undefined) return undefined
    generation.nodes.delete(key)
    generation.bytes -= weight(node)
    return node
  }
  return {
    get: key => {
      const node = young.nodes.get(key)
      if (node !== undefined) return node
      const aged = remove(old, key)
      if (aged !== undefined) add(aged, weight(aged))
      return aged
    },
    add: node => {
      if (young.nodes.has(node.cidKey)) return
      remove(old, node.cidKey)
      add(node, weight(node))
    },
    remove: key => {
      remove(young, key)
      remove(old, key)
    },
    size: () => ({ nodes: young.nodes.size + old.nodes.size, bytes: young.bytes + old.bytes }),
    clear: () => {
      young = createGeneration()
      old = createGeneration()
    },
  }
}

interface Generation {
  readonly nodes: Map<string, StoredNode>
  bytes: number
}

function createGeneration(): Generation {
  return { nodes: new Map(), bytes: 0 }
}

/** A node source over a loader. Blocks are trusted to be what their CIDs say: verify them where they come in. */
export function createNodeSource(options: {
  readonly load: BlockLoader
  readonly sha256: Sha256
  readonly cache?: NodeCache
}): NodeSource {
  const { load, sha256, cache } = options
  const decodeAll = (
    cids: readonly Cid[],
    blocks: readonly (Uint8Array | undefined)[],
  ): readonly StoredNode[] =>
    cids.map((cid, index) => {
      const bytes = blocks[index]
      if (bytes === undefined) throw new MissingBlockError(cidToString(cid))
      const node = decodeNode(ownBytes(bytes), cid)
      cache?.add(node)
      return node
    })
  const fetchInParts = async (cids: readonly Cid[]): Promise<readonly StoredNode[]> => {
    const nodes: StoredNode[] = []
    for (let start = 0; start < cids.length; start += loadBlocksMax) {
      const part = cids.slice(start, start + loadBlocksMax)
      nodes.push(...decodeAll(part, await load(part)))
    }
    return nodes
  }
  return {
    sha256,
    peek: key => cache?.get(key),
    fetch: cids => {
      if (cids.length > loadBlocksMax) return fetchInParts(cids)
      const blocks = load(cids)
      return blocks instanceof Promise
        ? blocks.then(loaded => decodeAll(cids, loaded))
        : decodeAll(cids, blocks)
    },
    add: node => cache?.add(node),
    remove: key => cache?.remove(key),
  }
}

/** One node, from the cache or the loader. */
export async function fetchNode(source: NodeSource, cid: Cid): Promise<StoredNode> {
  const cached = source.peek(cidKey(cid))
  if (cached !== undefined) return cached
  const node = (await source.fetch([cid]))[0]
  if (node === undefined) throw new MissingBlockError(cidToString(cid))
  return node
}

/** A view of a larger buffer (a network chunk, a pool) would keep all of that in memory. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.prototype.slice.call(bytes)
}

function weight(node: StoredNode): number {
  let characters = 0
  for (const key of node.keys) characters += key.length + stringBytes
  return nodeBytes + node.bytes.length + characters + (2 * node.keys.length + 1) * viewBytes
}
