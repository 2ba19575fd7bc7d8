import type { Random } from '../../server/kernel/random.ts'

/** Randomness that a seed decides. Two with the same seed give the same for ever. */
export interface SeededRandom extends Random {
  /** 0 inclusive to 1 exclusive. */
  float(): number
  /** An integer, both ends inclusive. */
  between(from: number, to: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T
  /** A stream of its own: what is drawn from it changes nothing here. */
  fork(name: string): SeededRandom
}

/** The 32-bit FNV-1a hash of a text, finished so that near texts lie far apart. */
export function hashText(text: string, start = 0x811c9dc5): number {
  let hash = start
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Randomness from a seed (the generator is sfc32). */
export function createSeededRandom(seed: string): SeededRandom {
  let a = hashText(seed)
  let b = hashText(seed, a ^ 0x9e3779b9)
  let c = hashText(seed, b ^ 0x243f6a88)
  let counter = 1
  const word = (): number => {
    const sum = (a + b + counter) >>> 0
    counter = (counter + 1) >>> 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) >>> 0
    c = ((c << 21) | (c >>> 11)) >>> 0
    c = (c + sum) >>> 0
    return sum
  }
  for (let round = 0; round < 12; round += 1) word()

  const float = () => word() / 2 ** 32
  const integer = (below: number) =>
    below <= 2 ** 32 ? Math.floor(float() * below) : Math.floor((word() * 2 ** 16 + (word() >>> 16)) % below)
  return {
    float,
    integer,
    bytes: count => {
      const bytes = new Uint8Array(count)
      for (let at = 0; at < count; at += 4) {
        const bits = word()
        for (let part = 0; part < 4 && at + part < count; part += 1) bytes[at + part] = bits >>> (8 * part)
      }
      return bytes
    },
    between: (from, to) => from + integer(to - from + 1),
    chance: probability => float() < probability,
    pick: list => {
      if (list.length === 0) throw new Error('nothing to pick from')
      // An index of the list: what is there may be undefined only where the list's type says so.
      return list[integer(list.length)] as (typeof list)[number]
    },
    fork: name => createSeededRandom(`${seed}/${name}`),
  }
}
