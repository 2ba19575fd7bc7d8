/** Key resolvers: how a link's data becomes a key. */
import type { Specified } from '../leaf/specification.ts'

/** Which of a link's two keys is asked for. */
export type KeyRole = 'namespace' | 'subspace'

export interface ResolvedKey {
  readonly key: Uint8Array
  /** Where the same evidence names the other key as well. */
  readonly otherKey?: Uint8Array
  /** Both sides say so: the identifier names the key, and whoever has the key names the identifier. */
  readonly verified: boolean
  /** What was looked at, for people. */
  readonly evidence: readonly string[]
}

export interface KeyResolver extends Specified {
  /** Undefined: the data names no key (any more). Throws when nobody could be asked. */
  resolve(data: string, role: KeyRole): Promise<ResolvedKey | undefined>
}
