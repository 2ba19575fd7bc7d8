import type { Database } from '../../../../kernel/storage/database.ts'
import { referredBlobs } from '../../../database/blobs.ts'
import type { XrpcMethod } from '../../method.ts'
import { readableAccount } from './readable.ts'

interface Params {
  readonly did: string
  readonly since?: string
  readonly limit: number
  readonly cursor?: string
}

/** com.atproto.sync.listBlobs: what records refer to. */
export function createListBlobs(deps: { readonly database: Pick<Database, 'read'> }): XrpcMethod<Params> {
  return {
    nsid: 'com.atproto.sync.listBlobs',
    type: 'query',
    auth: { need: 'optional' },
    handle: async ({ params: { did, since, limit, cursor = '' }, credentials }) => {
      const cids = await deps.database.read(async tx => {
        const account = await readableAccount(tx, did, credentials)
        return referredBlobs(tx, account.id, { after: cursor, limit, since })
      })
      const last = cids.at(-1)
      return { json: { ...(last === undefined ? {} : { cursor: last }), cids } }
    },
  }
}
