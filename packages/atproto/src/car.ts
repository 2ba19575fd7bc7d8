/**
 * Writing CAR files, version 1; `car-read.ts` reads them. https://ipld.io/specs/transport/car/carv1/ and https://atproto.com/specs/repository#car-file-serialization
 */
import { cborCidLength, headLength, majorArray, writeHead, writeKey, writeLinkOrNull } from './cbor.ts'
import { type Block, type Cid, cidBytesLength } from './cid.ts'

/** Bytes of a chunk that `writeCar` gives, at most. */
export const carChunkBytesMax = 65_536

/** A CAR's header with its length in front. Roots may be none. */
export function carHeader(roots: readonly Cid[]): Uint8Array {
  const body = 1 + 6 + headLength(roots.length) + roots.length * cborCidLength + 8 + 1
  const out = new Uint8Array(varintLength(body) + body)
  let at = writeVarint(out, 0, body)
  out[at] = 0xa2
  at = writeHead(out, writeKey(out, at + 1, 'roots'), majorArray, roots.length)
  for (const root of roots) at = writeLinkOrNull(out, at, root)
  out[writeKey(out, at, 'version')] = 1
  return out
}

/** Bytes that a block takes in a CAR. */
export function carBlockLength(block: Block): number {
  const body = cidBytesLength + block.bytes.length
  return varintLength(body) + body
}

/** A whole CAR in memory: for the slices of commits and for proofs. */
export function carBytes(roots: readonly Cid[], blocks: readonly Block[]): Uint8Array {
  const header = carHeader(roots)
  let length = header.length
  for (const block of blocks) length += carBlockLength(block)
  const out = new Uint8Array(length)
  out.set(header, 0)
  let at = header.length
  for (const block of blocks) {
    at = writeVarint(out, at, cidBytesLength + block.bytes.length)
    out.set(block.cid, at)
    out.set(block.bytes, at + cidBytesLength)
    at += cidBytesLength + block.bytes.length
  }
  return out
}

/**
 * A CAR as chunks of at most `chunkBytesMax` bytes, in which small blocks travel together. `batches` are asked for one
 * after another, as the reader takes the chunks; a batch's blocks are copied, so they may be views.
 */
export async function* writeCar(
  roots: readonly Cid[],
  batches: AsyncIterable<readonly Block[]> | Iterable<readonly Block[]>,
  options: { readonly chunkBytesMax?: number } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunker = createChunker(options.chunkBytesMax ?? carChunkBytesMax)
  chunker.write(carHeader(roots))
  for await (const batch of batches) {
    for (const block of batch) {
      chunker.writeLength(cidBytesLength + block.bytes.length)
      chunker.write(block.cid)
      chunker.write(block.bytes)
    }
    yield* chunker.take()
  }
  yield* chunker.take()
  const rest = chunker.rest()
  if (rest.length > 0) yield rest
}

interface Chunker {
  write(piece: Uint8Array): void
  writeLength(value: number): void
  /** The chunks that are full. */
  take(): readonly Uint8Array[]
  /** The last chunk. */
  rest(): Uint8Array
}

function createChunker(chunkBytesMax: number): Chunker {
  let full: Uint8Array[] = []
  let chunk = new Uint8Array(chunkBytesMax)
  let at = 0
  const prefix = new Uint8Array(9)
  const write = (piece: Uint8Array) => {
    for (let taken = 0; taken < piece.length; ) {
      const part =
        taken === 0 && piece.length <= chunkBytesMax - at
          ? piece
          : piece.subarray(taken, taken + chunkBytesMax - at)
      chunk.set(part, at)
      at += part.length
      taken += part.length
      if (at === chunkBytesMax) {
        full.push(chunk)
        chunk = new Uint8Array(chunkBytesMax)
        at = 0
      }
    }
  }
  return {
    write,
    writeLength: value => write(prefix.subarray(0, writeVarint(prefix, 0, value))),
    take: () => {
      const taken = full
      full = []
      return taken
    },
    rest: () => chunk.subarray(0, at),
  }
}

/** Bytes of an unsigned LEB128 number. */
export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length += 1
  return length
}

function writeVarint(out: Uint8Array, at: number, value: number): number {
  let place = at
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128), place += 1) out[place] = (rest & 127) | 128
  out[place] = rest
  return place + 1
}
