import assert from 'node:assert/strict'
import type { ReadTx, SqlRow, SqlValue } from './database.ts'
import { type Test, insert, keys, outside, put, roundTrip } from './suite-support.ts'

/** What a read is. */
export function readTests(test: Test): void {
  test('sees what is committed, and nothing of a write that is under way', async database => {
    await database.write(put('a'))
    const seen: string[][] = []
    const reads: Promise<unknown>[] = []
    const look = () => {
      reads.push(keys(database).then(found => seen.push(found)))
    }
    const writing = database.write(async tx => {
      await put('b')(tx)
      look()
      await put('c')(tx)
      look()
    })
    look()
    await writing
    await Promise.all(reads)
    assert.equal(seen.length, 3)
    for (const found of seen)
      assert.ok(found.length === 1 || found.length === 3, `half a transaction: ${found}`)
    assert.deepEqual(await keys(database), ['a', 'b', 'c'])
  })

  test('a direct statement sees what is committed, also beside a read that began before', async database => {
    const direct = async () =>
      (await database.direct.all<{ k: string }>('SELECT k FROM items ORDER BY k')).map(row => row.k)
    await database.write(put('a'))
    let beside: Promise<string[]> | undefined
    await database.write(async tx => {
      await put('b')(tx)
      beside = direct()
    })
    assert.ok(['a', 'a b'].includes((await beside)?.join(' ') ?? ''), 'half a transaction')
    assert.deepEqual(await direct(), ['a', 'b'])
    let nested: Promise<string[]> | undefined
    const counts = await database.read(async tx => {
      const before = (await tx.all('SELECT k FROM items')).length
      nested = direct()
      return [before, (await tx.all('SELECT k FROM items')).length]
    })
    assert.deepEqual(counts, [2, 2])
    assert.deepEqual(await nested, ['a', 'b'])
    assert.equal(await database.direct.get('SELECT k FROM items WHERE k = $1', ['none']), undefined)
    await assert.rejects(database.direct.get('SELECT k FROM items WHERE k = $1'))
  })

  test('sees one state from its first statement to its last, whatever is committed meanwhile', async database => {
    await database.write(put('a'))
    let reading: Promise<number[]> | undefined
    const countOften = async (tx: ReadTx) => {
      const counts: number[] = []
      for (let round = 0; round < 20; round += 1) counts.push((await tx.all('SELECT k FROM items')).length)
      return counts
    }
    await database.write(async tx => {
      await put('b')(tx)
      // Begins before the commit and ends after it.
      reading = database.read(countOften)
    })
    const counts = await reading
    assert.ok(counts?.length === 20 && new Set(counts).size === 1, `${counts}`)
    assert.deepEqual(await keys(database), ['a', 'b'])
  })

  test('cannot change anything', async database => {
    const writing = database.read(tx => tx.all("INSERT INTO items (k) VALUES ('x') RETURNING k"))
    await assert.rejects(writing, /read-?only/i)
    assert.deepEqual(await keys(database), [])
  })

  test('gives undefined or nothing where there is no row', async database => {
    assert.equal(await database.read(tx => tx.get('SELECT k FROM items')), undefined)
    assert.deepEqual(await database.read(tx => tx.all('SELECT k FROM items')), [])
  })

  test('many at the same time each get their own answer', async database => {
    await Promise.all(Array.from({ length: 50 }, (_, index) => database.write(put(`k${index}`, index))))
    const numbers = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const row = await database.read(async tx => {
          await tx.get('SELECT 1')
          return tx.get<{ n: number }>('SELECT n FROM items WHERE k = $1', [`k${index}`])
        })
        return row?.n
      }),
    )
    assert.deepEqual(
      numbers,
      Array.from({ length: 50 }, (_, index) => index),
    )
  })

  test('that throws, or awaits something other than its tx, does not disturb the next one', async database => {
    await database.write(put('a'))
    await assert.rejects(
      database.read(async () => {
        throw new Error('mine')
      }),
      /mine/,
    )
    await assert.rejects(database.read(outside), /awaited something other than its tx/)
    await assert.rejects(
      database.read(tx => tx.all('SELECT k FROM nowhere')),
      /nowhere/,
    )
    assert.deepEqual(await keys(database), ['a'])
  })
}

/** What goes in and what comes out. */
export function valueTests(test: Test): void {
  test('text, numbers, bytes and null come back as they went in', async database => {
    for (const text of ['', 'a', 'Ünïcødé 🌿', "quote ' $1 ?1", '%_\\', 'é'.repeat(10_000)]) {
      assert.equal(await roundTrip(database, 'k', text), text)
    }
    for (const n of [0, -1, 2 ** 31, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, null]) {
      assert.equal(await roundTrip(database, 'n', n), n)
    }
    assert.equal(await roundTrip(database, 'n', 9007199254740991n), Number.MAX_SAFE_INTEGER)
    for (const bytes of [
      new Uint8Array(),
      new Uint8Array([0, 1, 255]),
      new Uint8Array(100_000).fill(7),
      null,
    ]) {
      assert.deepEqual(await roundTrip(database, 'b', bytes), bytes)
    }
    const slice = new Uint8Array([9, 1, 2, 9]).subarray(1, 3)
    assert.deepEqual(await roundTrip(database, 'b', slice), new Uint8Array([1, 2]))
  })

  test('an integer that is too large to be exact is not given at all', async database => {
    await assert.rejects(roundTrip(database, 'n', 9007199254740993n), /too large/)
    await assert.rejects(roundTrip(database, 'n', 1n - 2n ** 63n), /too large/)
  })

  test('counts and sums are numbers, truth is 0 and 1', async database => {
    await database.write(async tx => {
      await put('a', 2 ** 40)(tx)
      await put('b', 2 ** 40)(tx)
    })
    const row = await database.read(tx =>
      tx.get<SqlRow>('SELECT COUNT(*) AS c, SUM(n) AS s, MAX(n) = 5 AS no, MAX(n) > 5 AS yes FROM items'),
    )
    assert.deepEqual({ ...row }, { c: 2, s: 2 ** 41, no: 0, yes: 1 })
  })

  test('a number is an integer to the database, too', async database => {
    const row = await database.read(tx => tx.get<SqlRow>('SELECT CAST(CAST($1 AS BIGINT) AS TEXT) AS t', [3]))
    assert.equal(row?.['t'], '3')
    await database.write(put('a', 3))
    const limited = await database.read(tx => tx.all('SELECT k FROM items WHERE n = $1 LIMIT $2', [3, 1]))
    assert.equal(limited.length, 1)
  })

  test('parameters are told by their number, wherever and however often they stand', async database => {
    await database.write(put("it's $1", 1))
    const row = await database.read(tx =>
      tx.get<SqlRow>(
        `SELECT k, 'not $3' AS quoted /* nor $4 */ FROM items -- nor $5
         WHERE n = $2 AND k = $1 AND n = $2`,
        ["it's $1", 1],
      ),
    )
    assert.deepEqual({ ...row }, { k: "it's $1", quoted: 'not $3' })
  })

  test('a wrong number of parameters, NUL, and what is no value are refused before they are run', async database => {
    const refused: readonly (readonly [readonly unknown[], RegExp])[] = [
      [[], /expected 2 parameters, got 0/],
      [['a'], /expected 2 parameters, got 1/],
      [['a', 1, 2], /expected 2 parameters, got 3/],
      [['a\0b', 1], /parameter \$1 must not contain NUL/],
      [['a', undefined], /parameter \$2 must be text, a number, bytes or null, is undefined/],
      [['a', true], /parameter \$2 must be/],
      [['a', Number.NaN], /parameter \$2 must be finite/],
      [['a', 2n ** 63n], /parameter \$2 must fit into 64 bits/],
    ]
    for (const [params, message] of refused) {
      await assert.rejects(
        database.write(tx => tx.run(insert, params as SqlValue[])),
        message,
      )
      await assert.rejects(
        database.read(tx => tx.all('SELECT k FROM items WHERE k = $1 AND n = $2', params as SqlValue[])),
        message,
      )
    }
    assert.deepEqual(await keys(database), [])
  })

  test('text keys are ordered by their bytes', async database => {
    const some = [
      '',
      ' ',
      '-',
      'A',
      'B',
      '_',
      'a',
      'a-b',
      'a.b',
      'ab',
      'b',
      'é',
      'ﬀ',
      '🌿',
      'z',
      'Z',
      '~',
      '日本',
    ]
    await database.write(async tx => {
      for (const key of some) await put(key)(tx)
    })
    const byBytes = some.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    assert.deepEqual(await keys(database), byBytes)
    const after = await database.read(tx =>
      tx.all<{ k: string }>('SELECT k FROM items WHERE k > $1 ORDER BY k LIMIT 3', ['b']),
    )
    assert.deepEqual(
      after.map(row => row.k),
      byBytes.slice(byBytes.indexOf('b') + 1, byBytes.indexOf('b') + 4),
    )
  })
}
