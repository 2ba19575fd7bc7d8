/** Finishes or undoes creations that were cut off between the pending row and the account. */
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
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

/**
 * Settles creations begun more than `olderThanMs` ago; gives how many were finished and undone. What the directory says
 * nothing about stays.
 */
export type SweepCreations = (
  olderThanMs?: number,
) => Promise<{ readonly finished: number; readonly undone: number }>

/** A sweep for interrupted creations. */
export function createCreationSweeper(deps: CreationSweeperDeps): SweepCreations {
  const settle = async (did: Did): Promise<'finished' | 'undone'> => {
    if (await deps.identity.isPublished(did)) {
      await finishCreation(did, deps)
      return 'finished'
    }
    await undoCreation(did, deps)
    return 'undone'
  }
  return async (olderThanMs = pendingAgeMs) => {
    const before = deps.clock.now() - olderThanMs
    const rows = await deps.database.read(tx => pendingBefore(tx, before, perSweepMax))
    const done = { finished: 0, undone: 0 }
    for (const { did, handle } of rows) {
      try {
        const how = await settle(did)
        done[how] += 1
        deps.log.info({ did, handle, how }, 'settled an interrupted account creation')
      } catch (error) {
        deps.log.warn({ error, did, handle }, 'could not settle an interrupted account creation yet')
        // The directory is away: it need not be asked for each of them.
        if (error instanceof Refusal) break
      }
    }
    return done
  }
}
