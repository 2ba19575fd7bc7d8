import { after, before, describe } from 'node:test'
import { type Leaf, type LeafOptions, startLeaf } from './leaf.ts'
import { startPostgres } from './postgres.ts'

export type Engine = 'sqlite' | 'postgres'

/** The engines that scenarios run on; `LEAF_TEST_ENGINES=sqlite` narrows them by hand. */
const engines = (process.env['LEAF_TEST_ENGINES'] ?? 'sqlite,postgres').split(',') as Engine[]

/**
 * Declares `scenarios` once for each engine, with a Leaf that is started before them and stopped after them.
 * `leaf()` may be called inside tests only.
 */
export function onEveryEngine(
  subject: string,
  scenarios: (leaf: () => Leaf, engine: Engine) => void,
  options: LeafOptions | ((engine: Engine) => Promise<LeafOptions>) = {},
): void {
  for (const engine of engines) {
    describe(`${subject}, on ${engine}`, () => {
      let leaf: Leaf | undefined
      let stopDatabase = async (): Promise<void> => {}

      before(async () => {
        const given = typeof options === 'function' ? await options(engine) : options
        const database = engine === 'postgres' ? await freshPostgres() : undefined
        stopDatabase = database?.stop ?? stopDatabase
        const databaseEnv = database === undefined ? {} : { DATABASE_URL: database.url }
        leaf = await startLeaf({ env: { ...databaseEnv, ...given.env } })
      })
      after(async () => {
        await leaf?.dispose()
        await stopDatabase()
      })
      scenarios(() => {
        if (leaf === undefined) throw new Error('leaf runs inside tests only')
        return leaf
      }, engine)
    })
  }
}

/** A fresh database of a real PostgreSQL; there is always one, from npm or from Debian. */
export async function freshPostgres(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const postgres = await startPostgres()
  if (postgres === undefined)
    throw new Error('no PostgreSQL for this machine: neither from npm nor from Debian')
  return { url: await postgres.url('scenario'), stop: () => postgres.stop() }
}
