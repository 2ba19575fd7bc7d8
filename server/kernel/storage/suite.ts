import { describe, it } from 'node:test'
import type { Database } from './database.ts'
import { closeTests, migrationTests, wakeTests } from './suite-life.ts'
import { readTests, valueTests } from './suite-reads.ts'
import { type Opened, type Test, tables } from './suite-support.ts'
import { groupTests, writeTests } from './suite-writes.ts'

/** What the suite needs of an engine: fresh databases, each of which can be opened more than once. */
export interface SuiteHost {
  /** A new, empty database; gives what opens it. The host closes what is still open after each test. */
  fresh(): Promise<() => Promise<Database>>
}

/** The contract of a storage engine, as tests. */
export function storageSuite(name: string, host: SuiteHost): void {
  const test: Test = (title, fn) =>
    it(title, async () => {
      const open = await host.fresh()
      const database: Opened = { ...(await open()), again: open }
      await database.migrate('suite', tables)
      await fn(database)
    })
  describe(`${name}: a write`, () => writeTests(test))
  describe(`${name}: writes at the same time`, () => groupTests(test))
  describe(`${name}: a read`, () => readTests(test))
  describe(`${name}: values`, () => valueTests(test))
  describe(`${name}: waking`, () => wakeTests(test))
  describe(`${name}: migrations`, () => migrationTests(test))
  describe(`${name}: the end`, () => closeTests(test))
}
