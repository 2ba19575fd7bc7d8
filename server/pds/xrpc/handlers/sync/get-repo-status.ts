import type { Database } from '../../../../kernel/storage/database.ts'
import { accountByDid } from '../../../database/accounts.ts'
import { repoState } from '../../../database/repo-state.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { statusOf } from './readable.ts'

/** com.atproto.sync.getRepoStatus: also for accounts that are not active, then without `rev`. */
export function createGetRepoStatus(deps: {
  readonly database: Pick<Database, 'read'>
}): XrpcMethod<{ readonly did: string }> {
  return {
    nsid: 'com.atproto.sync.getRepoStatus',
    type: 'query',
    auth: { need: 'nothing' },
    handle: ({ params: { did } }) =>
      deps.database.read(async tx => {
        const account = await accountByDid(tx, did)
        if (account === undefined) throw refuse('RepoNotFound', `Could not find repo for DID: ${did}`)
        const state = account.status === 'active' ? await repoState(tx, account.id) : undefined
        const rev = state === undefined ? {} : { rev: state.headRev }
        return { json: { did, ...statusOf(account.status), ...rev } }
      }),
  }
}
