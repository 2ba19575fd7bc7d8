/** Bytes that come in pieces, read from a window over them. */
import { MalformedError } from '@leaf/codec/errors'
import { createReader, type WillowReader } from '../willow/wire.ts'

export interface ByteSource {
  /** Reads something of at most `bytesMax`. Offsets of a MalformedError count from the beginning of all bytes. */
  read<T>(bytesMax: number, read: (reader: WillowReader) => T): Promise<T>
  /** A copy of the next bytes. Throws MalformedError when there are fewer. */
  take(length: number): Promise<Uint8Array>
  /** Refuses bytes that are left over. */
  end(): Promise<void>
}

/** Holds no more than what is asked for, and one piece. */
export function createByteSource(pieces: AsyncIterable<Uint8Array>): ByteSource {
  const iterator = pieces[Symbol.asyncIterator]()
  let bytes: Uint8Array = new Uint8Array()
  let at = 0
  /** Of all bytes, where `bytes` begins. */
  let begin = 0
  let ended = false
  /** Until that many bytes are here, or no more come. */
  const fill = async (wanted: number) => {
    if (ended || bytes.length - at >= wanted) return
    const more = [bytes.subarray(at)]
    let length = bytes.length - at
    while (length < wanted) {
      const piece = await iterator.next()
      if (piece.done === true) {
        ended = true
        break
      }
      more.push(piece.value)
      length += piece.value.length
    }
    const joined = new Uint8Array(length)
    let filled = 0
    for (const one of more) {
      joined.set(one, filled)
      filled += one.length
    }
    begin += at
    bytes = joined
    at = 0
  }
  return {
    read: async (bytesMax, read) => {
      await fill(bytesMax)
      const reader = createReader(bytes, at)
      try {
        const value = read(reader)
        ;({ at } = reader)
        return value
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error
        throw new MalformedError(error.message.replace(/ \(at \d+\)$/, ''), begin + error.offset)
      }
    },
    take: async length => {
      await fill(length)
      if (bytes.length - at < length)
        throw new MalformedError(`expected ${length} more bytes, got ${bytes.length - at}`, begin + at)
      const taken = bytes.slice(at, at + length)
      at += length
      return taken
    },
    end: async () => {
      await fill(1)
      if (bytes.length > at) throw new MalformedError('expected nothing after the end', begin + at)
    },
  }
}
