import { after, before, describe } from 'node:test'
import { type Leaf, type LeafOptions, startLeaf } from './leaf.ts'
import { startPostgres } from './postgres.ts'

export type Engine = 'sqlite' | 'postgres'

/** The engines that scenarios run on; `LEAF_TEST_ENGINES=sqlite` narrows them by hand. */
const engines = (process.env['LEAF_TEST_ENGINES'] ?? 'sqlite,postgres').split(',') as Engine[]
/** One server for the whole file; each Leaf gets a database of its own. */
const postgres = engines.includes('postgres') ? await startPostgres() : undefined
after(() => postgres?.stop())

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
    const absent = engine === 'postgres' && postgres === undefined
    const skip = absent ? 'no PostgreSQL, neither from npm nor from the system' : false
    describe(`${subject}, on ${engine}`, { skip }, () => {
      let leaf: Leaf | undefined

      before(async () => {
        const given = typeof options === 'function' ? await options(engine) : options
        const url = engine === 'postgres' ? await postgres?.url('scenario') : undefined
        leaf = await startLeaf({ env: { ...(url === undefined ? {} : { DATABASE_URL: url }), ...given.env } })
      })
      after(() => leaf?.dispose())
      scenarios(() => {
        if (leaf === undefined) throw new Error('leaf runs inside tests only')
        return leaf
      }, engine)
    })
  }
}
