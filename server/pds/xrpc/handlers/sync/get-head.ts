import { cidToString } from '@leaf/atproto/cid'
import type { Database } from '../../../../kernel/storage/database.ts'
import { repoState } from '../../../database/repo-state.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { readableAccount } from './readable.ts'

/** com.atproto.sync.getHead, deprecated. */
export function createGetHead(deps: {
  readonly database: Pick<Database, 'read'>
}): XrpcMethod<{ readonly did: string }> {
  return {
    nsid: 'com.atproto.sync.getHead',
    type: 'query',
    auth: { need: 'optional' },
    handle: ({ params: { did }, credentials }) =>
      deps.database.read(async tx => {
        const state = await repoState(tx, (await readableAccount(tx, did, credentials)).id)
        if (state === undefined) throw refuse('HeadNotFound', `Could not find root for DID: ${did}`)
        return { json: { root: cidToString(state.headCid) } }
      }),
  }
}
