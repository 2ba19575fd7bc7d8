/** Keys of rows: the number of the namespace, the subspace, the path; ordered as Willow orders entries. */
import { MalformedError } from '@leaf/codec/errors'
import { idBytes } from '../willow/entry.ts'
import { keyAfterPrefix, type Path, pathKey } from '../willow/path.ts'

/** Bytes of a namespace's number. */
export const namespaceBytes = 4

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

export function namespaceKey(number: number): Uint8Array {
  const key = new Uint8Array(namespaceBytes)
  new DataView(key.buffer).setUint32(0, number)
  return key
}

export function entryKey(namespace: Uint8Array, subspace: Uint8Array, path: Path): Uint8Array {
  return join(namespace, subspace, pathKey(path))
}

/** The least key above all that begin with `key`. */
export function after(key: Uint8Array): Uint8Array {
  const next = key.slice()
  for (let at = next.length - 1; at >= 0; at--) {
    if (next[at] !== 0xff) {
      next[at] = (next[at] as number) + 1
      return next.subarray(0, at + 1)
    }
  }
  throw new RangeError('expected a key that is not all FF')
}

/** The keys of all prefixes of an entry's path, itself included, shortest first; from the key of the entry. */
export function prefixKeys(whole: Uint8Array): readonly Uint8Array[] {
  const keys = [whole.subarray(0, namespaceBytes + idBytes)]
  for (let at = namespaceBytes + idBytes; at < whole.length; at++) {
    if (whole[at] === 0) keys.push(whole.subarray(0, at + 1))
  }
  return keys
}

/** The first key after all entries at and below a path. */
export function endOfPrefix(namespace: Uint8Array, subspace: Uint8Array, path: Path): Uint8Array {
  const below = keyAfterPrefix(path)
  return below === undefined ? after(join(namespace, subspace)) : join(namespace, subspace, below)
}

/** The subspace of a row's key. */
export function subspaceOfKey(key: Uint8Array): Uint8Array {
  if (key.length < namespaceBytes + idBytes) throw new MalformedError('expected a key with a subspace', 0)
  return key.slice(namespaceBytes, namespaceBytes + idBytes)
}

/** A key as the name of a map's entry: one character a byte, so that a prefix has a prefix for its name. */
export function nameOf(key: Uint8Array): string {
  return String.fromCharCode.apply(undefined, key as unknown as number[])
}
