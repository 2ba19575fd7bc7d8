/** Where an entity is: a namespace, a subspace, a path. */
import { type EntityPath, PathError, type PathInput, prefixOf, toEntityPath } from '../leaf/entity-path.ts'
import { join, nameOf } from '../store/keys.ts'
import { idBytes } from '../willow/entry.ts'
import { pathKey } from '../willow/path.ts'
import { LeafError } from './errors.ts'

/** The well-known communal namespace, in which everybody has her own subspace. */
export const communalNamespace: Uint8Array = Uint8Array.from(
  [0xd41b58ca, 0x08e1299b, 0xcb1f915d, 0xfabc84c3, 0x05ef20cd, 0xb3c756a4, 0xaa269b51, 0x268635ec].flatMap(
    word => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255],
  ),
)

/** Whose entities: an identity, or somebody else's key. */
export interface Subspace {
  readonly publicKey: Uint8Array
}

/** A path, with the subspace in front when it is not the default one. */
export type Where = readonly [Subspace, ...PathInput[]] | readonly PathInput[]

export interface Place {
  readonly namespace: Uint8Array
  readonly subspace: Uint8Array
  /** Without terminator. */
  readonly path: EntityPath
}

/** A subspace by its key of 32 bytes. */
export function subspaceOf(publicKey: Uint8Array): Subspace {
  if (publicKey.length !== idBytes)
    throw new LeafError('BadPath', `expected a key of ${idBytes} bytes, got ${publicKey.length}`)
  return { publicKey }
}

/** What is written as `Where`, taken apart. Throws LeafError `BadPath`. */
export function readWhere(where: Where): {
  readonly subspace: Uint8Array | undefined
  readonly path: EntityPath
} {
  const [first, ...rest] = where
  try {
    if (typeof first === 'object' && first !== null && 'publicKey' in first)
      return { subspace: first.publicKey, path: checked(rest as readonly PathInput[]) }
    return { subspace: undefined, path: checked(where as readonly PathInput[]) }
  } catch (error) {
    if (error instanceof PathError) throw new LeafError('BadPath', error.message, error)
    throw error
  }
}

function checked(inputs: readonly PathInput[]): EntityPath {
  const path = toEntityPath(inputs)
  prefixOf(path)
  return path
}

/** Subspace and path as the name of a map's entry; that of a place begins with those of all places above it. */
export function placeName(place: Pick<Place, 'subspace' | 'path'>): string {
  return nameOf(join(place.subspace, pathKey(prefixOf(place.path))))
}
