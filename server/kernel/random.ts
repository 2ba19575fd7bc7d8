import { randomBytes, randomInt } from 'node:crypto'

/** Randomness, handed in: the machine's in life, a seeded one in simulations. */
export interface Random {
  /** `count` unpredictable bytes. */
  bytes(count: number): Uint8Array
  /** An integer, 0 inclusive to `below` exclusive; `below` at most 2^48 - 1. */
  integer(below: number): number
}

export const systemRandom: Random = {
  bytes: count => randomBytes(count),
  integer: below => randomInt(below),
}
