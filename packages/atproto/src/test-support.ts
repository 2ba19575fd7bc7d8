/** What the tests of this package share: hashing, signing, a block store in memory, and the reference's tree. */
import { createHash, hash } from 'node:crypto'
import { BlockMap, MemoryBlockstore, MST } from '@atproto/repo'
import { CID } from 'multiformats/cid'
import { type Block, type Cid, cidFromDigest, cidKey, cidToString, codecDagCbor, type Sha256 } from './cid.ts'
import { decodeNode } from './mst-node.ts'
import { type BlockLoader, createNodeSource, type NodeSource } from './node-source.ts'

export const sha256: Sha256 = bytes => hash('sha256', bytes, 'buffer')

/** A CID that stands for a record. */
export function recordCid(seed: string | number): Cid {
  return cidFromDigest(codecDagCbor, createHash('sha256').update(String(seed)).digest())
}

export interface TestStore {
  readonly blocks: Map<string, Block>
  readonly load: BlockLoader
  readonly source: NodeSource
  /** How many blocks were asked for. */
  loads: number
  put(blocks: Iterable<Block>): void
  remove(cids: Iterable<Cid>): void
}

/** Blocks in memory; answers later unless `sync`. No cache. */
export function createTestStore(options: { readonly sync?: boolean } = {}): TestStore {
  const blocks = new Map<string, Block>()
  const load: BlockLoader = cids => {
    store.loads += cids.length
    const found = cids.map(cid => blocks.get(cidKey(cid))?.bytes)
    return options.sync === true ? found : Promise.resolve(found)
  }
  const store: TestStore = {
    blocks,
    load,
    source: createNodeSource({ load, sha256 }),
    loads: 0,
    put: added => {
      for (const block of added) blocks.set(cidKey(block.cid), block)
    },
    remove: cids => {
      for (const cid of cids) blocks.delete(cidKey(cid))
    },
  }
  return store
}

/** The CIDs of all nodes under a root, as text, sorted. */
export function reachableNodes(store: TestStore, root: Cid): string[] {
  const found: string[] = []
  const visit = (cid: Cid) => {
    const block = store.blocks.get(cidKey(cid))
    if (block === undefined) throw new Error(`the test's store lacks ${cidToString(cid)}`)
    found.push(cidToString(cid))
    for (const tree of decodeNode(block.bytes, cid).trees) if (tree !== null) visit(tree)
  }
  visit(root)
  return found.toSorted()
}

/** All blocks of a store, as text, sorted. */
export function storedCids(store: TestStore): string[] {
  return [...store.blocks.values()].map(block => cidToString(block.cid)).toSorted()
}

/** The reference's tree. */
export async function referenceTree(): Promise<MST> {
  return MST.create(new MemoryBlockstore(new BlockMap()))
}

/** A CID as the reference wants it. */
export function referenceCid(cid: Cid): never {
  return CID.decode(cid) as never
}
