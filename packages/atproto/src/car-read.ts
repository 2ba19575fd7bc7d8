/**
 * Reading CAR files, version 1, of strangers: bounded, and each block is what its CID says.
 * https://ipld.io/specs/transport/car/carv1/
 */
import { type Cursor, expectEnd, expectKey, majorArray, readArgument, readLink } from './cbor.ts'
import { type Block, type Cid, cidBytesLength, readCid, type Sha256 } from './cid.ts'
import { LimitError, MalformedError } from './errors.ts'

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
  /** Closes the source, for a reader who does not begin with the blocks; ending their iteration closes it too. */
  close(): Promise<void>
}

export interface CarOptions {
  readonly sha256: Sha256
  readonly limits?: Partial<CarLimits>
}

/**
 * Reads a CAR from chunks of any size. Throws MalformedError with the offset in the file; LimitError, which is one, when
 * a limit is passed.
 */
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
  const close = async (): Promise<void> => {
    await iterator.return?.()
  }
  async function* blocks(): AsyncGenerator<Block, void, undefined> {
    try {
      for (;;) {
        for (let block = parser.block(); block !== undefined; block = parser.block()) yield block
        if (!(await more())) break
      }
      parser.end()
    } finally {
      await close()
    }
  }
  try {
    let roots = parser.header()
    while (roots === undefined) {
      if (!(await more())) parser.end()
      roots = parser.header()
    }
    return { roots, blocks: blocks(), close }
  } catch (error) {
    await close()
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
      const section = readSection(queue, {
        what: 'header',
        limit: 'headerBytesMax',
        bytesMax: limits.headerBytesMax,
      })
      if (section === undefined) return undefined
      headerDone = true
      return decodeHeader(section.bytes, section.offset)
    },
    block: () => {
      const section = readSection(queue, {
        what: 'block',
        limit: 'blockBytesMax',
        bytesMax: limits.blockBytesMax + cidBytesLength,
      })
      if (section === undefined) return undefined
      blockCount += 1
      if (blockCount > limits.blocksMax)
        throw new LimitError('blocksMax', `more than ${limits.blocksMax} blocks`, section.offset)
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

/** Bytes of a length at most: five times seven bits hold every limit here. */
const lengthBytesMax = 5

interface SectionKind {
  readonly what: string
  readonly limit: keyof CarLimits
  readonly bytesMax: number
}

/** The next section, which has its length in front, or undefined when not all of it has come. */
function readSection(queue: Queue, kind: SectionKind): Section | undefined {
  const { what, limit, bytesMax } = kind
  let value = 0
  let prefix = 0
  for (let more = true; more; prefix += 1) {
    if (prefix === lengthBytesMax)
      throw new MalformedError(`the length of a ${what} is too large`, queue.offset())
    if (!queue.has(prefix + 1)) return undefined
    const byte = queue.byteAt(prefix)
    value += (byte & 127) * 128 ** prefix
    more = byte >= 128
    if (byte === 0 && prefix > 0) {
      throw new MalformedError(`the length of a ${what} is not in its shortest form`, queue.offset())
    }
  }
  if (value > bytesMax) {
    throw new LimitError(limit, `a ${what} of ${value} bytes exceeds ${bytesMax}`, queue.offset())
  }
  if (value === 0) throw new MalformedError(`a ${what} of no bytes`, queue.offset())
  if (!queue.has(prefix + value)) return undefined
  queue.take(prefix)
  const offset = queue.offset()
  return { bytes: queue.take(value), offset }
}

/** Bytes that have come and are not read yet. */
interface Queue {
  push(chunk: Uint8Array): void
  /** Whether so many bytes have come; joins them. */
  has(length: number): boolean
  /** A byte that `has` said is there, counted from the place of reading. */
  byteAt(index: number): number
  /** Reads so many bytes that `has` said are there. */
  take(length: number): Uint8Array
  /** The place of reading in the file. */
  offset(): number
  length(): number
}

function createQueue(bytesMax: number): Queue {
  // `head` is read from `at`; `tail` is joined to it only once both together are enough, so that each byte is copied
  // once however small the chunks are.
  let head: Uint8Array = new Uint8Array(0)
  let at = 0
  let tail: Uint8Array[] = []
  let length = 0
  let consumed = 0
  const join = () => {
    const joined = new Uint8Array(length)
    joined.set(head.subarray(at), 0)
    let place = head.length - at
    for (const chunk of tail) {
      joined.set(chunk, place)
      place += chunk.length
    }
    head = joined
    at = 0
    tail = []
  }
  return {
    push: chunk => {
      if (consumed + length + chunk.length > bytesMax) {
        throw new LimitError('bytesMax', `the CAR is larger than ${bytesMax} bytes`, bytesMax)
      }
      if (length === 0) {
        head = chunk
        at = 0
      } else tail.push(chunk)
      length += chunk.length
    },
    has: wanted => {
      if (wanted > length) return false
      if (wanted > head.length - at) join()
      return true
    },
    byteAt: index => head[at + index] ?? 0,
    take: wanted => {
      const bytes = head.subarray(at, at + wanted)
      at += wanted
      length -= wanted
      consumed += wanted
      return bytes
    },
    offset: () => consumed,
    length: () => length,
  }
}
