/** The library in Node. */
import { randomBytes } from 'node:crypto'
import { createLeaf, type Leaf } from '../api/leaf.ts'
import type { Platform } from '../api/platform.ts'
import type { Backing } from '../store/backing.ts'
import { memoryBacking } from '../store/memory.ts'
import { createNodeEd25519 } from './ed25519.ts'
import { sqliteBacking } from './sqlite.ts'

export interface OpenOptions {
  /** `sqlite(path)` or `memory()`. One process at a time opens a file. */
  readonly storage: Backing
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number
}

/** Native Ed25519, the system's generator and clock. */
export function nodePlatform(): Platform {
  return {
    ed25519: createNodeEd25519(),
    random: length => new Uint8Array(randomBytes(length)),
    now: Date.now,
  }
}

/** Opens a store with its keys. Throws StoreError when the storage does not open. */
export function openLeaf({ storage, now }: OpenOptions): Promise<Leaf> {
  const platform = nodePlatform()
  return createLeaf(now === undefined ? platform : { ...platform, now }, storage)
}

/** A file; every write is on disk before it is answered. */
export function sqlite(path: string): Backing {
  return sqliteBacking(path)
}

/** Gone when it is closed. */
export function memory(): Backing {
  return memoryBacking()
}
