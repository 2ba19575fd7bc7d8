/** Removes what nobody can use any more: sessions, sign-ins under way, mailed tokens, used proofs. */
import type { Clock } from '../../kernel/clock.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import { deleteEmailTokensBefore } from '../database/email-tokens.ts'
import { deleteOauthStatesBefore } from '../database/oauth-state.ts'
import { deleteExpiredSessions } from '../database/sessions.ts'
import { deleteExpiredUsedTokens } from '../database/used-tokens.ts'
import { emailTokenMs } from './email-tokens.ts'
import { oldestStateMs } from './sign-in-state.ts'

/** How often to call it. */
export const housekeepingMs = 600_000
/** Rows of one kind that go in one transaction, so that writers wait for moments only. */
const rowsPerStepMax = 500
/** Steps of one kind at a time; what is left goes the next time. */
const stepsMax = 200

/** One round; gives how many rows went. */
export function createHousekeeping({
  database,
  clock,
}: {
  readonly database: Database
  readonly clock: Clock
}) {
  return async (): Promise<number> => {
    const now = clock.now()
    const kinds = [
      (tx: Tx) => deleteExpiredSessions(tx, now, rowsPerStepMax),
      (tx: Tx) => deleteOauthStatesBefore(tx, now - oldestStateMs, rowsPerStepMax),
      (tx: Tx) => deleteEmailTokensBefore(tx, now - emailTokenMs, rowsPerStepMax),
      (tx: Tx) => deleteExpiredUsedTokens(tx, now, rowsPerStepMax),
    ]
    let gone = 0
    for (const deleteSome of kinds) {
      for (let step = 0; step < stepsMax; step += 1) {
        const count = await database.write(deleteSome)
        gone += count
        if (count < rowsPerStepMax) break
      }
    }
    return gone
  }
}
