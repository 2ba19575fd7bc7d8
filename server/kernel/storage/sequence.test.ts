import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { systemClock } from '../clock.ts'
import { Corruption } from '../errors.ts'
import type { Database } from './database.ts'
import { type Sequence, openSequence, sequenceReserve } from './sequence.ts'
import { openSqlite } from './sqlite.ts'

const root = mkdtempSync(join(tmpdir(), 'leaf-sequence-'))
after(() => rmSync(root, { recursive: true, force: true }))

const start = async (
  folder: string,
): Promise<{ readonly database: Database; readonly sequence: Sequence }> => {
  const database = await openSqlite({ path: join(folder, 'leaf.db'), clock: systemClock })
  return { database, sequence: await openSequence({ database, name: 'pds', folder }) }
}
const freshFolder = () => mkdtempSync(join(root, 'data-'))
const draw = (database: Database, sequence: Sequence) =>
  database.write(sequence.next, { locks: ['sequence'] })

it('numbers begin at 1 and go up by 1, also over a clean stop', async () => {
  const folder = freshFolder()
  const first = await start(folder)
  const numbers = await Promise.all(Array.from({ length: 50 }, () => draw(first.database, first.sequence)))
  assert.deepEqual(
    numbers,
    Array.from({ length: 50 }, (_, index) => index + 1),
  )
  await first.sequence.close()
  await first.database.close()
  assert.equal(readFileSync(join(folder, 'sequence.pds'), 'utf8'), '50\n')
  const second = await start(folder)
  assert.equal(await draw(second.database, second.sequence), 51)
  await second.database.close()
})

it('the number of a write that fails was not given', async () => {
  const { database, sequence } = await start(freshFolder())
  const failing = database.write(async tx => {
    await sequence.next(tx)
    throw new Error('no')
  })
  const going = draw(database, sequence)
  await assert.rejects(failing)
  assert.equal(await going, 1)
  await database.close()
})

it('after a restored older database every number is above any that was given', async () => {
  const folder = freshFolder()
  const first = await start(folder)
  await draw(first.database, first.sequence)
  await first.database.close()
  copyFileSync(join(folder, 'leaf.db'), join(folder, 'backup.db'))
  const second = await start(folder)
  let last = 0
  for (let n = 0; n < 100; n += 1) last = await draw(second.database, second.sequence)
  await second.database.close()
  copyFileSync(join(folder, 'backup.db'), join(folder, 'leaf.db'))
  const third = await start(folder)
  assert.ok((await draw(third.database, third.sequence)) > last)
  await third.database.close()
})

it('the mark is above what was given before the write is answered, block after block', async () => {
  const folder = freshFolder()
  writeFileSync(join(folder, 'sequence.pds'), '5\n')
  const { database, sequence } = await start(folder)
  assert.equal(await draw(database, sequence), 6)
  const mark = () => Number(readFileSync(join(folder, 'sequence.pds'), 'utf8'))
  assert.equal(mark(), 6 + sequenceReserve)
  await database.write(tx => tx.run('UPDATE storage_sequences SET value = $1', [mark()]))
  const next = await draw(database, sequence)
  assert.equal(next, 6 + sequenceReserve + 1)
  assert.equal(mark(), next + sequenceReserve)
  await database.close()
})

it('a mark that is no number is a corruption, not a zero', async () => {
  const folder = freshFolder()
  writeFileSync(join(folder, 'sequence.pds'), '')
  const database = await openSqlite({ path: join(folder, 'leaf.db'), clock: systemClock })
  await assert.rejects(openSequence({ database, name: 'pds', folder }), error => error instanceof Corruption)
  await database.close()
})
