/** Where nodes come from: a cache that repositories share, and behind it a loader of blocks. */
import { type Cid, cidKey, cidToString, type Sha256 } from './cid.ts'
import { MissingBlockError } from './errors.ts'
import { decodeNode, type StoredNode } from './mst-node.ts'

export type MaybePromise<T> = T | Promise<T>

/** The blocks of these CIDs, in their order; undefined for one that is not there. May answer at once. */
export type BlockLoader = (cids: readonly Cid[]) => MaybePromise<readonly (Uint8Array | undefined)[]>

/** Decoded nodes, least recently used first out. May be shared by all repositories: a CID names one node everywhere. */
export interface NodeCache {
  get(cid: Cid): StoredNode | undefined
  add(node: StoredNode): void
  /** What it holds now; `bytes` is an estimate of the memory that the nodes take. */
  size(): { readonly nodes: number; readonly bytes: number }
  clear(): void
}

/** Nodes by CID, at once if cached, else through the loader. */
export interface NodeSource {
  readonly sha256: Sha256
  peek(cid: Cid): StoredNode | undefined
  /** Throws MissingBlockError, or MalformedError when a block is no node. */
  fetch(cids: readonly Cid[]): MaybePromise<readonly StoredNode[]>
  /** Offers a node that was just made. */
  add(node: StoredNode): void
}

/** What a typed array costs beside its bytes, and a key beside its characters, in V8; measured, rounded up. */
const viewBytes = 120
const stringBytes = 32
const nodeBytes = 400

/** A node cache that holds at most about `bytesMax` bytes of memory. */
export function createNodeCache(options: { readonly bytesMax: number }): NodeCache {
  const entries = new Map<string, StoredNode>()
  let bytes = 0
  const evict = () => {
    for (const [key, node] of entries) {
      if (bytes <= options.bytesMax) return
      entries.delete(key)
      bytes -= weight(node)
    }
  }
  return {
    get: cid => {
      const key = cidKey(cid)
      const node = entries.get(key)
      if (node !== undefined) {
        entries.delete(key)
        entries.set(key, node)
      }
      return node
    },
    add: node => {
      const key = cidKey(node.cid)
      if (entries.has(key)) return
      entries.set(key, node)
      bytes += weight(node)
      if (bytes > options.bytesMax) evict()
    },
    size: () => ({ nodes: entries.size, bytes }),
    clear: () => {
      entries.clear()
      bytes = 0
    },
  }
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
  return {
    sha256,
    peek: cid => cache?.get(cid),
    fetch: cids => {
      const blocks = load(cids)
      return blocks instanceof Promise
        ? blocks.then(loaded => decodeAll(cids, loaded))
        : decodeAll(cids, blocks)
    },
    add: node => cache?.add(node),
  }
}

/** One node, from the cache or the loader. */
export async function fetchNode(source: NodeSource, cid: Cid): Promise<StoredNode> {
  const cached = source.peek(cid)
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
