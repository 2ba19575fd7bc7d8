import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { ed25519 } from '../store/test-entries.ts'
import { memoryBacking } from '../store/memory.ts'
import type { Backing } from '../store/backing.ts'
import type { Identity } from './identity.ts'
import { createLeaf, type Leaf } from './leaf.ts'
import type { Space } from './space.ts'

/** Moves by a millisecond with every look at it, and as it is told. */
export function createTestClock(start = Date.UTC(2026, 0, 1)) {
  let now = start
  return {
    now: () => {
      now += 1
      return now
    },
    advance: (ms: number) => {
      now += ms
    },
  }
}

export interface Device {
  readonly leaf: Leaf
  readonly me: Identity
  readonly space: Space
  readonly clock: ReturnType<typeof createTestClock>
}

/** A device with a person on it; in memory unless a place is given. */
export async function device(
  t: TestContext,
  { seed, backing = memoryBacking(), start }: { seed?: Uint8Array; backing?: Backing; start?: number } = {},
): Promise<Device> {
  const clock = createTestClock(start)
  const random = (length: number) => new Uint8Array(randomBytes(length))
  const leaf = await createLeaf({ ed25519, random, now: clock.now }, backing)
  t.after(() => leaf.close())
  const me = seed === undefined ? await leaf.identities.create() : await leaf.identities.add(seed)
  return { leaf, me, space: leaf.space({ as: me }), clock }
}
