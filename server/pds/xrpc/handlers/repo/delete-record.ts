import type { XrpcMethod } from '../../method.ts'
import { callersRepo, commitOf, type WriteDependencies, writeCharge, writePoints } from './write.ts'

interface Input {
  readonly repo: string
  readonly collection: string
  readonly rkey: string
  readonly swapRecord?: string
  readonly swapCommit?: string
}

/** com.atproto.repo.deleteRecord: what is not there is deleted already. */
export function createDeleteRecord(deps: WriteDependencies): XrpcMethod<unknown, Input> {
  return {
    nsid: 'com.atproto.repo.deleteRecord',
    type: 'procedure',
    auth: { need: 'session' },
    rate: [writeCharge(writePoints.delete)],
    handle: async ({ input, credentials }) => {
      const { repo, collection, rkey, swapRecord, swapCommit } = input
      const did = await callersRepo(deps.database, repo, credentials)
      const answer = await deps.repositories.write({
        did,
        writes: [{ action: 'delete', collection, rkey, ifPresent: true }],
        ...(swapRecord === undefined ? {} : { swapRecord }),
        ...(swapCommit === undefined ? {} : { swapCommit }),
      })
      return { json: commitOf(answer) }
    },
  }
}
