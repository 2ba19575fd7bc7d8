/** Zstandard (RFC 8878) as blobs carry it: one frame. Written without compression; read under a bound. */
import { LimitError, MalformedError } from './errors.ts'
import { readZstdBlock } from './zstd-block.ts'
import { zstdBlockBytesMax, zstdHistory, type ZstdOutput, zstdRoom } from './zstd-output.ts'

const magic = 0xfd2fb528
/** Every block costs work, whatever it gives; an encoder makes far fewer of 2 MiB. */
const blocksMax = 4096

/**
 * A frame that holds `bytes` as they are. Messages are padded anyhow, and what is not compressed tells nothing of itself
 * by its length.
 */
export function zstdFrame(bytes: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(bytes.length / zstdBlockBytesMax))
  const frame = new Uint8Array(zstdFrameBytes(bytes.length))
  const view = new DataView(frame.buffer)
  view.setUint32(0, magic, true)
  // One segment, a content size of four bytes, no checksum, no dictionary.
  frame[4] = 0b1010_0000
  view.setUint32(5, bytes.length, true)
  let at = 9
  for (let block = 0; block < blocks; block += 1) {
    const part = bytes.subarray(block * zstdBlockBytesMax, (block + 1) * zstdBlockBytesMax)
    const header = (part.length << 3) | (block === blocks - 1 ? 1 : 0)
    frame[at] = header & 0xff
    frame[at + 1] = (header >> 8) & 0xff
    frame[at + 2] = header >> 16
    frame.set(part, at + 3)
    at += 3 + part.length
  }
  return frame
}

/** The length of the frame of so many bytes. */
export function zstdFrameBytes(length: number): number {
  return 9 + 3 * Math.max(1, Math.ceil(length / zstdBlockBytesMax)) + length
}

/**
 * What a frame holds. Throws LimitError when that is more than `bytesMax`, MalformedError for anything that is not
 * exactly one frame. Nothing is allocated for what a frame merely says, and no frame costs more than its length and
 * `bytesMax` allow. A checksum is passed over: what is read here was signed.
 */
export function readZstd(frame: Uint8Array, bytesMax: number): Uint8Array {
  const { contentBytes, checksum, end } = readHeader(frame)
  if (contentBytes !== undefined && contentBytes > bytesMax) {
    throw new LimitError('bytesMax', `expected at most ${bytesMax} bytes, got ${contentBytes}`, 0)
  }
  const output: ZstdOutput = {
    bytes: new Uint8Array(Math.min(bytesMax, frame.length * 2)),
    length: 0,
    bytesMax,
  }
  const after = readBlocks(frame, end, output) + (checksum ? 4 : 0)
  if (after !== frame.length)
    throw new MalformedError('expected the end of the frame', Math.min(after, frame.length))
  if (contentBytes !== undefined && contentBytes !== output.length) {
    throw new MalformedError(`expected ${contentBytes} bytes of content, got ${output.length}`, frame.length)
  }
  return output.bytes.subarray(0, output.length)
}

function readHeader(frame: Uint8Array) {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  if (frame.length < 6 || view.getUint32(0, true) !== magic)
    throw new MalformedError('expected a zstd frame', 0)
  const flags = frame[4] ?? 0
  const single = (flags & 0b10_0000) !== 0
  if ((flags & 0b1000) !== 0) throw new MalformedError('expected a frame without reserved bits', 4)
  if ((flags & 3) !== 0) throw new MalformedError('expected a frame that needs no dictionary', 4)
  const start = single ? 5 : 6
  const width = [single ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0
  const end = start + width
  if (frame.length < end)
    throw new MalformedError('expected the size of the content, got the end', frame.length)
  let size = width === 2 ? 256 : 0
  for (let at = 0; at < width; at += 1) size += (frame[start + at] ?? 0) * 256 ** at
  return { contentBytes: width === 0 ? undefined : size, checksum: (flags & 0b100) !== 0, end }
}

/** Reads all blocks; gives where the last one ends. */
function readBlocks(frame: Uint8Array, start: number, output: ZstdOutput): number {
  const history = zstdHistory()
  let at = start
  for (let block = 0; block < blocksMax; block += 1) {
    if (at + 3 > frame.length) throw new MalformedError('expected a block, got the end', at)
    const header = (frame[at] ?? 0) | ((frame[at + 1] ?? 0) << 8) | ((frame[at + 2] ?? 0) << 16)
    const kind = (header >> 1) & 3
    const size = header >> 3
    const from = at + 3
    at = from + (kind === 1 ? 1 : size)
    if (kind === 3 || size > zstdBlockBytesMax || at > frame.length) {
      throw new MalformedError(
        `expected a block of at most ${zstdBlockBytesMax} bytes within the frame`,
        from,
      )
    }
    if (kind === 2) readZstdBlock(frame.subarray(from, at), history, output)
    else {
      zstdRoom(output, size)
      if (kind === 0) output.bytes.set(frame.subarray(from, at), output.length)
      else output.bytes.fill(frame[from] ?? 0, output.length, output.length + size)
      output.length += size
    }
    if ((header & 1) === 1) return at
  }
  throw new MalformedError(`expected at most ${blocksMax} blocks`, at)
}
