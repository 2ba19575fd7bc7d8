import { after, afterEach, before, describe } from 'node:test'
import { type TestPostgres, startPostgres } from '../../test/support/postgres.ts'
import { systemClock } from '../clock.ts'
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

  storageSuite('PostgreSQL', {
    fresh: async () => {
      const url = await postgres!.url('suite')
      return async () => {
        const database = await openPostgres({ url, clock: systemClock })
        opened.push(database)
        return database
      }
    },
  })
})
