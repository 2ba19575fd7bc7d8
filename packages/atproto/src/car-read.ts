/**
 * Reading CAR files, version 1, of strangers: bounded, and each block is what its CID says.
 * https://ipld.io/specs/transport/car/carv1/
 */
import { type Cursor, expectEnd, expectKey, majorArray, readArgument, readLink } from './cbor.ts'
import { type Block, type Cid, cidBytesLength, readCid, type Sha256 } from './cid.ts'
import { MalformedError } from './errors.ts'

export interface CarLimits {
  readonly headerBytesMax: number
  /** Bytes of one block, without its CID. */
  readonly blockBytesMax: number
  readonly blocksMax: number
  /** Bytes of the whole file. */
  readonly bytesMax: number
}

/** What a repository of an ordinary person fits in. */
export const carLimits: CarLimits = {
  headerBytesMax: 4096,
  blockBytesMax: 2_097_152,
  blocksMax: 10_000_000,
  bytesMax: 4_294_967_296,
}

export interface CarReader {
  readonly roots: readonly Cid[]
  /**
   * The blocks in the file's order, once; a block may come twice. `bytes` and `cid` are views of the chunks: copy what is
   * kept for long. Throws MalformedError with the offset in the file.
   */
  readonly blocks: AsyncGenerator<Block, void, undefined>
}

export interface CarOptions {
  readonly sha256: Sha256
  readonly limits?: Partial<CarLimits>
}

/** Reads a CAR from chunks of any size. Throws MalformedError with the offset in the file, also when a limit is passed. */
export async function readCar(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CarOptions,
): Promise<CarReader> {
  const limits = { ...carLimits, ...options.limits }
  const iterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
  const parser = createParser(options.sha256, limits)
  const more = async (): Promise<boolean> => {
    const next = await iterator.next()
    if (next.done === true) return false
    parser.push(next.value)
    return true
  }
  async function* blocks(): AsyncGenerator<Block, void, undefined> {
    try {
      for (;;) {
        for (let block = parser.block(); block !== undefined; block = parser.block()) yield block
        if (!(await more())) break
      }
      parser.end()
    } finally {
      await iterator.return?.()
    }
  }
  try {
    let roots = parser.header()
    while (roots === undefined) {
      if (!(await more())) parser.end()
      roots = parser.header()
    }
    return { roots, blocks: blocks() }
  } catch (error) {
    await iterator.return?.()
    throw error
  }
}

/** Reads a CAR that is in memory. Throws MalformedError. */
export function parseCar(
  bytes: Uint8Array,
  options: CarOptions,
): { readonly roots: readonly Cid[]; readonly blocks: readonly Block[] } {
  const parser = createParser(options.sha256, { ...carLimits, ...options.limits })
  parser.push(bytes)
  const roots = parser.header()
  if (roots === undefined) throw endWithinHeader(bytes.length)
  const blocks: Block[] = []
  for (let block = parser.block(); block !== undefined; block = parser.block()) blocks.push(block)
  parser.end()
  return { roots, blocks }
}

interface Parser {
  push(chunk: Uint8Array): void
  /** Undefined: more bytes are needed. */
  header(): readonly Cid[] | undefined
  block(): Block | undefined
  /** Throws when the file ended within something. */
  end(): void
}

function createParser(sha256: Sha256, limits: CarLimits): Parser {
  const queue = createQueue(limits.bytesMax)
  let blockCount = 0
  let headerDone = false
  return {
    push: queue.push,
    header: () => {
      const section = queue.section(limits.headerBytesMax, 'header')
      if (section === undefined) return undefined
      headerDone = true
      return decodeHeader(section.bytes, section.offset)
    },
    block: () => {
      const section = queue.section(limits.blockBytesMax + cidBytesLength, 'block')
      if (section === undefined) return undefined
      blockCount += 1
      if (blockCount > limits.blocksMax)
        throw new MalformedError(`more than ${limits.blocksMax} blocks`, section.offset)
      return checkBlock(section, sha256)
    },
    end: () => {
      if (!headerDone) throw endWithinHeader(queue.offset() + queue.length())
      if (queue.length() > 0)
        throw new MalformedError('the CAR ends within a block', queue.offset() + queue.length())
    },
  }
}

function endWithinHeader(offset: number): MalformedError {
  return new MalformedError('the CAR ends within its header', offset)
}

function checkBlock(section: Section, sha256: Sha256): Block {
  const { bytes, offset } = section
  const cid = within(offset, () => readCid(bytes, 0))
  const content = bytes.subarray(cidBytesLength)
  const digest = sha256(content)
  for (let index = 0; index < 32; index += 1) {
    if (digest[index] !== cid[4 + index]) throw new MalformedError('a block is not what its CID says', offset)
  }
  return { cid, bytes: content }
}

function decodeHeader(bytes: Uint8Array, offset: number): readonly Cid[] {
  return within(offset, () => {
    const cursor: Cursor = { bytes, at: 1 }
    if (bytes[0] !== 0xa2) throw new MalformedError('expected a CAR header: a map of two', 0)
    expectKey(cursor, 'roots')
    const count = readArgument(cursor, majorArray, 'the roots')
    const roots: Cid[] = []
    for (let index = 0; index < count; index += 1) roots.push(readLink(cursor, 'a root'))
    expectKey(cursor, 'version')
    if (bytes[cursor.at] !== 1) throw new MalformedError('expected CAR version 1', cursor.at)
    cursor.at += 1
    expectEnd(cursor, 'the header')
    return roots
  })
}

/** Gives errors of `read` the offset in the file. */
function within<T>(offset: number, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause
    throw Object.assign(new MalformedError(cause.message, offset + cause.offset), { cause })
  }
}

interface Section {
  readonly bytes: Uint8Array
  /** Of the section's content in the file. */
  readonly offset: number
}

interface Queue {
  push(chunk: Uint8Array): void
  /** The next length-prefixed section, or undefined when not all of it has come. */
  section(bytesMax: number, what: string): Section | undefined
  offset(): number
  length(): number
}

/** Bytes of a length at most: five times seven bits hold every limit here. */
const lengthBytesMax = 5

function createQueue(bytesMax: number): Queue {
  // What has come and is not read: `head` from `at`, then `tail`, which is joined to it only once it is enough.
  let head: Uint8Array = new Uint8Array(0)
  let at = 0
  let tail: Uint8Array[] = []
  let tailLength = 0
  let consumed = 0
  let received = 0

  const gather = (wanted: number): boolean => {
    if (head.length - at >= wanted) return true
    if (head.length - at + tailLength < wanted) return false
    const joined = new Uint8Array(head.length - at + tailLength)
    joined.set(head.subarray(at), 0)
    let place = head.length - at
    for (const chunk of tail) {
      joined.set(chunk, place)
      place += chunk.length
    }
    head = joined
    at = 0
    tail = []
    tailLength = 0
    return true
  }

  const readLength = (what: string): { readonly value: number; readonly length: number } | undefined => {
    let value = 0
    for (let index = 0; index < lengthBytesMax; index += 1) {
      if (!gather(index + 1)) return undefined
      const byte = head[at + index] ?? 0
      value += (byte & 127) * 128 ** index
      if (byte >= 128) continue
      if (byte === 0 && index > 0)
        throw new MalformedError(`the length of a ${what} is not in its shortest form`, consumed)
      return { value, length: index + 1 }
    }
    throw new MalformedError(`the length of a ${what} is too large`, consumed)
  }

  return {
    push: chunk => {
      received += chunk.length
      if (received > bytesMax) throw new MalformedError(`the CAR is larger than ${bytesMax} bytes`, bytesMax)
      if (at === head.length && tail.length === 0) {
        head = chunk
        at = 0
      } else {
        tail.push(chunk)
        tailLength += chunk.length
      }
    },
    section: (bytesMaxOfSection, what) => {
      const prefix = readLength(what)
      if (prefix === undefined) return undefined
      if (prefix.value > bytesMaxOfSection) {
        throw new MalformedError(`a ${what} of ${prefix.value} bytes exceeds ${bytesMaxOfSection}`, consumed)
      }
      if (prefix.value === 0) throw new MalformedError(`a ${what} of no bytes`, consumed)
      if (!gather(prefix.length + prefix.value)) return undefined
      const start = at + prefix.length
      const bytes = head.subarray(start, start + prefix.value)
      const offset = consumed + prefix.length
      at = start + prefix.value
      consumed = offset + prefix.value
      return { bytes, offset }
    },
    offset: () => consumed,
    length: () => head.length - at + tailLength,
  }
}
