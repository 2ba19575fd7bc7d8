/** One path in several subspaces, seen as one entity. */
import type { ComponentKind } from '../leaf/define.ts'
import type { EntityView } from './view.ts'

/** Whoever wrote it, in the order in which it was written: the newest first. */
export interface MergedView {
  readonly parts: readonly EntityView[]
  /** The value of whoever wrote last of those who have one. */
  get<T>(kind: ComponentKind<T>): T | undefined
  /** The values of all, each with its author's key. */
  all<T>(kind: ComponentKind<T>): readonly { readonly author: Uint8Array; readonly value: T }[]
}

export function mergeViews(views: readonly EntityView[]): MergedView {
  const parts = views.toSorted((a, b) => {
    const [one, other] = [a.timestamp ?? 0n, b.timestamp ?? 0n]
    return one === other ? 0 : one > other ? -1 : 1
  })
  return {
    parts,
    get: kind => parts.find(view => view.has(kind))?.get(kind),
    all: kind =>
      parts.flatMap(view =>
        view.all(kind).map(value => ({ author: view.place?.subspace ?? new Uint8Array(), value })),
      ),
  }
}
