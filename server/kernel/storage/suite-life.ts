import assert from 'node:assert/strict'
import { Refusal } from '../errors.ts'
import type { Database, Migration, SqlRow } from './database.ts'
import { type Test, keys, put, tables } from './suite-support.ts'

/** Who is woken, and when. */
export function wakeTests(test: Test): void {
  test('whoever listens is woken once the commit is visible, on every opened instance', async database => {
    const other = await database.again()
    const seen = await new Promise<string[][]>((resolve, reject) => {
      const found: string[][] = []
      const look = (instance: Database) => async () => {
        const now = await keys(instance)
        if (now.length > 0) found.push(now)
        if (found.length === 1) resolve(found)
      }
      const stop = other.listen('items', () => void look(other)().catch(reject))
      database.listen('items', () => void look(database)().catch(reject))
      void database.write(async tx => {
        await put('a')(tx)
        tx.notify('items')
        tx.notify('items')
      })
      assert.equal(typeof stop, 'function')
    })
    assert.deepEqual(seen[0], ['a'])
  })

  test('a write that fails wakes nobody, and after the end of listening nobody is called', async database => {
    const woken: string[] = []
    const stop = database.listen('ended', () => woken.push('ended'))
    stop()
    const failing = database.write(async tx => {
      tx.notify('failed')
      throw new Error('no')
    })
    database.listen('failed', () => woken.push('failed'))
    const woke = new Promise<void>(resolve => database.listen('fine', resolve))
    await assert.rejects(failing)
    await database.write(async tx => {
      tx.notify('ended')
      tx.notify('fine')
    })
    await woke
    assert.deepEqual(woken, [])
  })

  test('a listener that throws does not keep others from being woken', async database => {
    database.listen('items', () => {
      throw new Error('mine')
    })
    const woke = new Promise<void>(resolve => database.listen('items', resolve))
    await database.write(async tx => tx.notify('items'))
    await woke
  })
}

/** How tables come to be. */
export function migrationTests(test: Test): void {
  const second: Migration = { version: 2, name: 'more', sql: 'ALTER TABLE items ADD COLUMN extra TEXT' }

  test('steps run once each, in order, and are kept by system', async database => {
    await database.migrate('suite', tables)
    await database.migrate('suite', [...tables, second])
    await database.migrate('other', [
      { version: 1, name: 'one', sql: 'CREATE TABLE other (a BIGINT PRIMARY KEY)' },
    ])
    const rows = await database.read(tx =>
      tx.all<SqlRow>('SELECT system, version, name FROM schema_version ORDER BY system, version'),
    )
    assert.deepEqual(
      rows.map(row => `${row['system']} ${row['version']} ${row['name']}`),
      ['other 1 one', 'suite 1 items', 'suite 2 more'],
    )
    await database.read(tx => tx.all('SELECT extra FROM items'))
  })

  test('two that open at the same time migrate once', async database => {
    const other = await database.again()
    await Promise.all([
      database.migrate('suite', [...tables, second]),
      other.migrate('suite', [...tables, second]),
    ])
    await other.read(tx => tx.all('SELECT extra FROM items'))
  })

  test('a database newer than the program is refused in a sentence', async database => {
    await database.migrate('suite', [...tables, second])
    await assert.rejects(database.migrate('suite', tables), /the database is newer than this program/)
  })

  test('a changed history is refused, and so is one with holes', async database => {
    await assert.rejects(
      database.migrate('suite', [{ version: 1, name: 'renamed', sql: '' }]),
      /another history: step 1 was applied as '1 items'/,
    )
    await assert.rejects(database.migrate('suite', [{ version: 2, name: 'x', sql: '' }]), /has the version 2/)
  })

  test('a step that fails leaves nothing of itself', async database => {
    const broken = {
      version: 2,
      name: 'broken',
      sql: 'CREATE TABLE half (a TEXT); CREATE TABLE items (a TEXT)',
    }
    await assert.rejects(database.migrate('suite', [...tables, broken]), /already exists/)
    await assert.rejects(
      database.read(tx => tx.all('SELECT a FROM half')),
      /half/,
    )
    await database.migrate('suite', [...tables, second])
  })
}

/** How it ends. */
export function closeTests(test: Test): void {
  test('closing waits for what is under way, keeps it, and refuses what comes later', async database => {
    const writes = Array.from({ length: 20 }, (_, index) => database.write(put(`k${index}`)))
    // A write begins in its own turn: these were asked for before the closing.
    const closed = database.close()
    await Promise.all(writes)
    await closed
    await database.close()
    for (const late of [database.write(put('late')), keys(database), database.check()]) {
      await assert.rejects(late, error => error instanceof Refusal && error.code === 'unavailable')
    }
    const again = await database.again()
    assert.equal((await keys(again)).length, 20)
  })

  test('a database that works passes its check and takes writes', async database => {
    await database.check()
    assert.equal(database.readOnly(), undefined)
  })
}
