/** Passes over a DAG-CBOR item without building it: for the depth bombs of strangers. */
import { MalformedError } from './errors.ts'

/** Arrays and maps within one another that a record, or the body of a frame, may have. */
export const cborDepthMax = 128

/**
 * Where the item that begins at `start` ends. Throws MalformedError when it is deeper than `cborDepthMax`, has an
 * indefinite length or is cut off. That is all it checks: a decoder has to follow.
 */
export function itemEnd(bytes: Uint8Array, start: number): number {
  /** For each array and map that is open: how many items it still has. */
  const open: number[] = []
  let at = start
  for (;;) {
    const head = bytes[at]
    if (head === undefined) throw new MalformedError('an item ends too early', bytes.length)
    const major = head >> 5
    const length = argumentLength(head & 31, at)
    if (at + 1 + length > bytes.length) throw new MalformedError('an item ends too early', bytes.length)
    const argument = argumentOf(bytes, at, length)
    at += 1 + length
    let inside = 0
    if (major === 2 || major === 3) at += argument
    else if (major === 4) inside = argument
    else if (major === 5) inside = argument * 2
    else if (major === 6) inside = 1
    // Each item takes a byte at least, so a larger number cannot be true.
    if (at > bytes.length || inside > bytes.length)
      throw new MalformedError('an item ends too early', bytes.length)
    if (inside > 0) {
      if (open.length >= cborDepthMax) throw new MalformedError(`deeper than ${cborDepthMax} levels`, at)
      open.push(inside)
      continue
    }
    let left = open.pop()
    while (left !== undefined && left <= 1) left = open.pop()
    if (left === undefined) return at
    open.push(left - 1)
  }
}

function argumentLength(info: number, at: number): number {
  if (info < 24) return 0
  if (info > 27) throw new MalformedError('an item has no definite length', at)
  return 1 << (info - 24)
}

function argumentOf(bytes: Uint8Array, at: number, length: number): number {
  if (length === 0) return (bytes[at] ?? 0) & 31
  let value = 0
  for (let index = 1; index <= length; index += 1) value = value * 256 + (bytes[at + index] ?? 0)
  return value
}
