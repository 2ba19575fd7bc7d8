import type { Ed25519 } from '../crypto.ts'

/** What the library needs of where it runs. `node/leaf.ts` and `browser/leaf.ts` hand it in. */
export interface Platform {
  readonly ed25519: Ed25519
  /** Bytes of the platform's generator. */
  readonly random: (length: number) => Uint8Array
  /** Milliseconds since 1970, UTC. */
  readonly now: () => number
}
