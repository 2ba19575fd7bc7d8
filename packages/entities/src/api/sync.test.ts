import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { Name, Tags, Utf8 } from '../leaf/well-known.ts'
import { createVerifier } from '../meadowcap/verify.ts'
import { createStore } from '../store/engine.ts'
import { memoryBacking } from '../store/memory.ts'
import { ed25519 } from '../store/test-entries.ts'
import { memoryTransport } from '../sync/memory-transport.ts'
import { serveSync } from '../sync/server.ts'
import type { SyncSettings } from './sync.ts'
import { type Device, device } from './test-leaf.ts'

const random = (length: number) => new Uint8Array(randomBytes(length))
const serverName = 'leaf.test'

/** A server in memory, to which devices connect. */
function server(t: TestContext) {
  const verifier = createVerifier(ed25519)
  const store = createStore({ backing: memoryBacking(), verifier, random })
  const ending = new AbortController()
  t.after(() => ending.abort())
  const connect = ({ leaf, space }: Device, settings: Partial<SyncSettings> = {}) => {
    const { client, server: transport } = memoryTransport()
    void serveSync({
      store,
      transport,
      ed25519,
      verifier,
      random,
      serverName,
      serverKey: new Uint8Array(32),
      isPublic: async () => false,
      ingest: () => ({}),
      wants: () => true,
      signal: ending.signal,
    })
    return leaf.sync(space, client, { serverName, ...settings })
  }
  /** Syncs once; and so much time passes that nothing counts as having happened at once. */
  const sync = async (one: Device) => {
    await connect(one).done
    one.clock.advance(10_000)
  }
  return { store, connect, sync }
}

/** Two devices of one person; the second one's clock is a minute ahead. */
async function twoDevices(t: TestContext) {
  const seed = random(32)
  const start = Date.UTC(2026, 0, 1)
  return [await device(t, { seed, start }), await device(t, { seed, start: start + 60_000 })] as const
}

const read = async ({ space }: Device) => [
  await space.at('x').get(Name),
  ...(await space.at('x').all(Utf8)).toSorted(),
]

test('what one device writes the other one has', async t => {
  const { sync } = server(t)
  const [one, two] = await twoDevices(t)
  await one.space.at('x').edit(draft => {
    draft.set(Name, 'hello')
    draft.set(Tags, ['mine'], { for: one.me.encryptionKey })
  })
  await sync(one)
  await sync(two)
  assert.equal(await two.space.at('x').get(Name), 'hello')
  assert.deepEqual(await two.space.at('x').get(Tags), ['mine'])
})

for (const [who, order] of [
  ['the earlier', [0, 1, 0, 1]],
  ['the later', [1, 0, 1, 0]],
] as const) {
  test(`two devices that add to one entity at the same time lose nothing; ${who} writer syncs first`, async t => {
    const { sync } = server(t)
    const both = await twoDevices(t)
    await both[0].space.at('x').edit(draft => draft.add(Utf8, 'base'))
    await sync(both[0])
    await sync(both[1])
    await both[0].space.at('x').edit(draft => draft.add(Utf8, 'one'))
    await both[1].space.at('x').edit(draft => {
      draft.add(Utf8, 'two')
      draft.set(Name, 'named')
    })
    for (const index of order) await sync(both[index])
    assert.deepEqual(await read(both[0]), ['named', 'base', 'one', 'two'])
    assert.deepEqual(await read(both[1]), ['named', 'base', 'one', 'two'])
  })
}

test('what others have heard of is not made again: they may take it away', async t => {
  const { sync } = server(t)
  const [one, two] = await twoDevices(t)
  await one.space.at('x').edit(draft => draft.add(Utf8, 'one'))
  await sync(one)
  await sync(two)
  await two.space.at('x').edit(draft => draft.remove(Utf8))
  await sync(two)
  await sync(one)
  assert.deepEqual(await one.space.at('x').all(Utf8), [])
})

test('a deletion that is newer than an edit that nobody has heard of wins', async t => {
  const { sync } = server(t)
  const [one, two] = await twoDevices(t)
  await one.space.at('x').edit(draft => draft.add(Utf8, 'base'))
  await sync(one)
  await sync(two)
  await one.space.at('x').edit(draft => draft.add(Utf8, 'one'))
  two.clock.advance(60_000)
  await two.space.at('x').delete()
  for (const who of [two, one, two]) await sync(who)
  assert.equal((await one.space.at('x').state()).kind, 'deleted')
  assert.equal((await two.space.at('x').state()).kind, 'deleted')
})

test('edits that are pending are made again also after the device was switched off', async t => {
  const { sync } = server(t)
  const seed = random(32)
  const backing = memoryBacking()
  const start = Date.UTC(2026, 0, 1)
  const two = await device(t, { seed, start: start + 120_000 })
  const one = await device(t, { seed, backing, start })
  await one.space.at('x').edit(draft => draft.add(Utf8, 'one'))
  await one.leaf.close()
  await two.space.at('x').edit(draft => draft.add(Utf8, 'two'))
  await sync(two)
  const again = await device(t, { seed, backing, start: start + 60_000 })
  await sync(again)
  await sync(again)
  await sync(two)
  for (const who of [again, two])
    assert.deepEqual((await who.space.at('x').all(Utf8)).toSorted(), ['one', 'two'])
})

test('live: each sees what the other writes, also both at once', { timeout: 20_000 }, async t => {
  const { connect } = server(t)
  const [one, two] = await twoDevices(t)
  const [a, b] = [connect(one, { live: true }), connect(two, { live: true })]
  const until = async (who: Device, words: readonly string[]) => {
    const watch = who.space.watch({ under: ['x'] })
    for await (const { views } of watch) {
      const now = views[0]?.all(Utf8).toSorted() ?? []
      if (now.join() === words.join()) watch.stop()
    }
  }
  await one.space.at('x').edit(draft => draft.add(Utf8, 'a'))
  await until(two, ['a'])
  await Promise.all([
    one.space.at('x').edit(draft => draft.add(Utf8, 'b')),
    two.space.at('x').edit(draft => draft.add(Utf8, 'c')),
  ])
  await Promise.all([until(one, ['a', 'b', 'c']), until(two, ['a', 'b', 'c'])])
  assert.equal(a.status().phase, 'live')
  await Promise.all([a.stop(), b.stop()])
  assert.equal(a.status().phase, 'ended')
})

test('a device that was given a part syncs that part', async t => {
  const { sync, connect, store } = server(t)
  const [alice, bob] = [await device(t), await device(t)]
  for (const path of [['shared', 'x'], ['private']])
    await alice.space.at(...path).edit(draft => draft.set(Name, path.join()))
  await sync(alice)
  const under = ['shared'] as const
  for (const mode of ['read', 'write'] as const)
    await bob.leaf.addCapability(await alice.space.delegate({ to: bob.me.publicKey, mode, under }))
  const area = bob.space.area(alice.me, 'shared')
  await connect(bob, { areas: [area] }).done
  assert.equal(await bob.space.at(alice.me, 'shared', 'x').get(Name), 'shared,x')
  assert.equal((await bob.space.at(alice.me, 'private').state()).kind, 'none')
  await bob.space.at(alice.me, 'shared', 'y').edit(draft => draft.set(Name, 'by Bob'))
  await connect(bob, { areas: [area] }).done
  await sync(alice)
  assert.equal(await alice.space.at('shared', 'y').get(Name), 'by Bob')
  assert.ok((await store.lastArrival()) > 0)
  assert.throws(() => connect(bob, { areas: [bob.space.area(alice.me)] }), /may read this area/)
})

test('of two values that were set at the same time the newer one stays, and everything else of both', async t => {
  for (const order of [
    [0, 1, 0, 1],
    [1, 0, 1, 0],
  ]) {
    const { sync } = server(t)
    const both = await twoDevices(t)
    await both[0].space.at('x').edit(draft => draft.set(Name, 'base'))
    for (const one of both) await sync(one)
    await both[0].space.at('x').edit(draft => {
      draft.set(Name, 'older')
      draft.add(Utf8, 'one')
    })
    await both[1].space.at('x').edit(draft => draft.set(Name, 'newer'))
    for (const index of order) await sync(both[index] as Device)
    for (const one of both) assert.deepEqual(await read(one), ['newer', 'one'])
  }
})
