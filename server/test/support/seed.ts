import { randomInt } from 'node:crypto'

/** Numbers that look random and come again with the same seed. */
export interface Seeded {
  readonly seed: number
  /** An integer, 0 inclusive to `below` exclusive. */
  integer(below: number): number
  /** One of `items`, which must not be empty. */
  pick<Item>(items: readonly Item[]): Item
}

/** From `LEAF_SEED`, or from a seed that nobody knows beforehand; print it when a test fails. */
export function createSeeded(seed = Number(process.env['LEAF_SEED'] ?? randomInt(2 ** 31))): Seeded {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const integer = (below: number) => Math.floor(next() * below)
  return {
    seed,
    integer,
    pick: items => {
      const item = items[integer(items.length)]
      if (item === undefined) throw new Error('there is nothing to pick from')
      return item
    },
  }
}
