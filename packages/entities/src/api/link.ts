import type { KeyResolverKind, Link } from '@leaf/codec/borsh/references'
import type { ObjectId } from '../leaf/objects.ts'
import type { Place } from './place.ts'

/** A link by the keys themselves. */
export function linkTo(place: Place, snapshot: ObjectId | undefined): Link {
  return {
    namespace: { variant: 'Inline', value: place.namespace },
    subspace: { variant: 'Inline', value: place.subspace },
    path: place.path,
    snapshot,
  }
}

/** A link whose subspace is found by a resolver when it is followed. */
export function linkVia(
  resolver: { readonly id: ObjectId },
  data: string,
  place: Pick<Place, 'namespace' | 'path'> & { readonly snapshot?: ObjectId },
): Link {
  const custom: KeyResolverKind = {
    variant: 'Custom',
    value: { id: resolver.id, data: new TextEncoder().encode(data) },
  }
  return {
    namespace: { variant: 'Inline', value: place.namespace },
    subspace: custom,
    path: place.path,
    snapshot: place.snapshot,
  }
}
