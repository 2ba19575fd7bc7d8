/** The namespaces of a store, by number; its salt and epoch. */
import type { Backing } from './backing.ts'
import { after, nameOf, namespaceBytes, namespaceKey } from './keys.ts'
import { StoreError } from './store-error.ts'
import type { TreeBounds } from './tree.ts'
import { equalBytes } from '../willow/path.ts'

/** Namespaces that a store may hold. */
const namespacesMax = 10_000
const saltBytes = 16

export interface Namespaces {
  /** The key of a namespace; undefined: nothing of it was ever stored. */
  find(namespace: Uint8Array): Promise<Uint8Array | undefined>
  /** Keys of these namespaces, numbered now if they are new. */
  numbersOf(
    namespaces: readonly Uint8Array[],
  ): Promise<{ readonly keyOf: (namespace: Uint8Array) => Uint8Array }>
  all(): Promise<readonly Uint8Array[]>
  salt(): Promise<Uint8Array>
  epoch(): Promise<string>
  readonly treeOf: {
    /** The bounds of the tree that a key is in. */
    one(key: Uint8Array): TreeBounds
    /** Those of all trees that some rows are in. */
    of(rows: readonly { readonly key: Uint8Array }[]): readonly TreeBounds[]
  }
}

export function createNamespaces(backing: Backing, random: (length: number) => Uint8Array): Namespaces {
  const known = new Map<string, Uint8Array>()
  const toHex = (bytes: Uint8Array) => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
  const fromHex = (text: string) =>
    Uint8Array.from(text.match(/../g) ?? [], byte => Number.parseInt(byte, 16))

  /** All in their order, as text of 64 digits each. */
  const remember = (list: string): void => {
    for (let number = 0; number * 64 < list.length; number++) {
      known.set(nameOf(fromHex(list.slice(number * 64, number * 64 + 64))), namespaceKey(number))
    }
  }
  const load = async () => remember((await backing.read(rows => rows.meta('namespaces'))) ?? '')

  /** Written once, by whoever comes first. */
  const once = (name: string, make: () => string) => {
    let value: Promise<string> | undefined
    return () =>
      (value ??= backing
        .write(async rows => {
          const stored = await rows.meta(name)
          if (stored !== undefined) return stored
          const made = make()
          await rows.setMeta(name, made)
          return made
        })
        .catch((error: unknown) => {
          value = undefined
          throw error
        }))
  }
  const salt = once('salt', () => toHex(random(saltBytes)))
  const epoch = once('epoch', () => toHex(random(saltBytes)))
  const boundsOf = (key: Uint8Array): TreeBounds => {
    const start = key.slice(0, namespaceBytes)
    return { start, end: after(start) }
  }

  return {
    find: async namespace => {
      const name = nameOf(namespace)
      if (!known.has(name)) await load()
      return known.get(name)
    },
    numbersOf: async namespaces => {
      if (namespaces.some(one => !known.has(nameOf(one)))) {
        const list = await backing.write(async rows => {
          let all = (await rows.meta('namespaces')) ?? ''
          for (const namespace of namespaces) {
            const hex = toHex(namespace)
            const there = known.has(nameOf(namespace)) || includes(all, hex)
            if (!there) all += hex
          }
          if (all.length / 64 > namespacesMax)
            throw new StoreError('refused', `expected at most ${namespacesMax} namespaces`)
          await rows.setMeta('namespaces', all)
          return all
        })
        remember(list)
      }
      return {
        keyOf: namespace => known.get(nameOf(namespace)) ?? new Uint8Array(),
      }
    },
    all: async () => {
      await load()
      return [...known.keys()].map(name => Uint8Array.from(name, char => char.charCodeAt(0)))
    },
    salt: async () => fromHex(await salt()),
    epoch,
    treeOf: {
      one: boundsOf,
      of: rows => {
        const all: TreeBounds[] = []
        for (const { key } of rows) {
          const bounds = boundsOf(key)
          if (!all.some(({ start }) => equalBytes(start, bounds.start))) all.push(bounds)
        }
        return all
      },
    },
  }
}

function includes(list: string, hex: string): boolean {
  for (let at = 0; at < list.length; at += 64) if (list.startsWith(hex, at)) return true
  return false
}
