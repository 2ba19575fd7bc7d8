import type { Database } from '../../../../kernel/storage/database.ts'
import type { RepoExports } from '../../../sync/export.ts'
import type { XrpcMethod } from '../../method.ts'
import { carType, noRepo, readableAccount } from './readable.ts'

interface Params {
  readonly did: string
  readonly since?: string
}

export interface GetRepoDeps {
  readonly database: Pick<Database, 'read'>
  readonly exports: RepoExports
}

/** com.atproto.sync.getRepo */
export function createGetRepo({ database, exports }: GetRepoDeps): XrpcMethod<Params> {
  return {
    nsid: 'com.atproto.sync.getRepo',
    type: 'query',
    auth: { need: 'optional' },
    handle: async ({ params: { did, since }, credentials }) => {
      const account = await database.read(tx => readableAccount(tx, did, credentials))
      const stream = await exports.car(account.id, since)
      if (stream === undefined) throw noRepo(did)
      return { stream, contentType: carType }
    },
  }
}
