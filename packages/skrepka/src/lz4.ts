/** LZ4 as the F# client packs its messages: a "pickle" of K4os around one LZ4 block. Only read here. */
import { LimitError, MalformedError } from './errors.ts'

/**
 * What a pickle (version 0) holds. Byte 0 is `code << 6 | version`; code 0 is followed by the bytes as they are; codes 1,
 * 2, 3 by a difference of 1, 2, 4 bytes (little-endian: original length less packed length) and one LZ4 block. Throws
 * LimitError when it would hold more than `bytesMax`, before anything of that size is allocated.
 */
export function readLz4Pickle(pickle: Uint8Array, bytesMax: number): Uint8Array {
  const head = pickle[0]
  if (head === undefined) return new Uint8Array()
  if ((head & 7) !== 0) throw new MalformedError(`expected a pickle of version 0, got ${head & 7}`, 0)
  const code = head >> 6
  if (code === 0) {
    if (pickle.length - 1 > bytesMax) throw tooLarge(pickle.length - 1, bytesMax)
    return pickle.slice(1)
  }
  const width = code === 3 ? 4 : code
  const start = 1 + width
  if (pickle.length < start)
    throw new MalformedError('expected the length of the content, got the end', pickle.length)
  let difference = 0
  for (let at = start - 1; at > 0; at -= 1) difference = difference * 256 + (pickle[at] ?? 0)
  const length = pickle.length - start + difference
  if (length > bytesMax) throw tooLarge(length, bytesMax)
  return readBlock(pickle, start, length)
}

function tooLarge(length: number, bytesMax: number): LimitError {
  return new LimitError('bytesMax', `expected at most ${bytesMax} bytes, got ${length}`, 0)
}

/** One LZ4 block from `start` to the end of `input`, which must give exactly `length` bytes. */
function readBlock(input: Uint8Array, start: number, length: number): Uint8Array {
  const output = new Uint8Array(length)
  let at = start
  let out = 0
  const next = (): number => {
    const byte = input[at]
    if (byte === undefined) throw new MalformedError('expected more of an LZ4 block, got its end', at)
    at += 1
    return byte
  }
  const extended = (nibble: number): number => {
    let total = nibble
    if (nibble < 15) return total
    for (let byte = 255; byte === 255; ) {
      byte = next()
      total += byte
    }
    return total
  }
  while (at < input.length) {
    const token = next()
    const literals = extended(token >> 4)
    if (at + literals > input.length || out + literals > length) {
      throw new MalformedError(`expected ${literals} literal bytes within the block, got fewer`, at)
    }
    output.set(input.subarray(at, at + literals), out)
    at += literals
    out += literals
    // The last sequence has literals only.
    if (at === input.length) break
    const offset = next() | (next() << 8)
    const matched = extended(token & 15) + 4
    if (offset === 0 || offset > out || out + matched > length) {
      throw new MalformedError(
        `expected a match within what is there, got offset ${offset} and length ${matched}`,
        at,
      )
    }
    for (const end = out + matched; out < end; out += 1) output[out] = output[out - offset] ?? 0
  }
  if (out !== length) throw new MalformedError(`expected ${length} bytes of content, got ${out}`, at)
  return output
}
