/** Frames on a pipe: a length of four bytes, the greater first, then that many bytes. */

export const frameHeaderBytes = 4

/** The header of a frame. */
export function frameOf(length: number): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderBytes)
  header.writeUInt32BE(length)
  return header
}

/**
 * Takes chunks as they arrive and gives whole frames, each in memory of its own or in a chunk that holds it whole. The
 * function returns false, for good, when a frame is longer than `bytesMax`.
 */
export function createFrameReader(
  bytesMax: number,
  onFrame: (frame: Uint8Array) => void,
): (chunk: Buffer) => boolean {
  let held: Buffer[] = []
  let heldBytes = 0
  let wanted = frameHeaderBytes
  let inHeader = true
  let broken = false

  const take = (bytes: number): Buffer => {
    const whole = held.length === 1 ? (held[0] ?? Buffer.alloc(0)) : Buffer.concat(held)
    const rest = whole.subarray(bytes)
    held = rest.length === 0 ? [] : [rest]
    heldBytes = rest.length
    return whole.subarray(0, bytes)
  }

  return chunk => {
    if (broken) return false
    held.push(chunk)
    heldBytes += chunk.length
    while (heldBytes >= wanted) {
      const piece = take(wanted)
      if (inHeader) {
        wanted = piece.readUInt32BE()
        if (wanted > bytesMax) {
          broken = true
          held = []
          return false
        }
        inHeader = false
      } else {
        wanted = frameHeaderBytes
        inHeader = true
        onFrame(piece)
      }
    }
    return true
  }
}
