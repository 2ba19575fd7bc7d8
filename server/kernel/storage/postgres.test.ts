import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { type TestPostgres, startPostgres } from '../../test/support/postgres.ts'
import { createManualClock, systemClock } from '../clock.ts'
import { Refusal } from '../errors.ts'
import type { Database } from './database.ts'
import { openPostgres } from './postgres.ts'
import { storageSuite } from './suite.ts'

describe('PostgreSQL', () => {
  let postgres: TestPostgres | undefined
  let opened: Database[] = []
  before(async () => {
    postgres = await startPostgres()
    if (postgres === undefined)
      throw new Error('no PostgreSQL for this machine: neither from npm nor from Debian')
  })
  after(() => postgres?.stop())
  afterEach(async () => {
    await Promise.all(opened.map(database => database.close()))
    opened = []
  })

  const opener = async () => {
    const url = await postgres!.url('suite')
    return async () => {
      const database = await openPostgres({ url, clock: systemClock })
      opened.push(database)
      return database
    }
  }
  storageSuite('PostgreSQL', { fresh: opener })

  const withCounter = async () => {
    const open = await opener()
    const [first, second] = [await open(), await open()]
    await first.migrate('test', [
      {
        version: 1,
        name: 'counter',
        sql: 'CREATE TABLE counter (value BIGINT); INSERT INTO counter VALUES (0)',
      },
    ])
    return { first, second }
  }
  const bump = (database: Database, locks: readonly string[]) =>
    database.write(
      async tx => {
        const row = await tx.get<{ value: number }>('SELECT value FROM counter')
        await tx.run('UPDATE counter SET value = $1', [(row?.value ?? 0) + 1])
      },
      { locks },
    )
  const counted = async (database: Database) =>
    (await database.read(tx => tx.get<{ value: number }>('SELECT value FROM counter')))?.value

  it('whoever has a lock has it to itself, on all nodes', async () => {
    const { first, second } = await withCounter()
    const order: string[] = []
    const step = (name: string, database: Database, locks: readonly string[]) =>
      database.write(
        async tx => {
          order.push(`${name} begins`)
          await tx.get('SELECT pg_sleep(0.1)')
          order.push(`${name} ends`)
        },
        { locks },
      )
    await Promise.all([step('a', first, ['x', 'sequence']), step('b', second, ['sequence', 'y'])])
    assert.match(order.join(), /^(a begins,a ends,b begins,b ends|b begins,b ends,a begins,a ends)$/)
    order.length = 0
    await Promise.all([step('a', first, ['x']), step('b', second, ['y'])])
    assert.match(order.join(), /^(a begins,b begins|b begins,a begins)/)
  })

  it('a lock is given back when its write fails', async () => {
    const { first, second } = await withCounter()
    const failing = first.write(async tx => void (await tx.run('UPDATE nothing SET a = 1')), { locks: ['x'] })
    await assert.rejects(failing)
    await bump(second, ['x'])
    assert.equal(await counted(first), 1)
  })

  it('writes that meet without a lock are tried again, and none is lost', async () => {
    const { first, second } = await withCounter()
    for (let round = 0; round < 20; round += 1) await Promise.all([bump(first, []), bump(second, [])])
    assert.equal(await counted(first), 40)
  })

  it('a connection that is lost within a transaction is opened again, and the transaction run again', async () => {
    const { first } = await withCounter()
    let runs = 0
    await first.write(async tx => {
      runs += 1
      await tx.run('UPDATE counter SET value = value + 1')
      if (runs === 1) await tx.get('SELECT pg_terminate_backend(pg_backend_pid())')
    })
    assert.equal(runs, 2)
    assert.equal(await counted(first), 1)
  })

  it('another node is heard of at once, not only by looking now and then', async () => {
    const url = await postgres!.url('suite')
    const first = await openPostgres({ url, clock: createManualClock() })
    const second = await openPostgres({ url, clock: systemClock })
    opened.push(first, second)
    const woken = new Promise<void>(resolve => first.listen('news', resolve))
    await second.write(async tx => tx.notify('news'))
    await woken
  })

  it('a read whose connection is lost fails alone, as unavailable', async () => {
    const { first } = await withCounter()
    for (let round = 0; round < 3; round += 1) {
      const failing = first.read(tx => tx.get('SELECT pg_terminate_backend(pg_backend_pid())'))
      await assert.rejects(failing, error => error instanceof Refusal && error.code === 'unavailable')
      assert.equal(await counted(first), 0)
    }
  })

  it('a server that throws everyone out is there again for the next ones, also for who listens', async () => {
    const { first, second } = await withCounter()
    await counted(first)
    const thrownOut = `SELECT COUNT(pg_terminate_backend(pid)) AS c FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`
    await second.write(tx => tx.get(thrownOut))
    await bump(first, [])
    assert.equal(await counted(second), 1)
    const woken = new Promise<void>(resolve => first.listen('after', resolve))
    await second.write(async tx => tx.notify('after'))
    await woken
  })

  it('a server that takes no writes is read-only to us, with the reason, until it takes them again', async () => {
    const open = await opener()
    const first = await open()
    const name = (
      await first.read(tx => tx.get<{ n: string }>('SELECT CAST(current_database() AS TEXT) AS n'))
    )?.n
    await first.write(tx => tx.run(`ALTER DATABASE "${name}" SET default_transaction_read_only = on`))
    const second = await open()
    const isReadOnly = (error: unknown) => error instanceof Refusal && error.wireName === 'ReadOnly'
    const refused = second.write(tx => tx.run('CREATE TABLE t (a BIGINT)'), { locks: ['x'] })
    await assert.rejects(refused, isReadOnly)
    // Who was refused keeps no lock: this would wait for it until the time of a lock is over.
    await first.write(tx => tx.run('CREATE TABLE t (a BIGINT)'), { locks: ['x'] })
    assert.match(second.readOnly() ?? '', /takes no writes/)
    await second.check()
    await second.write(async () => undefined)
    assert.equal(second.readOnly(), undefined)
  })

  it('a server that is not there is unavailable, in a sentence', async () => {
    const opening = openPostgres({ url: 'postgres://leaf:secret-word@127.0.0.1:1/leaf', clock: systemClock })
    await assert.rejects(opening, error => {
      assert.ok(error instanceof Refusal && error.code === 'unavailable')
      assert.match(error.message, /the database cannot be reached/)
      assert.doesNotMatch(error.message, /secret-word/)
      return true
    })
  })
})
