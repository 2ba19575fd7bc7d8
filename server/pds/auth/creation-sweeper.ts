/** Finishes or undoes creations that were cut off between the pending row and the account. */
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Logger } from '../../kernel/log.ts'
import { pendingBefore, type PendingRow } from '../database/pending.ts'
import type { IdentityCreation } from '../identity/creation.ts'
import { type FinishDeps, finishCreation, undoCreation } from './finish-creation.ts'
import { decodePending, type LinkedIdentity } from './pending-account.ts'

/** Older than any creation that is still under way: its three calls to the directory take ten seconds at most each. */
const settleAgeMs = 45_000
/** The sweep leaves more time than that. */
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
  return async (olderThanMs = pendingAgeMs) => {
    const before = deps.clock.now() - olderThanMs
    const rows = await deps.database.read(tx => pendingBefore(tx, before, perSweepMax))
    const done = { finished: 0, undone: 0 }
    for (const row of rows) {
      const how = await settle(row, deps)
      // The directory is away: it need not be asked for each of them.
      if (how === 'waiting') break
      done[how] += 1
    }
    return done
  }
}

/** Settles the creation that somebody began who comes back through the same provider. */
export type SettleCreationOf = (
  identity: Pick<LinkedIdentity, 'provider' | 'providerId'>,
) => Promise<'none' | 'waiting' | 'finished' | 'undone'>

/** Creations on their way that are looked through; each is there for the time of one call to the directory. */
const pendingMax = 1_000

/** For people who do not want to wait for the sweep. */
export function createSettleCreationOf(deps: CreationSweeperDeps): SettleCreationOf {
  return async ({ provider, providerId }) => {
    const rows = await deps.database.read(tx => pendingBefore(tx, Number.MAX_SAFE_INTEGER, pendingMax))
    const mine = rows.find(row => {
      const { identity } = decodePending(row.data)
      return identity?.provider === provider && identity.providerId === providerId
    })
    if (mine === undefined) return 'none'
    return mine.createdAt + settleAgeMs > deps.clock.now() ? 'waiting' : settle(mine, deps)
  }
}

async function settle(
  { did, handle }: PendingRow,
  deps: CreationSweeperDeps,
): Promise<'finished' | 'undone' | 'waiting'> {
  try {
    const published = await deps.identity.isPublished(did)
    if (published) await finishCreation(did, deps)
    else await undoCreation(did, deps)
    const how = published ? 'finished' : 'undone'
    deps.log.info({ did, handle, how }, 'settled an interrupted account creation')
    return how
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    deps.log.warn({ error, did, handle }, 'could not settle an interrupted account creation yet')
    return 'waiting'
  }
}
