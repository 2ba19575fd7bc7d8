/** Files piece by piece, for what may be larger than memory. */
import { createReadStream } from 'node:fs'
import { open, rm } from 'node:fs/promises'

const pieceBytes = 64 * 1024

/** The bytes of a file, from its beginning. */
export async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  for await (const piece of createReadStream(path, { highWaterMark: pieceBytes })) {
    if (piece instanceof Uint8Array) yield piece
  }
}

/** Writes a new file, durably; gives its bytes. When the pieces fail, nothing remains. Throws when the file exists. */
export async function writePieces(path: string, pieces: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await open(path, 'wx')
  let bytes = 0
  try {
    for await (const piece of pieces) {
      await file.write(piece)
      bytes += piece.length
    }
    await file.sync()
  } catch (error) {
    await file.close()
    await rm(path, { force: true })
    throw error
  }
  await file.close()
  return bytes
}
