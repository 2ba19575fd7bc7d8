import { cidToString } from '@leaf/atproto/cid'
import type { Database } from '../../../../kernel/storage/database.ts'
import { reposAfter } from '../../../database/export.ts'
import type { XrpcMethod } from '../../method.ts'
import { readCursor } from './cursor.ts'
import { statusOf } from './readable.ts'

interface Params {
  readonly limit: number
  readonly cursor?: string
}

/** com.atproto.sync.listRepos: all repositories, in the order in which their accounts were made. */
export function createListRepos(deps: { readonly database: Pick<Database, 'read'> }): XrpcMethod<Params> {
  return {
    nsid: 'com.atproto.sync.listRepos',
    type: 'query',
    auth: { need: 'nothing' },
    handle: async ({ params: { limit, cursor } }) => {
      const after = readCursor(cursor)
      const rows = await deps.database.read(tx => reposAfter(tx, after, limit))
      const repos = rows.map(({ did, head, rev, status }) => ({
        did,
        head: cidToString(head),
        rev,
        ...statusOf(status),
      }))
      const last = rows.at(-1)
      return { json: { ...(last === undefined ? {} : { cursor: String(last.id) }), repos } }
    },
  }
}
