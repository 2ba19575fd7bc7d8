import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CreatedAt, Name, Tags, Utf8 } from '../leaf/well-known.ts'
import { pathText } from '../leaf/entity-path.ts'
import { device } from './test-leaf.ts'
import type { Diff } from './watch.ts'
import type { EntityView } from './view.ts'

const names = (views: readonly EntityView[]) => views.map(view => view.get(Name))

test('entities are found by path, by kind, and in the order that is asked for', async t => {
  const { space, me } = await device(t)
  for (const [path, name] of [
    ['posts/1', 'c'],
    ['posts/2', 'a'],
    ['drafts/1', 'b'],
  ] as const)
    await space.at(...path.split('/')).edit(draft => draft.set(Name, name))
  await space.at('posts', '1').edit(draft => draft.set(Tags, ['x']))
  const named = { with: [Name] }
  assert.deepEqual(names(await space.query(named).all()), ['c', 'b', 'a'])
  assert.deepEqual(names(await space.query({ ...named, orderBy: 'oldest', limit: 2 }).all()), ['a', 'b'])
  assert.deepEqual(names(await space.query({ ...named, orderBy: 'path' }).all()), ['c', 'a', 'b'])
  const by = (view: EntityView) => view.get(Name) ?? ''
  assert.deepEqual(names(await space.query({ ...named, orderBy: { by } }).all()), ['a', 'b', 'c'])
  assert.deepEqual(
    names(await space.query({ ...named, orderBy: { by, descending: true }, limit: 1 }).all()),
    ['c'],
  )
  assert.deepEqual(names(await space.query({ under: ['posts'] }).all()), ['c', 'a'])
  assert.deepEqual(names(await space.query({ under: [me, 'posts', '2'] }).all()), ['a'])
  assert.deepEqual(names(await space.query({ under: ['post'] }).all()), [])
  assert.deepEqual(names(await space.query({ ...named, without: [Tags] }).all()), ['b', 'a'])
  assert.equal(await space.query({ with: [Name, Tags] }).count(), 1)
  assert.equal((await space.query({ under: ['drafts'] }).first())?.get(Name), 'b')
  assert.equal(await space.query({ with: [CreatedAt] }).first(), undefined)
})

test('the index follows whatever happens: it is always what a new one would be', async t => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('edit' as const),
      path: fc.constantFrom('a', 'a/b', 'a/b/c', 'b'),
      tag: fc.boolean(),
    }),
    fc.record({
      do: fc.constantFrom('delete' as const, 'deleteTree' as const),
      path: fc.constantFrom('a', 'a/b', 'b'),
    }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
      const { space } = await device(t)
      for (const one of steps) {
        const path = one.path.split('/')
        if (one.do === 'delete') await space.at(...path).delete()
        else if (one.do === 'deleteTree') await space.deleteTree(...path)
        else
          await space.at(...path).edit(draft => {
            draft.set(Name, one.path)
            if ('tag' in one && one.tag) draft.set(Tags, [])
            else draft.remove(Tags)
          })
        const tell = (views: readonly EntityView[]) =>
          views.map(view => `${pathText(view.place?.path ?? [])} ${view.timestamp} ${view.has(Tags)}`)
        const followed = tell(await space.query({ orderBy: 'path' }).all())
        const tagged = tell(await space.query({ orderBy: 'path', with: [Tags] }).all())
        const fresh: string[] = []
        for (const known of [['a'], ['a', 'b'], ['a', 'b', 'c'], ['b'], ['leaf', 'lib']]) {
          const view = await space.at(...known).view()
          if (view !== undefined) fresh.push(...tell([view]))
        }
        assert.deepEqual(followed.toSorted(), fresh.toSorted())
        assert.equal(await space.query().count(), fresh.length)
        assert.deepEqual(tagged.toSorted(), fresh.filter(line => line.endsWith('true')).toSorted())
      }
    }),
    { numRuns: 40 },
  )
})

test('an entity is found when its last byte has arrived, and not before', async t => {
  const alice = await device(t)
  const bob = await device(t)
  await alice.space.at('x').edit(draft => draft.set(Name, 'whole'))
  const entries = await alice.leaf.store.arrivals(alice.space.namespace, 0, 100)
  await bob.leaf.store.ingest(entries)
  const found = () => bob.space.query({ under: ['x'] }).count()
  for (const { entry } of entries) {
    const state = await bob.space.at(alice.me, 'x').state()
    assert.equal(await found(), state.kind === 'ready' ? 1 : 0)
    await bob.leaf.store.putPayload(
      entry.digest,
      (await alice.leaf.store.payload(entry.digest)) ?? new Uint8Array(),
    )
  }
  assert.equal(await found(), 1)
})

test('a watch tells what there is, and then every change, with nothing lost between', async t => {
  const { space } = await device(t)
  await space.at('a').edit(draft => draft.set(Name, '1'))
  const watch = space.watch({ with: [Name], orderBy: 'oldest' })
  const diffs = watch[Symbol.asyncIterator]()
  const next = async () => {
    const { value } = (await diffs.next()) as { value: Diff }
    return [names(value.added), names(value.changed), value.removed.length, names(value.views)]
  }
  assert.deepEqual(await next(), [['1'], [], 0, ['1']])
  await space.at('b').edit(draft => draft.set(Name, '2'))
  assert.deepEqual(await next(), [['2'], [], 0, ['1', '2']])
  await space.at('a').edit(draft => draft.set(Name, '3'))
  await space.at('b').edit(draft => draft.remove(Name))
  assert.deepEqual(await next(), [[], ['3'], 1, ['3']])
  const waiting = diffs.next()
  watch.stop()
  assert.deepEqual(await waiting, { value: undefined, done: true })
})

test('a watch with a callback ends when it is told to, and tells of its errors', async t => {
  const { space } = await device(t)
  await space.at('a').edit(draft => draft.set(Utf8, 'x'))
  const seen = Promise.withResolvers<Diff>()
  const watch = space.watch({ with: [Utf8] }, seen.resolve)
  assert.equal((await seen.promise).added.length, 1)
  watch.stop()
  const failed = Promise.withResolvers<unknown>()
  space.watch(
    {},
    () => {
      throw new Error('no')
    },
    failed.resolve,
  )
  assert.match(String(await failed.promise), /no/)
})

test('one path of several people is seen as one, the newest first', async t => {
  const alice = await device(t)
  const bob = await device(t, { start: Date.UTC(2026, 5, 1) })
  await alice.space.at('page').edit(draft => {
    draft.set(Name, 'by Alice')
    draft.set(Utf8, 'hers')
  })
  await bob.space.at('page').edit(draft => draft.set(Name, 'by Bob'))
  const entries = await bob.leaf.store.arrivals(bob.space.namespace, 0, 100)
  await alice.leaf.store.ingest(entries)
  for (const { entry } of entries)
    await alice.leaf.store.putPayload(
      entry.digest,
      (await bob.leaf.store.payload(entry.digest)) ?? new Uint8Array(),
    )
  const page = await alice.space.merged(['page'])
  assert.equal(page.get(Name), 'by Bob')
  assert.equal(page.get(Utf8), 'hers')
  assert.deepEqual(
    page.all(Name).map(({ author, value }) => [author, value]),
    [
      [bob.me.publicKey, 'by Bob'],
      [alice.me.publicKey, 'by Alice'],
    ],
  )
  assert.equal((await alice.space.merged(['page'], [alice.me])).get(Name), 'by Alice')
})
