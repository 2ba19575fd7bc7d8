import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyPair } from '@leaf/entities/crypto'
import { communalCapability } from '@leaf/entities/meadowcap/capability'
import { delegate } from '@leaf/entities/meadowcap/verify'
import { namespace } from '@leaf/entities/store/test-entries'
import { SyncError } from '@leaf/entities/sync/contract'
import { subspaceArea } from '@leaf/entities/willow/area'
import { faultyConnection } from './connection.ts'
import {
  areaOf,
  assertJoined,
  assertSound,
  ed25519,
  meet,
  memoryOf,
  numberBelow,
  openStore,
  people,
  put,
  seeded,
  type Written,
  write,
} from './world.ts'

const [alice, bob] = people as readonly [KeyPair, KeyPair]

/** Alice's own area, and that of Bob, who lets her read it. */
async function bothAreas() {
  const own = communalCapability('read', namespace, bob.publicKey)
  const area = subspaceArea(bob.publicKey)
  const capability = await delegate(ed25519, own, bob, { area, user: alice.publicKey })
  return [areaOf(alice), { namespace, area, capability }]
}

async function worldOf(seed: string, size: number) {
  const random = seeded(seed)
  const world = {
    random,
    key: alice,
    areas: await bothAreas(),
    memory: memoryOf(),
    client: openStore(random),
    server: openStore(random),
    written: [] as Written[],
  }
  const writeSome = async (count: number) => {
    for (let number = 0; number < count; number++) {
      const one = await write(random, numberBelow(random, 2) === 0 ? alice : bob)
      world.written.push(one)
      await put(numberBelow(random, 2) === 0 ? world.client : world.server, [one])
    }
  }
  await writeSome(size)
  return { ...world, writeSome }
}

test('random stores are equal to the join of both after one sync, payloads included', async () => {
  for (let number = 0; number < 25; number++) {
    const seed = `join ${number}`
    const world = await worldOf(seed, number * 8)
    const outcome = await meet({ ...world, connection: faultyConnection() })
    assert.ok(!(outcome.client instanceof Error), `${seed}: ${outcome.client}`)
    assert.equal(outcome.server, undefined, seed)
    await assertJoined([world.client, world.server], world.written, seed)
  }
})

test('a connection that is cut after any frame leaves nothing wrong, and the next sync ends it', async () => {
  const frames = await (async () => {
    const world = await worldOf('cut', 60)
    const connection = faultyConnection()
    await meet({ ...world, connection })
    return connection.arrived()
  })()
  assert.ok(frames > 20, `${frames} frames`)
  for (let cutAfter = 0; cutAfter < frames; cutAfter++) {
    const message = `cut after ${cutAfter} of ${frames} frames`
    const world = await worldOf('cut', 60)
    const outcome = await meet({ ...world, connection: faultyConnection({ cutAfter }) })
    if (cutAfter < frames - 2) assert.ok(outcome.client instanceof SyncError, message)
    await assertSound(world.client, world.written, message)
    await assertSound(world.server, world.written, message)
    await meet({ ...world, connection: faultyConnection() })
    await assertJoined([world.client, world.server], world.written, message)
  }
})

test('many cuts with writes between them, and at last a connection that holds: both are equal', async () => {
  for (let number = 0; number < 20; number++) {
    const seed = `cuts ${number}`
    const world = await worldOf(seed, 20)
    for (let turn = 0; turn < 8; turn++) {
      const cutAfter = numberBelow(world.random, 25)
      await meet({ ...world, connection: faultyConnection({ cutAfter }) })
      await world.writeSome(numberBelow(world.random, 5))
    }
    const outcome = await meet({ ...world, connection: faultyConnection() })
    assert.ok(!(outcome.client instanceof Error), `${seed}: ${outcome.client}`)
    await assertJoined([world.client, world.server], world.written, seed)
  }
})

test('bits that flip on the way end a connection, and never change a store', async () => {
  let ended = 0
  for (let number = 0; number < 80; number++) {
    const seed = `bits ${number}`
    const world = await worldOf(seed, 30)
    const target = numberBelow(world.random, 22)
    let frames = 0
    const bend = (frame: Uint8Array) => {
      frames += 1
      if (frames !== target || frame.length === 0) return frame
      const bent = frame.slice()
      const bit = numberBelow(world.random, bent.length * 8)
      bent[bit >> 3] = (bent[bit >> 3] as number) ^ (1 << (bit & 7))
      return bent
    }
    const stop = new AbortController()
    const meeting = meet({
      ...world,
      connection: faultyConnection({ bend }),
      asking: { signal: stop.signal },
    })
    // Where a bit makes one side wait in vain, patience ends it: here, as soon as nothing moves any more.
    const outcome = await Promise.race([meeting, settled(() => frames)])
    stop.abort()
    if (outcome === undefined || outcome.client instanceof Error) ended += 1
    await meeting
    await assertSound(world.client, world.written, seed)
    await assertSound(world.server, world.written, seed)
    await meet({ ...world, connection: faultyConnection() })
    // A want that asked for another payload was told that there is none.
    await assertJoined([world.client, world.server], world.written, seed, { payloads: false })
  }
  assert.ok(ended > 25, `${ended} connections ended early`)
})

/** When a count stands still over many turns of the event loop. */
async function settled(count: () => number): Promise<undefined> {
  let last = -1
  for (let still = 0; still < 500; still++) {
    if (count() !== last) {
      last = count()
      still = 0
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  return undefined
}
