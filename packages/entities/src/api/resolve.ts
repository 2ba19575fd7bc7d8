/** Follows links: by path where that can be, else to the snapshot that they name. */
import type { KeyResolverKind, Link } from '@leaf/codec/borsh/references'
import type { KeyResolver, KeyRole } from '../resolver/resolver.ts'
import { nameOf } from '../store/keys.ts'
import { LeafError } from './errors.ts'
import type { Place } from './place.ts'
import type { Reader } from './reader.ts'
import type { EntityView } from './view.ts'

export interface Resolved {
  /** Where the link leads; undefined: nobody could tell the keys. */
  readonly place: Place | undefined
  /** Undefined: neither the entity nor the snapshot is here. */
  readonly view: EntityView | undefined
  /** What the view is of. */
  readonly from: 'path' | 'snapshot' | undefined
  /** Why there is no place. */
  readonly problem?: LeafError
}

export interface LinkResolver {
  add(resolver: KeyResolver): void
  resolvers(): readonly KeyResolver[]
  resolve(link: Link): Promise<Resolved>
}

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const dataBytesMax = 4096

export function createLinkResolver(reader: Reader): LinkResolver {
  const resolvers = new Map<string, KeyResolver>()

  const keyOf = async (kind: KeyResolverKind, role: KeyRole): Promise<Uint8Array> => {
    if (kind.variant === 'Inline') return kind.value
    const { id, data } = kind.value
    const resolver = resolvers.get(nameOf(id))
    if (resolver === undefined)
      throw new LeafError('Unresolved', 'this link needs a resolver that is not here')
    if (data.length > dataBytesMax)
      throw new LeafError('Unresolved', `expected at most ${dataBytesMax} bytes`)
    try {
      const found = await resolver.resolve(fatal.decode(data), role)
      if (found === undefined)
        throw new LeafError('Unresolved', `${resolver.name} knows no key for this link`)
      if (!found.verified)
        throw new LeafError(
          'Unresolved',
          `${resolver.name} names a key whose owner does not name this identifier`,
        )
      return found.key
    } catch (error) {
      if (error instanceof LeafError) throw error
      throw new LeafError('Unresolved', `${resolver.name} could not ask`, error)
    }
  }

  const placeOf = async ({ namespace, subspace, path }: Link): Promise<Place | LeafError> => {
    try {
      return {
        namespace: await keyOf(namespace, 'namespace'),
        subspace: await keyOf(subspace, 'subspace'),
        path,
      }
    } catch (error) {
      if (error instanceof LeafError) return error
      throw error
    }
  }

  return {
    add: resolver => void resolvers.set(nameOf(resolver.id), resolver),
    resolvers: () => [...resolvers.values()],
    resolve: async link => {
      const found = await placeOf(link)
      const place = found instanceof LeafError ? undefined : found
      const state = place === undefined ? undefined : await reader.entity(place)
      if (state?.kind === 'ready') return { place, view: state.view, from: 'path' }
      const pinned = link.snapshot === undefined ? undefined : await reader.snapshot(link.snapshot)
      return {
        place,
        view: pinned,
        from: pinned === undefined ? undefined : 'snapshot',
        ...(found instanceof LeafError ? { problem: found } : {}),
      }
    },
  }
}
