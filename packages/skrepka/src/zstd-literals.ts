/** The literals of a compressed block (RFC 8878, section 3.1.1.3.1). */
import { MalformedError } from './errors.ts'
import { type HuffmanTable, readHuffmanStream, readHuffmanTable } from './zstd-entropy.ts'
import { zstdBlockBytesMax, type ZstdHistory } from './zstd-output.ts'

/** Reads the literals at the begin of a block; gives them and where they end. */
export function readLiterals(
  block: Uint8Array,
  history: ZstdHistory,
): { readonly literals: Uint8Array; readonly end: number } {
  const head = block[0] ?? 0
  const kind = head & 3
  const format = (head >> 2) & 3
  // A header of up to five bytes; numbers, because it may have 40 bits.
  const bits = (from: number, count: number) => {
    let value = 0
    for (let at = 4; at >= 0; at -= 1) value = value * 256 + (block[at] ?? 0)
    return Math.floor(value / 2 ** from) % 2 ** count
  }
  if (kind < 2) {
    const width = format === 3 ? 3 : format === 1 ? 2 : 1
    const size = (format & 1) === 0 ? head >> 3 : bits(4, format === 1 ? 12 : 20)
    const end = width + (kind === 0 ? size : 1)
    if (size > zstdBlockBytesMax || end > block.length)
      throw new MalformedError(`expected ${size} literals within the block`, width)
    const literals = kind === 0 ? block.subarray(width, end) : new Uint8Array(size).fill(block[width] ?? 0)
    return { literals, end }
  }
  const sizeBits = format < 2 ? 10 : format === 2 ? 14 : 18
  const width = format < 2 ? 3 : format + 2
  const size = bits(4, sizeBits)
  const end = width + bits(4 + sizeBits, sizeBits)
  if (size > zstdBlockBytesMax || end > block.length)
    throw new MalformedError(`expected ${size} literals within the block`, width)
  let start = width
  if (kind === 2) {
    const described = readHuffmanTable(block.subarray(0, end), width)
    history.huffman = described.table
    start = described.end
  }
  if (history.huffman === undefined)
    throw new MalformedError('expected a Huffman table before it is used again', 0)
  const literals = new Uint8Array(size)
  readStreams(block.subarray(start, end), history.huffman, literals, format === 0 ? 1 : 4)
  return { literals, end }
}

function readStreams(bytes: Uint8Array, table: HuffmanTable, literals: Uint8Array, streams: 1 | 4): void {
  if (streams === 1) {
    readHuffmanStream(bytes, table, literals)
    return
  }
  const part = (literals.length + 3) >> 2
  if (part * 3 > literals.length) throw new MalformedError('expected literals enough for four streams', 0)
  let from = 6
  for (let stream = 0; stream < 4; stream += 1) {
    const size = (bytes[stream * 2] ?? 0) | ((bytes[stream * 2 + 1] ?? 0) << 8)
    const to = stream === 3 ? bytes.length : from + size
    if (to > bytes.length) throw new MalformedError('expected four streams within the block', from)
    readHuffmanStream(
      bytes.subarray(from, to),
      table,
      literals.subarray(stream * part, stream === 3 ? undefined : (stream + 1) * part),
    )
    from = to
  }
}
