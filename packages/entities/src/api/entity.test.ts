import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { s } from '@leaf/codec/borsh/build'
import { hpkeX25519 } from '../encryption/hpke.ts'
import { defineComponent } from '../leaf/define.ts'
import { utf8SchemaId } from '../leaf/objects.ts'
import { CreatedAt, Image, LibraryItem, Name, Tags, Utf8 } from '../leaf/well-known.ts'
import { sqliteBacking } from '../node/sqlite.ts'
import { resolverObjects } from '../resolver/resolvers.ts'
import { LeafError } from './errors.ts'
import { subspaceOf } from './place.ts'
import { device } from './test-leaf.ts'

const bytes = (length: number) => new Uint8Array(randomBytes(length))
const failsWith = (code: LeafError['code']) => (error: unknown) =>
  error instanceof LeafError && error.code === code

test('components are set, added, read and removed; the rest stays', async t => {
  const { space, me } = await device(t)
  const post = space.at('posts', 1)
  assert.equal((await post.state()).kind, 'none')
  await post.edit(draft => {
    draft.set(Name, 'Hello')
    draft.add(Utf8, 'one')
    draft.add(Utf8, 'two')
  })
  await post.edit(draft => draft.set(Name, `${draft.get(Name)} again`))
  assert.equal(await post.get(Name), 'Hello again')
  assert.deepEqual((await post.all(Utf8)).toSorted(), ['one', 'two'])
  assert.deepEqual(await post.load(Name, CreatedAt, Utf8), [
    'Hello again',
    undefined,
    (await post.all(Utf8))[0],
  ])
  assert.equal(await space.at(me, 'posts', 1n).get(Name), 'Hello again')
  await post.edit(draft => draft.remove(Utf8))
  assert.deepEqual(await post.all(Utf8), [])
  assert.equal(await post.get(Name), 'Hello again')
})

test('a value that is not of its kind is refused, and the edit leaves nothing', async t => {
  const { space, leaf } = await device(t)
  const post = space.at('x')
  await post.edit(draft => draft.set(Name, 'kept'))
  const before = await leaf.store.lastArrival()
  await assert.rejects(
    post.edit(draft => {
      draft.remove(Name)
      draft.set(Tags, [7] as unknown as string[])
    }),
    failsWith('SchemaMismatch'),
  )
  await assert.rejects(
    post.edit(draft => draft.set(Name, 'x'.repeat(2 ** 20))),
    failsWith('TooLarge'),
  )
  assert.throws(() => space.at('x'.repeat(5000)), failsWith('BadPath'))
  assert.equal(await post.get(Name), 'kept')
  assert.equal(await leaf.store.lastArrival(), before)
})

test('an edit that changes nothing writes nothing', async t => {
  const { space, leaf } = await device(t)
  await space.at('x').edit(draft => draft.set(Name, 'same'))
  const before = await leaf.store.lastArrival()
  await space.at('x').edit(draft => draft.set(Name, 'same'))
  assert.equal(await leaf.store.lastArrival(), before)
})

test('what stands there already is not written again', async t => {
  const { space, leaf } = await device(t)
  for (const name of ['a', 'b', 'a']) await space.at('x').edit(draft => draft.set(Name, name))
  const [last] = (await leaf.store.arrivals(space.namespace, 0, 100)).toReversed()
  await space.at('x').edit(draft => draft.set(Name, 'b'))
  assert.equal(await leaf.store.lastArrival(), (last?.arrival ?? 0) + 1)
})

test('edits of one entity at the same time all count', async t => {
  const { space } = await device(t)
  await Promise.all(
    Array.from({ length: 10 }, (_, index) => space.at('x').edit(draft => draft.add(Utf8, String(index)))),
  )
  assert.equal((await space.at('x').all(Utf8)).length, 10)
})

test('everything is there again after the store was closed and opened', async t => {
  const file = `${t.name.length}-${process.pid}.db`
  const { mkdtemp, rm } = await import('node:fs/promises')
  const { join } = await import('node:path')
  const { tmpdir } = await import('node:os')
  const folder = await mkdtemp(join(tmpdir(), 'leaf-entities-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, file)
  const first = await device(t, { backing: sqliteBacking(path) })
  await first.space.at('x').edit(draft => draft.set(Name, 'kept'))
  await first.leaf.close()
  const second = await device(t, { backing: sqliteBacking(path), seed: first.me.keyPair.secretKey })
  assert.equal(second.leaf.identities.list().length, 1)
  assert.equal(await second.space.at('x').get(Name), 'kept')
  assert.equal((await second.space.query().all()).length, 2)
})

test('a deleted entity is a tombstone; those below stay, until the tree is deleted', async t => {
  const { space } = await device(t)
  for (const path of [['a'], ['a', 'b'], ['c']])
    await space.at(...path).edit(draft => draft.set(Name, path.join()))
  await space.at('a').delete()
  assert.equal((await space.at('a').state()).kind, 'deleted')
  assert.equal(await space.at('a', 'b').get(Name), 'a,b')
  await space.deleteTree('a')
  assert.equal((await space.at('a', 'b').state()).kind, 'none')
  assert.equal(await space.at('c').get(Name), 'c')
  await space.at('a', 'b').edit(draft => draft.set(Name, 'again'))
  assert.equal(await space.at('a', 'b').get(Name), 'again')
  await assert.rejects(space.deleteTree(), failsWith('BadPath'))
})

test('an encrypted component is read by its owner, and locked to everybody else', async t => {
  const alice = await device(t)
  const bob = await device(t)
  const page = alice.space.at('bob')
  await page.edit(draft => {
    draft.set(Name, 'Bob')
    draft.set(Tags, ['friend'], { for: bob.me.encryptionKey })
  })
  assert.equal(await page.get(Tags), undefined)
  assert.equal((await page.locked()).length, 1)
  await copy(alice, bob)
  assert.deepEqual(await bob.space.at(alice.me, 'bob').get(Tags), ['friend'])
  assert.deepEqual(await bob.space.at(alice.me, 'bob').locked(), [])
  // Who encrypted it can replace it, though she cannot read it.
  await page.encryptTo(Tags, ['best'], [bob.me.encryptionKey, alice.me.encryptionKey])
  assert.deepEqual(await page.get(Tags), ['best'])
  assert.equal((await page.locked()).length, 1)
  await assert.rejects(
    page.edit(draft => draft.set(Tags, [], { for: { kind: 'secret', key: bytes(3) } })),
    failsWith('DecryptKeyMissing'),
  )
})

test('a key that comes later opens what was locked', async t => {
  const alice = await device(t)
  const group = { kind: 'secret', key: bytes(32) } as const
  await alice.space.at('x').edit(draft => draft.set(Name, 'secret', { for: group }))
  assert.equal(await alice.space.query({ with: [Name], under: ['x'] }).count(), 0)
  await alice.leaf.addKey(group)
  assert.equal(await alice.space.at('x').get(Name), 'secret')
  assert.equal(await alice.space.query({ with: [Name], under: ['x'] }).count(), 1)
})

test('a blob is named by a component and read by itself', async t => {
  const { space } = await device(t)
  const picture = bytes(100_000)
  await space.at('x').edit(draft => {
    const data = draft.blob(picture)
    draft.set(Image, { mime: 'image/png', size: undefined, alt: '', data })
  })
  const image = await space.at('x').get(Image)
  assert.deepEqual(await space.at('x').blob(image?.data ?? bytes(32)), picture)
})

test('what is of an unknown kind is kept through edits and told as unknown', async t => {
  const alice = await device(t)
  const Odd = defineComponent('Odd', s.u8(), { doc: '' })
  await alice.space.at('x').edit(draft => draft.set(Odd, 7))
  const [unknown] = await alice.space.at('x').unknown()
  assert.deepEqual(unknown?.schema, Odd.id)
  await alice.space.at('x').edit(draft => draft.set(Name, 'n'))
  assert.equal(await alice.space.at('x').get(Odd), 7)
  alice.leaf.registerKind(Odd)
  assert.deepEqual(await alice.space.at('x').unknown(), [])
})

test('the schemas of what is written stand in the library of the subspace, once', async t => {
  const { space, leaf } = await device(t)
  const Odd = defineComponent('Odd', s.u8(), { doc: 'An odd number.' })
  await space.at('x').edit(draft => draft.set(Odd, 7))
  await space.at('y').edit(draft => draft.set(Odd, 9))
  const items = await space.at('leaf', 'lib').all(LibraryItem)
  assert.deepEqual(
    items.map(({ role, object }) => [role.variant, object]),
    [['Schema', Odd.id]],
  )
  const described = await leaf.describe(Odd.id)
  assert.equal(described?.name, 'Odd')
  assert.equal(described.text, 'An odd number.')
  assert.deepEqual(described.explanations[0]?.schema?.id, utf8SchemaId)
  assert.deepEqual(described.missing, [])
  assert.equal(described.unspecified, false)
})

test('resolvers and algorithms are published when one asks for it', async t => {
  const { space, leaf } = await device(t)
  const resolvers = [resolverObjects.atproto]
  await space.publish({ resolvers, algorithms: [hpkeX25519] })
  const before = await leaf.store.lastArrival()
  await space.publish({ resolvers })
  assert.equal(await leaf.store.lastArrival(), before)
  const items = await space.at('leaf', 'lib').all(LibraryItem)
  assert.deepEqual(items.map(({ role }) => role.variant).toSorted(), ['Algorithm', 'Resolver'])
  const described = await leaf.describeSpecified(resolverObjects.atproto.id)
  assert.equal(described?.name, 'atproto')
  assert.match(described.text, /town\.muni\.leaf\.space/)
})

test('an older kind is read as a newer one', async t => {
  const { space, leaf } = await device(t)
  const Old = defineComponent('Age', s.u8(), { doc: 'Years.' })
  const New = defineComponent('Age', s.struct({ years: s.u8() }), { doc: 'Years, in a struct.' })
  leaf.registerMigration(Old, New, years => ({ years }))
  await space.at('x').edit(draft => draft.set(Old, 7))
  assert.deepEqual(await space.at('x').get(New), { years: 7 })
  assert.equal(await space.query({ with: [New] }).count(), 1)
})

test('a link leads to the entity, or to the state it had', async t => {
  const { space, leaf } = await device(t)
  const target = space.at('target')
  await target.edit(draft => draft.set(Name, 'first'))
  const first = await target.view()
  const link = await target.link({ snapshot: true })
  await space.at('keeper').edit(draft => {
    if (first !== undefined) draft.pin(first)
  })
  await target.edit(draft => draft.set(Name, 'second'))
  const now = await leaf.resolve(link)
  assert.deepEqual([now.from, now.view?.get(Name)], ['path', 'second'])
  await target.delete()
  const then = await leaf.resolve(link)
  assert.deepEqual([then.from, then.view?.get(Name)], ['snapshot', 'first'])
  assert.equal((await leaf.resolve(await target.link())).view, undefined)
})

test('a stranger\u2019s subspace cannot be written, a delegated part of it can', async t => {
  const alice = await device(t)
  const bob = await device(t)
  const shared = bob.space.at(alice.me, 'shared', 'x')
  const write = () => shared.edit(draft => draft.set(Name, 'by Bob'))
  await assert.rejects(write(), failsWith('NotAuthorised'))
  const capability = await alice.space.delegate({ to: bob.me.publicKey, mode: 'write', under: ['shared'] })
  await bob.leaf.addCapability(capability)
  await write()
  assert.equal(await shared.get(Name), 'by Bob')
  await assert.rejects(
    bob.space.at(alice.me, 'private').edit(draft => draft.set(Name, '')),
    failsWith('NotAuthorised'),
  )
  await copy(bob, alice)
  assert.equal(await alice.space.at('shared', 'x').get(Name), 'by Bob')
  // Schemas stand with the entity, as Bob may not write the library.
  assert.equal((await alice.space.at('leaf', 'lib').state()).kind, 'none')
  await assert.rejects(
    bob.space.delegate({ to: bytes(32), mode: 'write', under: [alice.me] }),
    failsWith('NotAuthorised'),
  )
})

test('a namespace of one\u2019s own lets in whom its owner lets in', async t => {
  const alice = await device(t)
  const bob = await device(t)
  const namespace = await alice.leaf.createNamespace(alice.me)
  const ours = alice.leaf.space({ namespace, as: alice.me })
  await ours.at('x').edit(draft => draft.set(Name, 'ours'))
  const theirs = bob.leaf.space({ namespace, as: bob.me })
  await assert.rejects(
    theirs.at('y').edit(draft => draft.set(Name, '')),
    failsWith('NotAuthorised'),
  )
  await bob.leaf.addCapability(
    await ours.delegate({ to: bob.me.publicKey, mode: 'write', under: [subspaceOf(bob.me.publicKey)] }),
  )
  await theirs.at('y').edit(draft => draft.set(Name, 'hers'))
  assert.equal(await theirs.at('y').get(Name), 'hers')
})

/** All entries and payloads of one device to another. */
async function copy(from: Awaited<ReturnType<typeof device>>, to: Awaited<ReturnType<typeof device>>) {
  const entries = await from.leaf.store.arrivals(from.space.namespace, 0, 1000)
  await to.leaf.store.ingest(entries)
  for (const { entry } of entries) {
    const payload = await from.leaf.store.payload(entry.digest)
    if (payload !== undefined) await to.leaf.store.putPayload(entry.digest, payload)
  }
}
