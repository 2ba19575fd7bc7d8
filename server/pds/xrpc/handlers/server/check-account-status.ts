import { cidToString, readCid } from '@leaf/atproto/cid'
import { Refusal } from '../../../../kernel/errors.ts'
import type { Database } from '../../../../kernel/storage/database.ts'
import { accountCounts } from '../../../database/account-counts.ts'
import { type Account, accountById } from '../../../database/accounts.ts'
import { repoState } from '../../../database/repo-state.ts'
import type { AssertServedHere } from '../../../identity/served-here.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { sessionOf } from './session-of.ts'

export interface CheckAccountStatusDeps {
  readonly database: Database
  readonly assertServedHere: AssertServedHere
}

/** com.atproto.server.checkAccountStatus */
export function createCheckAccountStatus(deps: CheckAccountStatusDeps): XrpcMethod {
  return {
    nsid: 'com.atproto.server.checkAccountStatus',
    type: 'query',
    auth: { need: 'session', also: ['deactivated'] },
    handle: async call => {
      const { account: id, did } = sessionOf(call)
      const { account, state, counts } = await deps.database.read(async tx => ({
        account: await accountById(tx, id),
        state: await repoState(tx, id),
        counts: await accountCounts(tx, id),
      }))
      if (account === undefined || state === undefined) {
        throw refuse('InvalidRequest', `Could not find repo: ${did}`)
      }
      return {
        json: {
          activated: account.status === 'active',
          validDid: await isServedHere(account, deps.assertServedHere),
          repoCommit: cidToString(readCid(state.headCid, 0)),
          repoRev: state.headRev,
          // The commit is a block too.
          repoBlocks: counts.blocks + 1,
          indexedRecords: state.recordCount,
          privateStateValues: 0,
          expectedBlobs: counts.expectedBlobs,
          importedBlobs: counts.importedBlobs,
        },
      }
    },
  }
}

async function isServedHere(account: Account, assertServedHere: AssertServedHere): Promise<boolean> {
  try {
    await assertServedHere(account)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}
