import type { Database } from '../../../../kernel/storage/database.ts'
import { reposWithCollection } from '../../../database/export.ts'
import type { XrpcMethod } from '../../method.ts'
import { readCursor } from './cursor.ts'

interface Params {
  readonly collection: string
  readonly limit: number
  readonly cursor?: string
}

/** Accounts that one call looks at; what comes behind them is behind the cursor. */
const accountsMax = 5_000

/** com.atproto.sync.listReposByCollection */
export function createListReposByCollection(deps: {
  readonly database: Pick<Database, 'read'>
}): XrpcMethod<Params> {
  return {
    nsid: 'com.atproto.sync.listReposByCollection',
    type: 'query',
    auth: { need: 'nothing' },
    handle: async ({ params: { collection, limit, cursor } }) => {
      const range = { after: readCursor(cursor), limit, lookedAt: accountsMax }
      const { repos, last } = await deps.database.read(tx => reposWithCollection(tx, collection, range))
      return {
        json: {
          ...(last === undefined ? {} : { cursor: String(last) }),
          repos: repos.map(({ did }) => ({ did })),
        },
      }
    },
  }
}
