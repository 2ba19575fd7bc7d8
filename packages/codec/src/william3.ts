/**
 * WILLIAM3, the hash of Willow'25: BLAKE3's compression and tree with an initial vector of its own, a chunk counter that
 * stays 0, and the byte length of a subtree as the counter of its parent.
 * https://worm-blossom.github.io/bab/#william3
 */
import { compress, type Counter } from './william3-compress.ts'

/** Bytes of a digest. */
export const william3Bytes = 32

const chunkBytes = 1024
const blockBytes = 64
const chunkStart = 1
const chunkEnd = 2
const parent = 4
const root = 8

/** BLAKE3("WILLIAM3") as words. */
const initial = Int32Array.of(
  0xc88f633b,
  0x4168fbf2,
  0x6ba32583,
  0xb0ff1847,
  0xac57e47d,
  0xa8931330,
  0x796a4645,
  0x6b28a3ee,
)
const zero: Counter = { low: 0, high: 0 }

/** A hash that is fed piece by piece. */
export interface William3 {
  /** Adds bytes; they are read at once and not kept. Throws after `digest`. */
  update(bytes: Uint8Array): William3
  /** The 32 bytes; may be called once. */
  digest(): Uint8Array
}

/** The digest of some bytes. */
export function william3(bytes: Uint8Array): Uint8Array {
  return createWilliam3().update(bytes).digest()
}

/** A subtree whose parent is not known yet. */
interface Subtree {
  readonly words: Int32Array
  readonly bytes: number
}

/** Starts a hash. Memory: one chunk, and one subtree for each level of the tree. */
export function createWilliam3(): William3 {
  const chunk = new Uint8Array(chunkBytes)
  let filled = 0
  let chunks = 0
  let done = false
  const stack: Subtree[] = []

  /** The tree is left-heavy: after n chunks, one subtree is open for each bit of n. */
  const closeChunk = () => {
    let subtree: Subtree = { words: hashChunk(chunk, 0, chunkBytes, 0), bytes: chunkBytes }
    chunks += 1
    for (let total = chunks; total % 2 === 0; total /= 2) {
      const left = stack.pop()
      if (left !== undefined) subtree = join(left, subtree, 0)
    }
    stack.push(subtree)
    filled = 0
  }

  const hash: William3 = {
    update: bytes => {
      if (done) throw new Error('this hash has given its digest already')
      for (let at = 0; at < bytes.length; ) {
        // The last chunk is closed by the digest, which alone knows that it is the last.
        if (filled === chunkBytes) closeChunk()
        const take = Math.min(chunkBytes - filled, bytes.length - at)
        chunk.set(bytes.subarray(at, at + take), filled)
        filled += take
        at += take
      }
      return hash
    },
    digest: () => {
      if (done) throw new Error('this hash has given its digest already')
      done = true
      let subtree: Subtree = {
        words: hashChunk(chunk, 0, filled, stack.length === 0 ? root : 0),
        bytes: filled,
      }
      for (let left = stack.pop(); left !== undefined; left = stack.pop()) {
        subtree = join(left, subtree, stack.length === 0 ? root : 0)
      }
      return bytesOf(subtree.words)
    },
  }
  return hash
}

const block = new Int32Array(blockBytes / 4)

/** The chaining value of one chunk of 0 to 1,024 bytes; an empty one is a single empty block. */
function hashChunk(bytes: Uint8Array, start: number, length: number, last: number): Int32Array {
  const words = initial.slice()
  let at = 0
  do {
    const size = Math.min(blockBytes, length - at)
    load(bytes, start + at, size)
    const flags = (at === 0 ? chunkStart : 0) | (at + size === length ? chunkEnd | last : 0)
    compress(words, { block, length: size, flags, counter: zero, initial })
    at += size
  } while (at < length)
  return words
}

/** The chaining value of a parent. */
function join(left: Subtree, right: Subtree, last: number): Subtree {
  const bytes = left.bytes + right.bytes
  block.set(left.words, 0)
  block.set(right.words, 8)
  const words = initial.slice()
  const counter = { low: bytes | 0, high: Math.floor(bytes / 2 ** 32) | 0 }
  compress(words, { block, length: blockBytes, flags: parent | last, counter, initial })
  return { words, bytes }
}

/** Fills the block with little-endian words; what is missing is 0. */
function load(bytes: Uint8Array, start: number, size: number): void {
  const whole = size >>> 2
  for (let word = 0; word < whole; word++) {
    const at = start + word * 4
    block[word] =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
  }
  if (whole < 16) block.fill(0, whole)
  for (let at = whole * 4; at < size; at++) {
    block[whole] = (block[whole] as number) | ((bytes[start + at] as number) << ((at & 3) * 8))
  }
}

function bytesOf(words: Int32Array): Uint8Array {
  const bytes = new Uint8Array(william3Bytes)
  const view = new DataView(bytes.buffer)
  words.forEach((word, index) => view.setInt32(index * 4, word, true))
  return bytes
}
