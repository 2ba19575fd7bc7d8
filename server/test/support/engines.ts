import { after, before, describe } from 'node:test'
import { type Leaf, type LeafOptions, startLeaf } from './leaf.ts'
import { startPostgres } from './postgres.ts'
import { startS3, type TestS3 } from './s3.ts'
import { s3Env } from './s3-env.ts'

/** How Leaf keeps its data: in one folder, or in PostgreSQL and S3. */
export type Engine = 'sqlite' | 'postgres'

/** The engines that scenarios run on; `LEAF_TEST_ENGINES=sqlite` narrows them by hand. */
const engines = (process.env['LEAF_TEST_ENGINES'] ?? 'sqlite,postgres').split(',') as Engine[]
/** One server for the whole file; each Leaf gets a database and a bucket of its own. */
const postgres = engines.includes('postgres') ? await startPostgres() : undefined
after(() => postgres?.stop())

async function storageEnv(engine: Engine, s3: TestS3 | undefined): Promise<Record<string, string>> {
  const url = engine === 'postgres' ? await postgres?.url('scenario') : undefined
  return { ...(url === undefined ? {} : { DATABASE_URL: url }), ...(s3 === undefined ? {} : s3Env(s3)) }
}

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
      let s3: TestS3 | undefined

      before(async () => {
        const given = typeof options === 'function' ? await options(engine) : options
        s3 = engine === 'postgres' ? await startS3() : undefined
        leaf = await startLeaf({ env: { ...(await storageEnv(engine, s3)), ...given.env } })
      })
      after(async () => {
        await leaf?.dispose()
        await s3?.stop()
      })
      scenarios(() => {
        if (leaf === undefined) throw new Error('leaf runs inside tests only')
        return leaf
      }, engine)
    })
  }
}
