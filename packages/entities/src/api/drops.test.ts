import assert from 'node:assert/strict'
import { test } from 'node:test'
import { s } from '@leaf/codec/borsh/build'
import { MalformedError } from '@leaf/codec/errors'
import { DropError } from '../drop/drop-error.ts'
import { defineComponent } from '../leaf/define.ts'
import { Name, Utf8 } from '../leaf/well-known.ts'
import type { Backing } from '../store/backing.ts'
import { memoryBacking } from '../store/memory.ts'
import { StoreError } from '../store/store-error.ts'
import { device } from './test-leaf.ts'

const Odd = defineComponent('Odd', s.u8(), { doc: 'An odd number.' })

test('a file brings entities to another device, with what explains them', async t => {
  const [alice, bob] = [await device(t), await device(t)]
  await alice.space.at('notes', 1).edit(draft => {
    draft.set(Name, 'one')
    draft.set(Odd, 7)
  })
  await alice.space.at('private').edit(draft => draft.set(Name, 'not this'))
  const drop = await alice.leaf.export(alice.space, { areas: [alice.space.area('notes')] }).bytes()
  const imported = await bob.leaf.import(drop)
  assert.equal(imported.stored, imported.entries)
  assert.equal(await bob.space.at(alice.me, 'notes', 1).get(Name), 'one')
  assert.equal((await bob.leaf.describe(Odd.id))?.text, 'An odd number.')
  assert.equal((await bob.space.at(alice.me, 'private').state()).kind, 'none')
  assert.equal((await bob.leaf.import(drop)).known, imported.entries)
})

test('a file without its library is smaller, and its schemas are unknown elsewhere', async t => {
  const [alice, bob] = [await device(t), await device(t)]
  await alice.space.at('notes').edit(draft => draft.set(Odd, 7))
  const areas = [alice.space.area('notes')]
  await bob.leaf.import(await alice.leaf.export(alice.space, { areas, selfContained: false }).bytes())
  assert.equal(await bob.leaf.describe(Odd.id), undefined)
  const [unknown] = await bob.space.at(alice.me, 'notes').unknown()
  assert.deepEqual(unknown?.schema, Odd.id)
})

test('a file that was changed or cut leaves nothing', async t => {
  const [alice, bob] = [await device(t), await device(t)]
  await alice.space.at('x').edit(draft => draft.set(Name, 'x'))
  const drop = await alice.leaf.export(alice.space).bytes()
  const changed = drop.slice()
  changed[drop.length - 3] = (changed[drop.length - 3] ?? 0) ^ 1
  const isFault = (error: unknown) => error instanceof MalformedError || error instanceof DropError
  await assert.rejects(bob.leaf.import(changed), isFault)
  await assert.rejects(bob.leaf.import(drop.subarray(0, -1)), isFault)
  assert.equal(await bob.leaf.store.lastArrival(), 0)
})

test('a file from the other device joins with edits that were made here meanwhile', async t => {
  const seed = crypto.getRandomValues(new Uint8Array(32))
  const [one, two] = [await device(t, { seed }), await device(t, { seed, start: Date.UTC(2026, 0, 1, 0, 1) })]
  await one.space.at('x').edit(draft => draft.add(Utf8, 'one'))
  await two.space.at('x').edit(draft => draft.add(Utf8, 'two'))
  await one.leaf.import(await two.leaf.export(two.space).bytes())
  await two.leaf.import(await one.leaf.export(one.space).bytes())
  for (const { space } of [one, two])
    assert.deepEqual((await space.at('x').all(Utf8)).toSorted(), ['one', 'two'])
})

test('an edit that could not be stored is not made again later', async t => {
  const seed = crypto.getRandomValues(new Uint8Array(32))
  const rows = memoryBacking()
  let full = false
  const backing: Backing = {
    ...rows,
    write: fn =>
      rows.write(async tx => {
        const value = await fn(tx)
        if (full) throw new StoreError('unavailable', 'the disk is full')
        return value
      }),
  }
  const [one, two] = [await device(t, { seed, backing }), await device(t, { seed })]
  await one.space.at('x').edit(draft => draft.add(Utf8, 'kept'))
  full = true
  await assert.rejects(
    one.space.at('x').edit(draft => draft.add(Utf8, 'lost')),
    /the disk is full/,
  )
  full = false
  assert.deepEqual(await one.space.at('x').all(Utf8), ['kept'])
  two.clock.advance(60_000)
  await two.space.at('x').edit(draft => draft.add(Utf8, 'two'))
  await one.leaf.import(await two.leaf.export(two.space).bytes())
  assert.deepEqual((await one.space.at('x').all(Utf8)).toSorted(), ['kept', 'two'])
})
