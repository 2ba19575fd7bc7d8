import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Refusal } from '../errors.ts'
import { type Test, bump, keys, outside, put } from './suite-support.ts'

/** What a write is. */
export function writeTests(test: Test): void {
  test('gives the value of its function, and is visible when it resolves', async database => {
    assert.equal(await database.write(async tx => (await put('a')(tx)).changes), 1)
    assert.deepEqual(await keys(database), ['a'])
  })

  test('sees what it wrote itself, and tells how many rows changed', async database => {
    await database.write(async tx => {
      await put('a', 1)(tx)
      await put('b', 2)(tx)
      assert.equal((await tx.get<{ n: number }>('SELECT n FROM items WHERE k = $1', ['b']))?.n, 2)
      assert.equal((await tx.all('SELECT k FROM items')).length, 2)
      assert.equal((await tx.run('UPDATE items SET n = n + 1')).changes, 2)
      assert.equal((await tx.run('DELETE FROM items WHERE k = $1', ['none'])).changes, 0)
    })
  })

  test('gives rows of a statement that returns them', async database => {
    const first = await database.write(tx =>
      tx.get<{ id: number }>('INSERT INTO numbered (label) VALUES ($1) RETURNING id', ['x']),
    )
    await database.write(tx => tx.run('DELETE FROM numbered'))
    const second = await database.write(tx =>
      tx.get<{ id: number }>('INSERT INTO numbered (label) VALUES ($1) RETURNING id', ['x']),
    )
    assert.deepEqual([first?.id, second?.id], [1, 2], 'an identity is never given twice')
  })

  test('that throws leaves nothing, and its error is the one that was thrown', async database => {
    const thrown = new Refusal('conflict', 'no')
    const failing = database.write(async tx => {
      await put('a')(tx)
      throw thrown
    })
    await assert.rejects(failing, error => error === thrown)
    const synchronous = database.write(() => {
      throw thrown
    })
    await assert.rejects(synchronous, error => error === thrown)
    assert.deepEqual(await keys(database), [])
  })

  test('is over with its first failed statement, even when that is caught', async database => {
    await database.write(put('a'))
    const failing = database.write(async tx => {
      await put('b')(tx)
      await put('a')(tx).catch(() => undefined)
    })
    await assert.rejects(failing, /unique/i)
    const goingOn = database.write(async tx => {
      await put('a')(tx).catch(() => undefined)
      await put('c')(tx)
    })
    await assert.rejects(goingOn, /a statement of this transaction failed before/)
    assert.deepEqual(await keys(database), ['a'])
  })

  test('that awaits something other than its tx ends with an error, and the next ones go on', async database => {
    let late: Promise<unknown> | undefined
    const stuck = database.write(async tx => {
      await put('a')(tx)
      await outside()
      late = put('late')(tx)
      await late
    })
    const beside = database.write(put('b'))
    await assert.rejects(stuck, /awaited something other than its tx/)
    await beside
    await outside()
    await outside()
    await assert.rejects(late ?? Promise.resolve(), /this transaction is over/)
    assert.deepEqual(await keys(database), ['b'])
  })
}

/** What writes are to each other. */
export function groupTests(test: Test): void {
  test('a failing one takes only its own changes with it', async database => {
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, (_, index) =>
        database.write(async tx => {
          await put(`k${String(index).padStart(2, '0')}`)(tx)
          if (index % 3 === 1) throw new Error('no')
          if (index % 3 === 2) await tx.run('INSERT INTO items (k) VALUES (NULL)')
          return index
        }),
      ),
    )
    const wanted = Array.from({ length: 60 }, (_, index) => index).filter(index => index % 3 === 0)
    assert.deepEqual(
      results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : [])),
      wanted,
    )
    assert.deepEqual(
      await keys(database),
      wanted.map(index => `k${String(index).padStart(2, '0')}`),
    )
  })

  test('a failing statement before any change does not harm the others', async database => {
    const results = await Promise.allSettled([
      database.write(put('a')),
      database.write(tx => tx.get('SELECT k FROM nowhere')),
      database.write(put('b')),
    ])
    assert.deepEqual(
      results.map(result => result.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(await keys(database), ['a', 'b'])
  })

  test('each sees what those before it did, and none loses an update', async database => {
    await database.write(tx => tx.run('INSERT INTO counters (name, value) VALUES ($1, 0)', ['c']))
    const other = await database.again()
    await Promise.all(Array.from({ length: 100 }, (_, index) => bump(index % 2 === 0 ? database : other)))
    const row = await database.read(tx => tx.get<{ value: number }>('SELECT value FROM counters'))
    assert.equal(row?.value, 100)
  })

  test('any mix of writes ends as if they had come one after another', async database => {
    const step = fc.record({ key: fc.constantFrom('a', 'b', 'c'), n: fc.integer(), fails: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 12 }), async jobs => {
        await database.write(tx => tx.run('DELETE FROM items'))
        const model = new Map<string, number>()
        const upsert = 'INSERT INTO items (k, n) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET n = excluded.n'
        await Promise.allSettled(
          jobs.map(steps => {
            if (!steps.some(({ fails }) => fails)) for (const { key, n } of steps) model.set(key, n)
            return database.write(async tx => {
              for (const { key, n, fails } of steps) {
                await tx.run(upsert, [key, n])
                if (fails) throw new Error('fails')
              }
            })
          }),
        )
        const rows = await database.read(tx => tx.all<{ k: string; n: number }>('SELECT k, n FROM items'))
        assert.deepEqual(new Map(rows.map(row => [row.k, row.n])), model)
      }),
      { numRuns: 30 },
    )
  })
}
