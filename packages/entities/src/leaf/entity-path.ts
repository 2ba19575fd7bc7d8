/** Where entities and their contents stand in a subspace. */
import { decodeBorsh, encodeBorsh } from '@leaf/codec/borsh/codec'
import { type PathComponent, pathComponent } from '@leaf/codec/borsh/references'
import { MalformedError } from '@leaf/codec/errors'
import { equalBytes, isPrefix, type Path, pathFault } from '../willow/path.ts'
import type { ObjectId } from './objects.ts'

/** What people write: text, bytes, true, null; a number that is not negative is a Uint, a negative one an Int. */
export type PathInput = string | number | bigint | boolean | null | Uint8Array | PathComponent

export type EntityPath = readonly PathComponent[]

/** A path that cannot be. */
export class PathError extends Error {
  override readonly name = 'PathError'
}

const int64Min = -(2n ** 63n)
const uint64Max = 2n ** 64n - 1n

/** One component from what people write. Throws PathError. */
export function toPathComponent(input: PathInput): PathComponent {
  if (input === null) return { variant: 'Null', value: null }
  if (typeof input === 'boolean') return { variant: 'Bool', value: input }
  if (input instanceof Uint8Array) return { variant: 'Bytes', value: input }
  if (typeof input === 'string') {
    if (!input.isWellFormed()) throw new PathError('expected well-formed text in a path')
    return { variant: 'String', value: input }
  }
  if (typeof input === 'object') return input
  if (typeof input === 'number' && !Number.isSafeInteger(input))
    throw new PathError(`expected a whole number in a path, got ${input}`)
  const value = BigInt(input)
  if (value > uint64Max || value < int64Min) throw new PathError(`expected a number of 64 bits, got ${value}`)
  return value < 0n ? { variant: 'Int', value } : { variant: 'Uint', value }
}

export function toEntityPath(inputs: readonly PathInput[]): EntityPath {
  return inputs.map(toPathComponent)
}

/** The prefix of all entities below a path, itself included: without terminator. Throws PathError when it is too long. */
export function prefixOf(path: EntityPath): Path {
  const willow = path.map(one => encodeBorsh(pathComponent, one))
  const fault = pathFault(willow)
  if (fault !== undefined) throw new PathError(fault)
  return willow
}

const terminator = new Uint8Array()

/** The Willow path of an entity: its components, then an empty one, so that entities never prune one another. */
export function entityWillowPath(path: EntityPath): Path {
  return [...prefixOf(path), terminator]
}

/** Stands where no path component can: those begin with 0 to 5. */
const contentMark = Uint8Array.of(0xfe)

/** The Willow path of an object that an entity holds: beside the entity, by its digest. */
export function contentWillowPath(path: EntityPath, id: ObjectId): Path {
  return [...prefixOf(path), contentMark, id]
}

/** What an entry is to the Leaf Protocol, by its path alone. */
export type EntryRole =
  | { readonly kind: 'entity'; readonly path: EntityPath }
  | { readonly kind: 'content'; readonly path: EntityPath; readonly id: ObjectId }
  | { readonly kind: 'other' }

const other: EntryRole = { kind: 'other' }

/** Reads a Willow path. Whatever is neither an entity nor content is kept and synced, and nothing more. */
export function roleOf(path: Path): EntryRole {
  const last = path.at(-1)
  if (last === undefined) return other
  const mark = path.at(-2)
  try {
    if (last.length === 0) return { kind: 'entity', path: readComponents(path.slice(0, -1)) }
    if (last.length === 32 && mark !== undefined && equalBytes(mark, contentMark))
      return { kind: 'content', path: readComponents(path.slice(0, -2)), id: last }
    return other
  } catch (error) {
    if (error instanceof MalformedError) return other
    throw error
  }
}

function readComponents(path: Path): EntityPath {
  return path.map(one => decodeBorsh(pathComponent, one))
}

/** Whether an entity path begins with another. */
export function isUnder(prefix: EntityPath, path: EntityPath): boolean {
  return isPrefix(prefixOf(prefix), prefixOf(path))
}

/** A path for people: `"posts"/3`. */
export function pathText(path: EntityPath): string {
  return path
    .map(({ variant, value }) => {
      if (variant === 'String') return JSON.stringify(value)
      if (variant === 'Bytes')
        return `0x${Array.from(value, byte => byte.toString(16).padStart(2, '0')).join('')}`
      if (variant === 'Int' && value >= 0n) return `+${value}`
      return String(value)
    })
    .join('/')
}
