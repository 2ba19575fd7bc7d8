/** What the blocks of one Zstandard frame share: what was written so far, and what one leaves to the next. */
import { LimitError } from './errors.ts'
import type { FseTable, HuffmanTable } from './zstd-entropy.ts'

/** Of what one block may give, by the format. */
export const zstdBlockBytesMax = 128 * 1024

/** What one block leaves to the next. */
export interface ZstdHistory {
  huffman: HuffmanTable | undefined
  /** Of literal lengths, offsets and match lengths. */
  tables: [FseTable | undefined, FseTable | undefined, FseTable | undefined]
  /** The last three offsets. */
  repeats: [number, number, number]
}

/** What has been written of a frame so far. */
export interface ZstdOutput {
  bytes: Uint8Array
  length: number
  readonly bytesMax: number
}

/** The state at the begin of a frame. */
export function zstdHistory(): ZstdHistory {
  return { huffman: undefined, tables: [undefined, undefined, undefined], repeats: [1, 4, 8] }
}

/** Makes room for `more` bytes. Throws LimitError past the bound. */
export function zstdRoom(output: ZstdOutput, more: number): void {
  const needed = output.length + more
  if (needed > output.bytesMax) {
    throw new LimitError('bytesMax', `expected at most ${output.bytesMax} bytes, got ${needed} or more`, 0)
  }
  if (needed <= output.bytes.length) return
  const grown = new Uint8Array(Math.min(output.bytesMax, Math.max(needed, output.bytes.length * 2)))
  grown.set(output.bytes.subarray(0, output.length))
  output.bytes = grown
}
