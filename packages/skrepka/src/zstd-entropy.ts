/** The two entropy coders of Zstandard (RFC 8878, section 4): finite state entropy and Huffman, with their bit streams. */
import { MalformedError } from './errors.ts'

/** The number of the highest bit that is set: 0 for 1, -1 for 0. */
export function highBit(value: number): number {
  return 31 - Math.clz32(value)
}

/** A bit stream that is read from its end; what lies before its begin reads as zeros and makes `left` negative. */
export interface BackwardBits {
  /** Up to 24 bits. */
  read(count: number): number
  /** Bits that are left; negative once more were read than there are. */
  left(): number
}

/** Opens a stream; its last byte holds the mark above its last bit. */
export function backwardBits(bytes: Uint8Array): BackwardBits {
  const last = bytes[bytes.length - 1] ?? 0
  if (last === 0)
    throw new MalformedError('expected the mark that ends a bit stream, got a zero byte', bytes.length)
  let left = (bytes.length - 1) * 8 + highBit(last)
  return {
    left: () => left,
    read: count => {
      left -= count
      const first = left >> 3
      const word =
        (bytes[first] ?? 0) |
        ((bytes[first + 1] ?? 0) << 8) |
        ((bytes[first + 2] ?? 0) << 16) |
        ((bytes[first + 3] ?? 0) << 24)
      return (word >>> (left & 7)) & ((1 << count) - 1)
    },
  }
}

/** A decoding table: for each state the symbol, and how the next state is read. */
export interface FseTable {
  readonly accuracy: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
  readonly base: Uint16Array
}

/** Builds the table of normalised counts (-1: less than one). They must add up to `1 << accuracy`. */
export function fseTable(counts: readonly number[], accuracy: number): FseTable {
  const size = 1 << accuracy
  const symbols = new Uint8Array(size)
  const next = counts.map(count => Math.abs(count))
  let high = size
  for (const [symbol, count] of counts.entries()) if (count === -1) symbols[(high -= 1)] = symbol
  const step = (size >> 1) + (size >> 3) + 3
  let place = 0
  for (const [symbol, count] of counts.entries()) {
    for (let at = 0; at < count; at += 1) {
      symbols[place] = symbol
      do place = (place + step) & (size - 1)
      while (place >= high)
    }
  }
  if (place !== 0) throw new MalformedError('expected counts that fill their table, got others', 0)
  const bits = new Uint8Array(size)
  const base = new Uint16Array(size)
  for (const [state, symbol] of symbols.entries()) {
    const count = next[symbol] ?? 0
    next[symbol] = count + 1
    const width = accuracy - highBit(count)
    bits[state] = width
    base[state] = (count << width) - size
  }
  return { accuracy, symbols, bits, base }
}

/** The table that always gives one symbol and reads nothing. */
export function fseOf(symbol: number): FseTable {
  return { accuracy: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), base: new Uint16Array(1) }
}

/** Reads the description of a table at `start`; gives it and where it ends. */
export function readFseTable(
  bytes: Uint8Array,
  start: number,
  limits: { readonly accuracyMax: number; readonly symbolMax: number },
): { readonly table: FseTable; readonly end: number } {
  let bit = start * 8
  const read = (count: number): number => {
    const first = bit >> 3
    if (bit + count > bytes.length * 8)
      throw new MalformedError('expected more of a table, got the end', first)
    const word = (bytes[first] ?? 0) | ((bytes[first + 1] ?? 0) << 8) | ((bytes[first + 2] ?? 0) << 16)
    bit += count
    return (word >>> ((bit - count) & 7)) & ((1 << count) - 1)
  }
  const accuracy = read(4) + 5
  if (accuracy > limits.accuracyMax)
    throw new MalformedError(`expected an accuracy of at most ${limits.accuracyMax}, got ${accuracy}`, start)
  let remaining = 1 << accuracy
  const counts: number[] = []
  while (remaining > 0 && counts.length <= limits.symbolMax) {
    const count = readCount(remaining, read, back => (bit -= back))
    remaining -= Math.abs(count)
    counts.push(count)
    // After a zero, two bits at a time say how many more zeros follow.
    for (let more = count === 0 ? 3 : 0; more === 3; ) {
      more = read(2)
      for (let at = 0; at < more; at += 1) counts.push(0)
    }
  }
  if (remaining !== 0 || counts.length > limits.symbolMax + 1)
    throw new MalformedError('expected counts that fill their table, got others', start)
  return { table: fseTable(counts, accuracy), end: (bit + 7) >> 3 }
}

/** One count; small values take a bit less. */
function readCount(
  remaining: number,
  read: (count: number) => number,
  unread: (count: number) => void,
): number {
  const width = highBit(remaining + 1) + 1
  const value = read(width)
  const lower = (1 << (width - 1)) - 1
  const threshold = (1 << width) - 2 - remaining
  if ((value & lower) < threshold) {
    unread(1)
    return (value & lower) - 1
  }
  return (value > lower ? value - threshold : value) - 1
}

/** Codes of up to 11 bits, looked up by the next `bitsMax` bits. */
export interface HuffmanTable {
  readonly bitsMax: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
}

const huffmanBitsMax = 11
const huffmanWeightsMax = 255

/** Reads the description of a Huffman table at `start`; gives it and where it ends. */
export function readHuffmanTable(
  bytes: Uint8Array,
  start: number,
): { readonly table: HuffmanTable; readonly end: number } {
  const head = bytes[start] ?? 0
  if (head >= 128) {
    const count = head - 127
    const end = start + 1 + Math.ceil(count / 2)
    if (end > bytes.length) throw new MalformedError('expected more of a table, got the end', start)
    const weights = Array.from({ length: count }, (_, at) => {
      const pair = bytes[start + 1 + (at >> 1)] ?? 0
      return at % 2 === 0 ? pair >> 4 : pair & 15
    })
    return { table: huffmanTable(weights, start), end }
  }
  const end = start + 1 + head
  if (end > bytes.length) throw new MalformedError('expected more of a table, got the end', start)
  const described = readFseTable(bytes.subarray(0, end), start + 1, { accuracyMax: 6, symbolMax: 255 })
  return { table: huffmanTable(readWeights(bytes.subarray(described.end, end), described.table), start), end }
}

/** Weights come from two states that take turns, until the stream has given more than it had. */
function readWeights(bytes: Uint8Array, table: FseTable): number[] {
  const stream = backwardBits(bytes)
  const states = [stream.read(table.accuracy), stream.read(table.accuracy)]
  const weights: number[] = []
  for (let turn = 0; ; turn ^= 1) {
    const state = states[turn] ?? 0
    weights.push(table.symbols[state] ?? 0)
    states[turn] = (table.base[state] ?? 0) + stream.read(table.bits[state] ?? 0)
    if (weights.length > huffmanWeightsMax)
      throw new MalformedError(`expected at most ${huffmanWeightsMax} weights, got more`, 0)
    if (stream.left() < 0) {
      weights.push(table.symbols[states[turn ^ 1] ?? 0] ?? 0)
      return weights
    }
  }
}

function huffmanTable(weights: number[], offset: number): HuffmanTable {
  const sum = weights.reduce((total, weight) => total + (weight > 0 ? 1 << (weight - 1) : 0), 0)
  const bitsMax = highBit(sum) + 1
  const rest = (1 << bitsMax) - sum
  const oversized = weights.some(weight => weight > huffmanBitsMax)
  if (
    sum === 0 ||
    oversized ||
    bitsMax > huffmanBitsMax ||
    (rest & (rest - 1)) !== 0 ||
    weights.length > huffmanWeightsMax
  ) {
    throw new MalformedError('expected weights of a whole Huffman tree, got others', offset)
  }
  const lengths = [...weights, highBit(rest) + 1].map(weight => (weight > 0 ? bitsMax + 1 - weight : 0))
  const symbols = new Uint8Array(1 << bitsMax)
  const bits = new Uint8Array(1 << bitsMax)
  // Codes are given out from the longest to the shortest, in the order of the symbols.
  let code = 0
  for (let length = bitsMax; length > 0; length -= 1) {
    for (const [symbol, own] of lengths.entries()) {
      if (own !== length) continue
      const end = code + (1 << (bitsMax - length))
      symbols.fill(symbol, code, end)
      bits.fill(length, code, end)
      code = end
    }
  }
  return { bitsMax, symbols, bits }
}

/** Fills `output` from one Huffman stream, which must end exactly there. */
export function readHuffmanStream(bytes: Uint8Array, table: HuffmanTable, output: Uint8Array): void {
  const stream = backwardBits(bytes)
  const mask = (1 << table.bitsMax) - 1
  let state = stream.read(table.bitsMax)
  for (let at = 0; at < output.length; at += 1) {
    output[at] = table.symbols[state] ?? 0
    const width = table.bits[state] ?? 0
    state = ((state << width) & mask) | stream.read(width)
  }
  if (stream.left() !== -table.bitsMax)
    throw new MalformedError('expected a Huffman stream that ends with its content', 0)
}
