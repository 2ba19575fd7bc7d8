/**
 * Paths: sequences of byte strings, within the limits of Willow'25. The empty path and empty components are legal.
 * https://willowprotocol.org/specs/data-model/index.html#Path
 */
import { tagOf } from '@leaf/codec/compact-u64'
import { MalformedError } from '@leaf/codec/errors'
import { createReader, createWriter, lengthOf, type WillowReader, type WillowWriter } from './wire.ts'

export type Path = readonly Uint8Array[]

/** Of Willow'25. https://willowprotocol.org/specs/willow25/index.html */
export const pathLimits = { componentBytesMax: 4096, componentsMax: 4096, pathBytesMax: 4096 } as const

/** What a path breaks, as a sentence; undefined when it keeps every limit. */
export function pathFault(path: Path): string | undefined {
  if (path.length > pathLimits.componentsMax)
    return `expected at most ${pathLimits.componentsMax} components, got ${path.length}`
  let total = 0
  for (const component of path) total += component.length
  // A component that is too long makes its path too long as well.
  return total > pathLimits.pathBytesMax
    ? `expected a path of at most ${pathLimits.pathBytesMax} bytes, got ${total}`
    : undefined
}

/** The order of bytes, shorter first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    if (a[at] !== b[at]) return (a[at] as number) - (b[at] as number)
  }
  return a.length - b.length
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0
}

/** Component by component; a prefix comes first. */
export function comparePaths(a: Path, b: Path): number {
  const shared = Math.min(a.length, b.length)
  for (let index = 0; index < shared; index++) {
    const order = compareBytes(a[index] as Uint8Array, b[index] as Uint8Array)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** How many components two paths share from their beginning. */
export function sharedComponents(a: Path, b: Path): number {
  let count = 0
  while (count < a.length && count < b.length && equalBytes(a[count] as Uint8Array, b[count] as Uint8Array)) {
    count += 1
  }
  return count
}

/** Whether `path` begins with `prefix`, or is it. */
export function isPrefix(prefix: Path, path: Path): boolean {
  return prefix.length <= path.length && sharedComponents(prefix, path) === prefix.length
}

/**
 * A path as one byte string that keeps the order of paths, and in which a prefix is a prefix: each component escaped
 * (00 as 01 01, 01 as 01 02) and ended by 00. For indexes of stores.
 */
export function pathKey(path: Path): Uint8Array {
  let size = path.length
  for (const component of path) for (const byte of component) size += byte <= 1 ? 2 : 1
  const key = new Uint8Array(size)
  let at = 0
  for (const component of path) {
    for (const byte of component) {
      if (byte <= 1) {
        key[at++] = 1
        key[at++] = byte + 1
      } else key[at++] = byte
    }
    at += 1
  }
  return key
}

/** The path that a key stands for. Throws MalformedError for bytes that `pathKey` does not give. */
export function pathOfKey(key: Uint8Array): Path {
  const path: Uint8Array[] = []
  let component: number[] = []
  for (let at = 0; at < key.length; at++) {
    const byte = key[at] as number
    if (byte === 0) {
      path.push(Uint8Array.from(component))
      component = []
    } else if (byte === 1) {
      const escaped = key[++at] ?? 0
      if (escaped !== 1 && escaped !== 2) throw new MalformedError('expected 01 or 02 after 01', at)
      component.push(escaped - 1)
    } else component.push(byte)
  }
  if (component.length > 0) throw new MalformedError('expected 00 at the end of a path key', key.length)
  return path
}

/** The least key above all keys of paths with this prefix; undefined: there is none (the prefix is empty). */
export function keyAfterPrefix(prefix: Path): Uint8Array | undefined {
  if (prefix.length === 0) return undefined
  const key = pathKey(prefix)
  // A key ends with 00, which nothing but a longer component replaces, and that begins with at least 01.
  key[key.length - 1] = 1
  return key
}

/** `EncodePath`: both lengths, every component but the last with its length. */
export function writePath(writer: WillowWriter, path: Path): void {
  const total = BigInt(path.reduce((sum, component) => sum + component.length, 0))
  const count = BigInt(path.length)
  writer.u8((tagOf(total, 4) << 4) | tagOf(count, 4))
  writer.compact(total, 4)
  writer.compact(count, 4)
  path.forEach((component, index) => {
    if (index < path.length - 1) writer.c64(BigInt(component.length))
    writer.raw(component)
  })
}

/** Reads `EncodePath`; components are copies. Throws MalformedError. */
export function readPath(reader: WillowReader, prefix: Path = []): Path {
  const begin = reader.at
  const header = reader.u8()
  const total = lengthOf(reader.compact(header >> 4, 4), pathLimits.pathBytesMax, 'a path', begin)
  const count = lengthOf(reader.compact(header & 15, 4), pathLimits.componentsMax, 'components', begin)
  if (count === 0 && total > 0)
    throw new MalformedError(`expected a path without components to be empty, got ${total} bytes`, begin)
  const path = [...prefix]
  let left = total
  for (let index = 0; index < count; index++) {
    const at = reader.at
    const length = index < count - 1 ? lengthOf(reader.c64(), left, 'a component', at) : left
    path.push(reader.raw(length).slice())
    left -= length
  }
  const fault = pathFault(path)
  if (fault !== undefined) throw new MalformedError(fault, begin)
  return path
}

/** `EncodePathExtendsPath`: what comes after a prefix. */
export function writePathExtends(writer: WillowWriter, path: Path, prefix: Path): void {
  writePath(writer, path.slice(prefix.length))
}

/** Reads `EncodePathExtendsPath`. */
export function readPathExtends(reader: WillowReader, prefix: Path): Path {
  return readPath(reader, prefix)
}

/** `EncodePathRelativePath`: how many components are shared, and the rest. */
export function writePathRelative(writer: WillowWriter, path: Path, reference: Path): void {
  const shared = sharedComponents(path, reference)
  writer.c64(BigInt(shared))
  writePath(writer, path.slice(shared))
}

/** Reads `EncodePathRelativePath`; refuses one that shares less than it could. */
export function readPathRelative(reader: WillowReader, reference: Path): Path {
  const begin = reader.at
  const shared = lengthOf(reader.c64(), reference.length, 'shared components', begin)
  const path = readPath(reader, reference.slice(0, shared))
  if (sharedComponents(path, reference) !== shared)
    throw new MalformedError('expected as many shared components as there are', begin)
  return path
}

/** The canonical bytes of a path. */
export function encodePath(path: Path): Uint8Array {
  const writer = createWriter()
  writePath(writer, path)
  return writer.finish()
}

/** The path that some bytes are, all of them. */
export function decodePath(bytes: Uint8Array): Path {
  const reader = createReader(bytes)
  const path = readPath(reader)
  reader.end()
  return path
}
