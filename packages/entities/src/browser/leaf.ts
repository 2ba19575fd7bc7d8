/** The library in browsers. */
import { createLeaf, type Leaf } from '../api/leaf.ts'
import type { Backing } from '../store/backing.ts'
import { memoryBacking } from '../store/memory.ts'
import { createBrowserEd25519 } from './ed25519.ts'
import { idbBacking } from './idb.ts'

export interface OpenOptions {
  /** `idb(name)` or `memory()`. */
  readonly storage: Backing | Promise<Backing>
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number
}

/** Opens a store with its keys. Throws StoreError when the storage does not open. */
export async function openLeaf({ storage, now = Date.now }: OpenOptions): Promise<Leaf> {
  const platform = {
    ed25519: await createBrowserEd25519(crypto.subtle),
    random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
    now,
  }
  return createLeaf(platform, await storage)
}

/** A database of this site by its name; every write is on disk before it is answered. */
export function idb(name: string): Promise<Backing> {
  return idbBacking(name)
}

/** Gone with the page. */
export function memory(): Backing {
  return memoryBacking()
}
