/** The other end of `child.ts`: what runs in the child process. Imports as little as it can: it starts often. */
import { readSync, writeSync } from 'node:fs'
import process from 'node:process'

const descriptor = 3
const headerBytes = 4

/** Milliseconds from an arbitrary start; never goes backwards. The child's clock. */
export const monotonic = () => performance.now()

/** What the one who started us said. */
export const childArguments = (): readonly string[] => process.argv.slice(2)

/**
 * Answers frames (those that have an answer) one after the other until the other end closes, then ends the process. It reads blocking: there is
 * nothing else to do meanwhile, and it is several times quicker than an event loop.
 */
export function serveFrames(
  handle: (frame: Uint8Array) => Uint8Array | undefined,
  limits: { readonly frameBytesMax: number },
): void {
  const header = Buffer.alloc(headerBytes)
  const next = () => {
    if (!readWhole(header)) process.exit(0)
    const length = header.readUInt32BE()
    if (length > limits.frameBytesMax) process.exit(1)
    const frame = new Uint8Array(length)
    if (!readWhole(frame)) process.exit(0)
    const answer = handle(frame)
    if (answer !== undefined) {
      const out = Buffer.allocUnsafe(headerBytes + answer.length)
      out.writeUInt32BE(answer.length)
      out.set(answer, headerBytes)
      writeWhole(out)
    }
    // One turn of the loop, so that the collector's tasks run.
    setImmediate(next)
  }
  next()
}

/** False at the end of the pipe. */
function readWhole(into: Uint8Array): boolean {
  let at = 0
  while (at < into.length) {
    const read = readSync(descriptor, into, at, into.length - at, null)
    if (read === 0) return false
    at += read
  }
  return true
}

function writeWhole(bytes: Uint8Array): void {
  let at = 0
  while (at < bytes.length) at += writeSync(descriptor, bytes, at, bytes.length - at, null)
}
