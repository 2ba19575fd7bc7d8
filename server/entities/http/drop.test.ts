import assert from 'node:assert/strict'
import { test } from 'node:test'
import { communalNamespace } from '@leaf/entities/api/place'
import { exportDrop } from '@leaf/entities/drop/store-drop'
import { Name } from '@leaf/entities/leaf/well-known'
import { type Device, hex, type House, onBothEngines } from '../test-entities.ts'
import { dropPrefix } from './drop.ts'

async function dropOf({ leaf, space }: Device): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  const areas = [{ namespace: communalNamespace, area: space.area() }]
  for await (const piece of exportDrop({ store: leaf.store, areas })) pieces.push(piece)
  return Buffer.concat(pieces)
}

const post = (house: House, body: Uint8Array) =>
  fetch(`${house.url}/entities/drop`, { method: 'POST', body: Buffer.from(body) })

onBothEngines('drops over HTTP', open => {
  test('a drop is taken whole, and the public part is given back', async () => {
    const house = await open()
    const ana = await house.device()
    await ana.space.at('posts', 'a').edit(draft => draft.set(Name, 'A'))
    await ana.space.at('diary').edit(draft => draft.set(Name, 'mine'))
    const drop = await dropOf(ana)
    const taken = await post(house, drop)
    assert.equal(taken.status, 200)
    const counts = (await taken.json()) as { entries: number; stored: number }
    assert.ok(counts.stored >= 4 && counts.stored === counts.entries)
    const subspace = hex(ana.me.publicKey)
    assert.equal((await house.get(`/entities/drop?subspace=${subspace}`)).status, 404)
    await ana.publish(['posts'])
    const given = await house.get(`/entities/drop?subspace=${subspace}`)
    assert.equal(given.status, 200)
    assert.ok(given.bytes.length < drop.length)
    const other = await open()
    assert.equal((await post(other, given.bytes)).status, 200)
    const { entries } = await other.entities.store.page({
      range: { namespace: communalNamespace, start: new Uint8Array(), end: undefined },
      limit: 10,
    })
    assert.equal(entries.length, 2, 'the entity and its component')
  })

  test('one bad bit, and nothing of a drop is taken or left behind', async () => {
    const house = await open()
    const ana = await house.device()
    await ana.space.at('a').edit(draft => draft.set(Name, 'A'))
    const drop = await dropOf(ana)
    for (const at of [1, Math.floor(drop.length / 2), drop.length - 2]) {
      const bad = Buffer.from(drop)
      bad[at] = (bad[at] ?? 0) ^ 1
      const answer = await post(house, bad)
      assert.equal(answer.status, 400, `bit at ${at}`)
      assert.match(((await answer.json()) as { message: string }).message, /nothing of the drop was taken/)
    }
    assert.equal((await post(house, drop.subarray(0, -1))).status, 400)
    assert.equal(await house.entities.store.lastArrival(), 0)
    assert.deepEqual(await house.blobs.list(dropPrefix, { limit: 10 }), [])
  })

  test('a drop that is too long is refused, and too many are', async () => {
    const house = await open({ dropBytesMax: 1024, dropLimit: 2 })
    assert.equal((await post(house, new Uint8Array(2000))).status, 413)
    assert.equal((await post(house, new Uint8Array(2000))).status, 413)
    assert.equal((await post(house, new Uint8Array(1))).status, 429)
  })

  test('a stranger’s drop is refused entry by entry where only members are kept', async () => {
    const house = await open({ store: 'members' })
    const ana = await house.device()
    await ana.space.at('a').edit(draft => draft.set(Name, 'A'))
    const answer = await post(house, await dropOf(ana))
    const { stored, refused } = (await answer.json()) as { stored: number; refused: Record<string, number> }
    assert.equal(stored, 0)
    assert.ok((refused['quota'] ?? 0) > 0)
  })
})
