import type { Reading } from '../../../repo/reading.ts'
import type { XrpcMethod } from '../../method.ts'

interface Params {
  readonly repo: string
  readonly collection: string
  readonly rkey: string
  readonly cid?: string
}

/** com.atproto.repo.getRecord */
export function createGetRecord(deps: { readonly reading: Pick<Reading, 'record'> }): XrpcMethod<Params> {
  return {
    nsid: 'com.atproto.repo.getRecord',
    type: 'query',
    auth: { need: 'nothing' },
    handle: async ({ params }) => ({ jsonText: await deps.reading.record(params) }),
  }
}
