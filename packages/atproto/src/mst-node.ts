/**
 * One node of the Merkle search tree: its bytes, its checks, and where a key belongs.
 * https://atproto.com/specs/repository#mst-structure
 *
 * A node of n keys has n + 1 subtrees: subtree i holds the keys between key i - 1 and key i.
 */
import {
  asciiBytes,
  asciiOf,
  cborCidLength,
  type Cursor,
  expectEnd,
  expectKey,
  headLength,
  majorArray,
  majorBytes,
  majorUint,
  readArgument,
  readBytes,
  readLink,
  readLinkOrNull,
  writeHead,
  writeKey,
  writeLinkOrNull,
} from './cbor.ts'
import { type Cid, cidKey, cidOf, type Sha256 } from './cid.ts'
import { MalformedError } from './errors.ts'

/** A node that has its bytes and CID. Nobody changes one. */
export interface StoredNode {
  readonly cid: Cid
  /** `cidKey(cid)` */
  readonly cidKey: string
  readonly bytes: Uint8Array
  /** Ascending. */
  readonly keys: readonly string[]
  readonly values: readonly Cid[]
  /** One more than keys. */
  readonly trees: readonly (Cid | null)[]
}

/** A node that was made by a change and is not encoded yet; its subtrees may be such nodes too. */
export interface DraftNode {
  readonly cid: undefined
  readonly cidKey: undefined
  readonly bytes: undefined
  readonly keys: readonly string[]
  readonly values: readonly Cid[]
  readonly trees: readonly Subtree[]
}

export type MstNode = StoredNode | DraftNode
export type Subtree = Cid | DraftNode | null

/** Bytes of a node at most; some 20,000 keys. */
export const nodeBytesMax = 1_048_576
/** Characters of a key at most. */
export const keyLengthMax = 1024
/** SHA-256 has 256 bits and a layer takes two of them, so layers are 0 to 128. */
export const layerMax = 128

const keyPattern = /^[a-zA-Z0-9_~.:-]+\/[a-zA-Z0-9_~.:-]+$/
/** Whether `key` is `collection/rkey` as the tree demands it (the syntax of NSID and record key is stricter). */
export function isMstKey(key: string): boolean {
  return key.length <= keyLengthMax && keyPattern.test(key)
}

/** The layer a key belongs to: leading zero bits of its SHA-256, in pairs. */
export function keyLayer(key: string, sha256: Sha256): number {
  const digest = sha256(asciiBytes(key))
  let layer = 0
  for (const byte of digest) {
    if (byte === 0) {
      layer += 4
      continue
    }
    return layer + (byte < 4 ? 3 : byte < 16 ? 2 : byte < 64 ? 1 : 0)
  }
  return layer
}

/** Index of the first of `keys` that is not less than `key`; their number if there is none. */
export function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] ?? '') < key) low = middle + 1
    else high = middle
  }
  return low
}

/** How many characters two keys have in common at their beginning. */
export function commonPrefixLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length)
  let length = 0
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length += 1
  return length
}

/** A node without its bytes and CID, which the caller knows. */
export type NodeContent = Pick<StoredNode, 'keys' | 'values' | 'trees'>

/** The node's DAG-CBOR. */
export function encodeNode(node: NodeContent): Uint8Array {
  const { keys, values, trees } = node
  const count = keys.length
  const prefixes: number[] = []
  let length = 1 + 2 + headLength(count) + 2 + linkLength(trees[0])
  let previous = ''
  for (let index = 0; index < count; index += 1) {
    const key = keys[index] ?? ''
    const prefix = commonPrefixLength(previous, key)
    const rest = key.length - prefix
    prefixes.push(prefix)
    length +=
      1 + 8 + headLength(rest) + rest + headLength(prefix) + linkLength(trees[index + 1]) + cborCidLength
    previous = key
  }
  const out = new Uint8Array(length)
  out[0] = 0xa2
  let at = writeHead(out, writeKey(out, 1, 'e'), majorArray, count)
  for (let index = 0; index < count; index += 1) {
    const key = keys[index] ?? ''
    const prefix = prefixes[index] ?? 0
    out[at] = 0xa4
    at = writeHead(out, writeKey(out, at + 1, 'k'), majorBytes, key.length - prefix)
    for (let char = prefix; char < key.length; char += 1, at += 1) out[at] = key.charCodeAt(char)
    at = writeHead(out, writeKey(out, at, 'p'), majorUint, prefix)
    at = writeLinkOrNull(out, writeKey(out, at, 't'), trees[index + 1] ?? null)
    at = writeLinkOrNull(out, writeKey(out, at, 'v'), values[index] ?? null)
  }
  writeLinkOrNull(out, writeKey(out, at, 'l'), trees[0] ?? null)
  return out
}

/**
 * A node from its DAG-CBOR. Refuses, by MalformedError, every form that `encodeNode` would not give: other keys or orders
 * of keys, a wrong prefix length, keys that are not ascending or not valid. Does not see whether keys are on their layer.
 * The CIDs are views of `bytes`.
 */
export function decodeNode(bytes: Uint8Array, cid: Cid): StoredNode {
  if (bytes.length > nodeBytesMax)
    throw new MalformedError(`a node of ${bytes.length} bytes exceeds ${nodeBytesMax}`, 0)
  const cursor: Cursor = { bytes, at: 1 }
  if (bytes[0] !== 0xa2) throw new MalformedError('expected a node: a map of two', 0)
  expectKey(cursor, 'e')
  const count = readArgument(cursor, majorArray, 'the entries')
  const keys: string[] = []
  const values: Cid[] = []
  const trees: (Cid | null)[] = [null]
  let previous = ''
  for (let index = 0; index < count; index += 1) {
    previous = readEntry(cursor, previous, trees, values)
    keys.push(previous)
  }
  expectKey(cursor, 'l')
  trees[0] = readLinkOrNull(cursor, 'the left subtree')
  expectEnd(cursor, 'the node')
  return { cid, cidKey: cidKey(cid), bytes, keys, values, trees }
}

/** The node with no keys: the tree of an empty repository. */
export function emptyNode(sha256: Sha256): StoredNode {
  return storeNode({ keys: [], values: [], trees: [null] }, sha256)
}

/** Gives a node its bytes and its CID. */
export function storeNode(content: NodeContent, sha256: Sha256): StoredNode {
  const bytes = encodeNode(content)
  const cid = cidOf(bytes, sha256)
  return { cid, cidKey: cidKey(cid), bytes, keys: content.keys, values: content.values, trees: content.trees }
}

function readEntry(cursor: Cursor, previous: string, trees: (Cid | null)[], values: Cid[]): string {
  const start = cursor.at
  if (cursor.bytes[start] !== 0xa4) throw new MalformedError('expected an entry: a map of four', start)
  cursor.at += 1
  expectKey(cursor, 'k')
  const rest = readBytes(cursor, "the key's rest")
  expectKey(cursor, 'p')
  const prefix = readArgument(cursor, majorUint, 'the prefix length')
  const key = joinKey(previous, prefix, rest, start)
  expectKey(cursor, 't')
  trees.push(readLinkOrNull(cursor, 'the right subtree'))
  expectKey(cursor, 'v')
  values.push(readLink(cursor, 'the value'))
  return key
}

function joinKey(previous: string, prefix: number, rest: Uint8Array, offset: number): string {
  const first = rest[0]
  // The first character behind the shared prefix decides both that the prefix is the longest and that keys ascend.
  if (
    first === undefined ||
    prefix > previous.length ||
    (prefix < previous.length && first <= previous.charCodeAt(prefix))
  ) {
    throw new MalformedError('the prefix length is wrong, or keys do not ascend', offset)
  }
  const key = previous.slice(0, prefix) + asciiOf(rest, 0, rest.length)
  if (!isMstKey(key)) throw new MalformedError('a key is not collection/rkey', offset)
  return key
}

function linkLength(tree: Cid | null | undefined): number {
  return tree === null || tree === undefined ? 1 : cborCidLength
}
