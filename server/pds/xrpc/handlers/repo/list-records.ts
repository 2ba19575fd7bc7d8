import type { Reading } from '../../../repo/reading.ts'
import type { XrpcMethod } from '../../method.ts'

interface Params {
  readonly repo: string
  readonly collection: string
  readonly limit: number
  readonly cursor?: string
  readonly reverse?: boolean
}

/** com.atproto.repo.listRecords */
export function createListRecords(deps: { readonly reading: Pick<Reading, 'records'> }): XrpcMethod<Params> {
  return {
    nsid: 'com.atproto.repo.listRecords',
    type: 'query',
    auth: { need: 'nothing' },
    handle: async ({ params }) => {
      const { repo, collection, limit, cursor, reverse = false } = params
      return { jsonText: await deps.reading.records({ repo, collection, limit, cursor, reverse }) }
    },
  }
}
