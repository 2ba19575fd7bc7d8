import type { XrpcMethod } from '../../method.ts'
import { callersRepo, commitOf, type WriteDependencies, writeCharge, writePoints } from './write.ts'

interface Input {
  readonly repo: string
  readonly collection: string
  readonly rkey?: string
  readonly validate?: boolean
  readonly record: unknown
  readonly swapCommit?: string
}

/** com.atproto.repo.createRecord */
export function createCreateRecord(deps: WriteDependencies): XrpcMethod<unknown, Input> {
  return {
    nsid: 'com.atproto.repo.createRecord',
    type: 'procedure',
    auth: { need: 'session' },
    rate: [writeCharge(writePoints.create)],
    jsonBytesMax: deps.writeBytesMax,
    handle: async ({ input, credentials }) => {
      const { repo, collection, rkey, record, validate, swapCommit } = input
      const did = await callersRepo(deps.database, repo, credentials)
      const answer = await deps.repositories.write({
        did,
        writes: [{ action: 'create', collection, record, ...(rkey === undefined ? {} : { rkey }) }],
        pruneDuplicates: true,
        ...(validate === undefined ? {} : { validate }),
        ...(swapCommit === undefined ? {} : { swapCommit }),
      })
      const [result] = answer.results
      const { uri, cid, validationStatus } = result ?? {}
      return { json: { uri, cid, ...commitOf(answer), validationStatus } }
    },
  }
}
