import type { XrpcMethod } from '../../method.ts'
import { callersRepo, commitOf, type WriteDependencies, writeCharge, writePoints } from './write.ts'

interface Input {
  readonly repo: string
  readonly collection: string
  readonly rkey: string
  readonly validate?: boolean
  readonly record: unknown
  readonly swapRecord?: string | null
  readonly swapCommit?: string
}

/** com.atproto.repo.putRecord */
export function createPutRecord(deps: WriteDependencies): XrpcMethod<unknown, Input> {
  return {
    nsid: 'com.atproto.repo.putRecord',
    type: 'procedure',
    auth: { need: 'session' },
    rate: [writeCharge(writePoints.update)],
    jsonBytesMax: deps.writeBytesMax,
    handle: async ({ input, credentials }) => {
      const { repo, collection, rkey, record, validate, swapRecord, swapCommit } = input
      const did = await callersRepo(deps.database, repo, credentials)
      const answer = await deps.repositories.write({
        did,
        writes: [{ action: 'put', collection, rkey, record }],
        ...(validate === undefined ? {} : { validate }),
        ...(swapRecord === undefined ? {} : { swapRecord }),
        ...(swapCommit === undefined ? {} : { swapCommit }),
      })
      const [result] = answer.results
      const { uri, cid, validationStatus } = result ?? {}
      return { json: { uri, cid, ...commitOf(answer), validationStatus } }
    },
  }
}
