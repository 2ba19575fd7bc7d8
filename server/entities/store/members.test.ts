import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { communalNamespace } from '@leaf/entities/api/place'
import { File, Name } from '@leaf/entities/leaf/well-known'
import { signSpaceRecord } from '@leaf/entities/resolver/space-record'
import { Refusal } from '../../kernel/errors.ts'
import { ed25519, hex, onBothEngines, until } from '../test-entities.ts'
import { inlineBytesMax, refPrefix } from './large-payloads.ts'

const outcomesOf = (outcomes: readonly { kind: string; fault?: string }[]) => [
  ...new Set(outcomes.map(one => one.fault ?? one.kind)),
]

onBothEngines('whose entities are kept', open => {
  test('a stranger’s are refused, a member’s and an invited one’s are stored', async () => {
    const house = await open({ store: 'members' })
    const ana = await house.device()
    await ana.space.at('a').edit(draft => draft.set(Name, 'A'))
    assert.deepEqual(outcomesOf(await ana.bring()), ['quota'])
    house.accounts.add('did:plc:ana')
    await ana.link('did:plc:ana')
    assert.deepEqual(outcomesOf(await ana.bring()), ['stored'])
    const [linked] = await house.entities.membership.linkedBy('did:plc:ana')
    assert.ok((linked?.usage.entries ?? 0) >= 2)
    assert.equal(hex(linked?.subspace ?? new Uint8Array()), hex(ana.me.publicKey))

    const ben = await house.device()
    const inviting = await open({ store: 'members', invited: [hex(ben.me.publicKey)] })
    await ben.space.at('b').edit(draft => draft.set(Name, 'B'))
    await ben.bring()
    const range = { namespace: communalNamespace, start: new Uint8Array(), end: undefined }
    const { entries } = await ben.leaf.store.page({ range, limit: 100 })
    assert.deepEqual(outcomesOf(await inviting.entities.store.ingest(entries)), ['stored'])
  })

  test('a proof for another account, by another key, or for a namespace that is not kept links nothing', async () => {
    const house = await open()
    const [ana, ben] = [await house.device(), await house.device()]
    house.accounts.add('did:plc:ana')
    const says = { did: 'did:plc:ana', namespace: communalNamespace, encryptionKey: undefined }
    const record = await signSpaceRecord(ed25519, ana.me.keyPair, says)
    const { membership } = house.entities
    for (const wrong of [
      { ...record, did: 'did:plc:ben' },
      { ...record, subspace: ben.me.publicKey },
      await signSpaceRecord(ed25519, ana.me.keyPair, { ...says, namespace: new Uint8Array(32) }),
    ])
      await assert.rejects(membership.link(wrong), Refusal)
    await membership.link(record)
    const stolen = await signSpaceRecord(ed25519, ana.me.keyPair, { ...says, did: 'did:plc:eve' })
    await assert.rejects(membership.link(stolen), /another account/)
    assert.equal(await membership.ownerOf(ana.me.publicKey), 'did:plc:ana')
  })

  test('a subspace goes with its account, and nobody else’s does', async () => {
    const house = await open({ store: 'members' })
    const [ana, ben] = [await house.device(), await house.device()]
    for (const [who, did] of [
      [ana, 'did:plc:ana'],
      [ben, 'did:plc:ben'],
    ] as const) {
      house.accounts.add(did)
      await who.link(did)
      await who.space.at('a').edit(draft => draft.set(Name, 'A'))
      await who.bring()
      await who.publish([])
    }
    const placeOf = (who: typeof ana) => `/entities/v1/communal/${hex(who.me.publicKey)}/a`
    assert.equal((await house.get(placeOf(ana))).status, 200)
    house.removeAccount('did:plc:ana')
    const { membership, store } = house.entities
    await until(async () => (await membership.ownerOf(ana.me.publicKey)) === undefined)
    await until(async () => (await store.subspaces(communalNamespace, undefined, 10)).length === 1)
    await until(async () => (await house.get(placeOf(ana))).status === 404)
    assert.equal((await house.get(placeOf(ben))).status, 200)
    assert.deepEqual(outcomesOf(await ana.bring()), ['quota'])
  })

  test('what was missed by word is found by looking', async () => {
    const house = await open()
    const ana = await house.device()
    house.accounts.add('did:plc:ana')
    await ana.link('did:plc:ana')
    await ana.space.at('a').edit(draft => draft.set(Name, 'A'))
    await ana.bring()
    const { membership, store } = house.entities
    await membership.sweep()
    assert.equal((await store.subspaces(communalNamespace, undefined, 10)).length, 1)
    house.accounts.delete('did:plc:ana')
    await membership.sweep()
    assert.equal((await store.subspaces(communalNamespace, undefined, 10)).length, 0)
  })

  test('a quota, the future and a path that no index takes are refused by whichever way they come', async () => {
    const house = await open({ entriesMax: 3 })
    const ana = await house.device()
    for (const name of ['a', 'b', 'c']) await ana.space.at(name).edit(draft => draft.set(Name, name))
    assert.deepEqual(outcomesOf(await ana.bring()), ['stored', 'quota'])
    const ben = await house.device()
    await ben.space.at('x'.repeat(3000)).edit(draft => draft.set(Name, 'long'))
    assert.ok(outcomesOf(await ben.bring()).includes('limit'))
    const cleo = await house.device()
    house.clock.advance(3_600_000)
    await cleo.space.at('later').edit(draft => draft.set(Name, 'later'))
    house.clock.step(-3_600_000)
    assert.deepEqual(outcomesOf(await cleo.bring()), ['future'])
  })
})

onBothEngines('large payloads', open => {
  test('a large payload lies among the blobs, comes back whole, and is swept when nothing names it', async () => {
    const house = await open()
    const ana = await house.device()
    const bytes = new Uint8Array(randomBytes(inlineBytesMax + 1))
    await ana.space.at('file').edit(draft => {
      const length = BigInt(bytes.length)
      draft.set(File, { name: 'x', mime: 'x/y', length, data: draft.blob(bytes) })
    })
    await ana.bring()
    const digest = (await ana.space.at('file').get(File))?.data ?? new Uint8Array()
    const { store } = house.entities
    const refs = () => house.blobs.list(refPrefix, { limit: 10 })
    assert.equal((await refs()).length, 1)
    assert.deepEqual(await store.payload(digest), bytes)
    assert.deepEqual(await store.missingPayloads([digest]), [])
    // The same again is known, and what it brought is swept, once it cannot be on its way any more.
    assert.equal(await store.putPayload(digest, bytes), true)
    house.clock.advance(7_200_000)
    await until(async () => (await refs()).length === 1)
    assert.deepEqual(await store.payload(digest), bytes)
    await ana.space.at('file').delete()
    await ana.bring()
    await store.forget(communalNamespace)
    assert.equal(await store.payload(digest), undefined)
    house.clock.advance(7_200_000)
    await until(async () => (await refs()).length === 0)
  })

  test('what no entry names is not kept', async () => {
    const house = await open()
    const bytes = new Uint8Array(inlineBytesMax + 1)
    const { william3 } = await import('@leaf/codec/william3')
    assert.equal(await house.entities.store.putPayload(william3(bytes), bytes), false)
    assert.equal((await house.blobs.list(refPrefix, { limit: 10 })).length, 0)
  })
})
