/** Blocks that were read before they are needed, within bounds of one export and of all together. */
import { type Block, type Cid, cidBytesLength, cidEquals } from '@leaf/atproto/cid'

/** What all exports have read ahead. */
export interface Ahead {
  bytes: number
}

export interface HeldBlocks {
  /** Gives a block, and lets it go. */
  take(cid: Cid): Uint8Array | undefined
  /** Takes blocks in, none of which it has. False when there is no more room. */
  keep(blocks: readonly Block[]): boolean
  drop(): void
}

/** Holds until it has `bytesMax`, or all have `bytesOfAllMax`. */
export function createHeldBlocks(
  ahead: Ahead,
  bounds: { readonly bytesMax: number; readonly bytesOfAllMax: number },
): HeldBlocks {
  // By the first bits of the digest, which are as good as random: much cheaper than a text of all of it.
  const blocks = new Map<number, Block[]>()
  let held = 0
  const add = (bytes: number) => {
    held += bytes
    ahead.bytes += bytes
  }
  return {
    take: cid => {
      if (blocks.size === 0) return undefined
      const key = digestStart(cid)
      const same = blocks.get(key)
      const index = same?.findIndex(block => cidEquals(block.cid, cid)) ?? -1
      if (same === undefined || index < 0) return undefined
      const [block] = same.splice(index, 1)
      if (same.length === 0) blocks.delete(key)
      if (block === undefined) return undefined
      add(-block.bytes.length)
      return block.bytes
    },
    keep: batch => {
      for (const block of batch) {
        const key = digestStart(block.cid)
        const same = blocks.get(key)
        if (same === undefined) blocks.set(key, [block])
        else same.push(block)
        add(block.bytes.length)
      }
      return held < bounds.bytesMax && ahead.bytes < bounds.bytesOfAllMax
    },
    drop: () => {
      blocks.clear()
      add(-held)
    },
  }
}

/** 30 bits of the digest. */
function digestStart(cid: Cid): number {
  const at = cidBytesLength - 32
  return (
    ((cid[at] ?? 0) | ((cid[at + 1] ?? 0) << 8) | ((cid[at + 2] ?? 0) << 16) | ((cid[at + 3] ?? 0) << 24)) &
    0x3fffffff
  )
}
