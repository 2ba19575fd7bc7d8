import { cidToString } from '@leaf/atproto/cid'
import type { Database } from '../../../../kernel/storage/database.ts'
import { repoState } from '../../../database/repo-state.ts'
import type { XrpcMethod } from '../../method.ts'
import { noRepo, readableAccount } from './readable.ts'

/** com.atproto.sync.getLatestCommit */
export function createGetLatestCommit(deps: {
  readonly database: Pick<Database, 'read'>
}): XrpcMethod<{ readonly did: string }> {
  return {
    nsid: 'com.atproto.sync.getLatestCommit',
    type: 'query',
    auth: { need: 'optional' },
    handle: ({ params: { did }, credentials }) =>
      deps.database.read(async tx => {
        const state = await repoState(tx, (await readableAccount(tx, did, credentials)).id)
        if (state === undefined) throw noRepo(did)
        return { json: { cid: cidToString(state.headCid), rev: state.headRev } }
      }),
  }
}
