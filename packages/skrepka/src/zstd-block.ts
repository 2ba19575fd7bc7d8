/** A compressed block of Zstandard (RFC 8878, section 3.1.1.3): literals, and sequences that copy them and what came before. */
import { MalformedError } from './errors.ts'
import { backwardBits, type FseTable, fseOf, fseTable, readFseTable } from './zstd-entropy.ts'
import { readLiterals } from './zstd-literals.ts'
import { zstdBlockBytesMax, type ZstdHistory, type ZstdOutput, zstdRoom } from './zstd-output.ts'

/** Decodes one compressed block to the end of `output`. */
export function readZstdBlock(block: Uint8Array, history: ZstdHistory, output: ZstdOutput): void {
  const { literals, end } = readLiterals(block, history)
  const { count, at } = readCount(block, end)
  if (count === 0) {
    if (at !== block.length) throw new MalformedError('expected the end of a block without sequences', at)
    zstdRoom(output, literals.length)
    output.bytes.set(literals, output.length)
    output.length += literals.length
    return
  }
  const start = readTables(block, at, history)
  runSequences({ literals, count, stream: block.subarray(start), history, output })
}

function readCount(block: Uint8Array, at: number): { readonly count: number; readonly at: number } {
  const [first = -1, second = 0, third = 0] = block.subarray(at, at + 3)
  if (first < 0) throw new MalformedError('expected the number of sequences, got the end', at)
  if (first < 128) return { count: first, at: at + 1 }
  if (first < 255) return { count: ((first - 128) << 8) + second, at: at + 2 }
  return { count: second + (third << 8) + 0x7f00, at: at + 3 }
}

const less = (count: number) => Array.from({ length: count }, () => -1)
const ones = (count: number) => Array.from({ length: count }, () => 1)

/** Of literal lengths, offsets, match lengths: limits of their tables, and the tables that need no description. */
const kinds = [
  {
    accuracyMax: 9,
    symbolMax: 35,
    usual: fseTable(
      [
        4,
        3,
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        1,
        1,
        1,
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        3,
        2,
        1,
        1,
        1,
        1,
        1,
        ...less(4),
      ],
      6,
    ),
  },
  { accuracyMax: 8, symbolMax: 31, usual: fseTable([1, 1, 1, 1, 1, 1, 2, 2, 2, ...ones(15), ...less(5)], 5) },
  { accuracyMax: 9, symbolMax: 52, usual: fseTable([1, 4, 3, 2, 2, 2, 2, 2, 2, ...ones(37), ...less(7)], 6) },
] as const

/** Reads the three tables; gives where the bit stream of the sequences begins. */
function readTables(block: Uint8Array, modesAt: number, history: ZstdHistory): number {
  const modes = block[modesAt] ?? 1
  if ((modes & 3) !== 0)
    throw new MalformedError('expected the modes of sequences, got reserved ones', modesAt)
  let at = modesAt + 1
  for (const [index, kind] of kinds.entries()) {
    const mode = (modes >> (6 - index * 2)) & 3
    if (mode === 0) history.tables[index] = kind.usual
    else if (mode === 1) {
      const symbol = block[at] ?? 255
      if (symbol > kind.symbolMax)
        throw new MalformedError(`expected a code of at most ${kind.symbolMax}, got ${symbol}`, at)
      history.tables[index] = fseOf(symbol)
      at += 1
    } else if (mode === 2) {
      const described = readFseTable(block, at, kind)
      history.tables[index] = described.table
      at = described.end
    }
  }
  return at
}

/** Values of a code: its first one, and how many bits are added. */
function codeTable(first: number, bits: readonly number[]) {
  let base = first
  return bits.map(width => {
    const entry = { base, width }
    base += 1 << width
    return entry
  })
}
const zeros = (count: number) => Array.from({ length: count }, () => 0)
const literalCodes = codeTable(0, [
  ...zeros(16),
  1,
  1,
  1,
  1,
  2,
  2,
  3,
  3,
  4,
  6,
  7,
  8,
  9,
  10,
  11,
  12,
  13,
  14,
  15,
  16,
])
const matchCodes = codeTable(3, [
  ...zeros(32),
  1,
  1,
  1,
  1,
  2,
  2,
  3,
  3,
  4,
  4,
  5,
  7,
  8,
  9,
  10,
  11,
  12,
  13,
  14,
  15,
  16,
])
/** Larger offsets than these bits can say lie before the begin of anything that is read here. */
const offsetBitsMax = 24

function runSequences(work: {
  readonly literals: Uint8Array
  readonly count: number
  readonly stream: Uint8Array
  readonly history: ZstdHistory
  readonly output: ZstdOutput
}): void {
  const { literals, history, output } = work
  const [literalTable, offsetTable, matchTable] = history.tables
  if (literalTable === undefined || offsetTable === undefined || matchTable === undefined) {
    throw new MalformedError('expected tables before they are used again', 0)
  }
  const stream = backwardBits(work.stream)
  const step = (table: FseTable, state: number) =>
    (table.base[state] ?? 0) + stream.read(table.bits[state] ?? 0)
  let literalState = stream.read(literalTable.accuracy)
  let offsetState = stream.read(offsetTable.accuracy)
  let matchState = stream.read(matchTable.accuracy)
  const end = output.length + zstdBlockBytesMax
  let used = 0
  for (let sequence = 1; sequence <= work.count; sequence += 1) {
    const offsetBits = offsetTable.symbols[offsetState] ?? 0
    if (offsetBits > offsetBitsMax)
      throw new MalformedError(`expected an offset of at most ${offsetBitsMax} bits, got ${offsetBits}`, 0)
    const offsetValue = 2 ** offsetBits + stream.read(offsetBits)
    const matchCode = matchCodes[matchTable.symbols[matchState] ?? 0]
    const matched = (matchCode?.base ?? 0) + stream.read(matchCode?.width ?? 0)
    const literalCode = literalCodes[literalTable.symbols[literalState] ?? 0]
    const copied = (literalCode?.base ?? 0) + stream.read(literalCode?.width ?? 0)
    if (stream.left() < 0 || used + copied > literals.length || output.length + copied + matched > end) {
      throw new MalformedError('expected sequences that fit their block, got longer ones', 0)
    }
    zstdRoom(output, copied + matched)
    output.bytes.set(literals.subarray(used, used + copied), output.length)
    used += copied
    output.length += copied
    copyMatch(output, offsetOf(offsetValue, copied === 0, history.repeats), matched)
    if (sequence === work.count) break
    literalState = step(literalTable, literalState)
    matchState = step(matchTable, matchState)
    offsetState = step(offsetTable, offsetState)
  }
  if (stream.left() !== 0) throw new MalformedError('expected sequences that use their whole stream', 0)
  const rest = literals.subarray(used)
  if (output.length + rest.length > end)
    throw new MalformedError(`expected at most ${zstdBlockBytesMax} bytes of a block`, 0)
  zstdRoom(output, rest.length)
  output.bytes.set(rest, output.length)
  output.length += rest.length
}

/** What an offset's value means: 1 to 3 are the last offsets again (section 3.1.1.5). */
function offsetOf(value: number, noLiterals: boolean, repeats: [number, number, number]): number {
  const [first, second, third] = repeats
  if (value > 3) {
    repeats.splice(0, 3, value - 3, first, second)
    return value - 3
  }
  const which = value - 1 + (noLiterals ? 1 : 0)
  if (which === 0) return first
  const offset = which === 1 ? second : which === 2 ? third : first - 1
  repeats.splice(0, 3, offset, first, which === 1 ? third : second)
  return offset
}

function copyMatch(output: ZstdOutput, offset: number, length: number): void {
  const { bytes } = output
  const from = output.length - offset
  if (offset < 1 || from < 0)
    throw new MalformedError(`expected a match within what is there, got offset ${offset}`, 0)
  const end = output.length + length
  for (let at = output.length; at < end; at += 1) bytes[at] = bytes[at - offset] ?? 0
  output.length = end
}
