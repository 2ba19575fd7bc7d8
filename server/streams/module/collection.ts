/** Removes modules that nobody uses. */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { collectModules, unstageBefore } from '../database/modules.ts'

/** How long an uploaded module is kept for a stream to use it. */
export const stagedGraceMs = 500_000
/** Modules that one transaction removes. */
const perRoundMax = 50

/** One collection; gives how many were removed. Can be cut off anywhere: what is left is found by the next one. */
export function createCollection(deps: {
  readonly database: Pick<Database, 'write'>
  readonly clock: Clock
  readonly log: Logger
}): () => Promise<number> {
  const { database, clock, log } = deps
  return async () => {
    const before = clock.now() - stagedGraceMs
    let removed = 0
    for (;;) {
      const cids = await database.write(async tx => {
        await unstageBefore(tx, before)
        return collectModules(tx, before, perRoundMax)
      })
      removed += cids.length
      if (cids.length < perRoundMax) break
    }
    if (removed > 0) log.info({ modules: removed }, 'removed modules that no stream uses')
    return removed
  }
}
