/** Finishes or undoes creations that were cut off between the pending row and the account. */
import type { Clock } from '../../kernel/clock.ts'
import type { Did } from '../../kernel/identity/types.ts'
import type { Logger } from '../../kernel/log.ts'
import { pendingBefore } from '../database/pending.ts'
import type { IdentityCreation } from '../identity/creation.ts'
import { type FinishDeps, finishCreation, undoCreation } from './finish-creation.ts'

/** Older than any creation that is still under way: its calls to the directory have time-outs. */
export const pendingAgeMs = 120_000
const perSweepMax = 50

export interface CreationSweeperDeps extends FinishDeps {
  readonly clock: Clock
  readonly identity: Pick<IdentityCreation, 'isPublished'>
  readonly log: Logger
}

/** One sweep; gives how many creations were finished and undone. What the directory says nothing about stays. */
export function createCreationSweeper(deps: CreationSweeperDeps) {
  const settle = async (did: Did): Promise<'finished' | 'undone'> => {
    if (await deps.identity.isPublished(did)) {
      await finishCreation(did, deps)
      return 'finished'
    }
    await undoCreation(did, deps)
    return 'undone'
  }
  return async (): Promise<{ readonly finished: number; readonly undone: number }> => {
    const before = deps.clock.now() - pendingAgeMs
    const rows = await deps.database.read(tx => pendingBefore(tx, before, perSweepMax))
    const done = { finished: 0, undone: 0 }
    for (const { did, handle } of rows) {
      try {
        const how = await settle(did)
        done[how] += 1
        deps.log.info({ did, handle, how }, 'settled an interrupted account creation')
      } catch (error) {
        deps.log.warn({ error, did, handle }, 'could not settle an interrupted account creation yet')
      }
    }
    return done
  }
}
