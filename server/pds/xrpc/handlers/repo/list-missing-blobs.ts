import { missingBlobs } from '../../../database/blobs.ts'
import type { Database } from '../../../../kernel/storage/database.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'

/** `com.atproto.repo.listMissingBlobs`: what an imported repository refers to and has not been uploaded yet. */
export function createListMissingBlobs(deps: {
  readonly database: Pick<Database, 'read'>
}): XrpcMethod<{ readonly limit: number; readonly cursor?: string }> {
  return {
    nsid: 'com.atproto.repo.listMissingBlobs',
    type: 'query',
    auth: { need: 'session', also: ['deactivated'] },
    handle: async ({ params: { limit, cursor = '' }, credentials }) => {
      if (credentials.kind !== 'session') throw refuse('AuthMissing', 'Authentication Required')
      const { account, did } = credentials
      const rows = await deps.database.read(tx => missingBlobs(tx, account, { after: cursor, limit }))
      const blobs = rows.map(({ cid, path }) => ({ cid, recordUri: `at://${did}/${path}` }))
      const last = rows.at(-1)
      return { json: { ...(last === undefined ? {} : { cursor: last.cid }), blobs } }
    },
  }
}
