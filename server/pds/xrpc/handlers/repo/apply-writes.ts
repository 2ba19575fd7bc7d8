import type { RecordWrite, WrittenRecord } from '../../../repo/acts.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { callersRepo, commitOf, type WriteDependencies, writePoints } from './write.ts'

interface Write {
  readonly $type: string
  readonly collection: string
  readonly rkey?: string
  readonly value?: unknown
}

interface Input {
  readonly repo: string
  readonly validate?: boolean
  readonly writes: readonly Write[]
  readonly swapCommit?: string
}

const nsid = 'com.atproto.repo.applyWrites'

/** com.atproto.repo.applyWrites: all of them or none. */
export function createApplyWrites(deps: WriteDependencies): XrpcMethod<unknown, Input> {
  return {
    nsid,
    type: 'procedure',
    auth: { need: 'session' },
    rate: [{ class: 'write', points: pointsOf }],
    jsonBytesMax: deps.writeBytesMax,
    handle: async ({ input, credentials }) => {
      const { repo, validate, writes, swapCommit } = input
      const did = await callersRepo(deps.database, repo, credentials)
      const answer = await deps.repositories.write({
        did,
        writes: writes.map(writeOf),
        ...(validate === undefined ? {} : { validate }),
        ...(swapCommit === undefined ? {} : { swapCommit }),
      })
      return { json: { ...commitOf(answer), results: answer.results.map(resultOf) } }
    },
  }
}

function pointsOf({ writes }: Input): number {
  let points = 0
  for (const { $type } of writes) points += writePoints[actionOf($type)]
  return points
}

function actionOf($type: string): 'create' | 'update' | 'delete' {
  const action = $type.slice(nsid.length + 1)
  return action === 'create' || action === 'update' ? action : 'delete'
}

function writeOf({ $type, collection, rkey, value: record }: Write): RecordWrite {
  const action = actionOf($type)
  if (action === 'create') return { action, collection, record, ...(rkey === undefined ? {} : { rkey }) }
  if (rkey === undefined) throw refuse('InvalidRequest', 'Missing required key "rkey"')
  return action === 'update' ? { action, collection, rkey, record } : { action, collection, rkey }
}

function resultOf({ action, uri, cid, validationStatus }: WrittenRecord): object {
  const $type = `${nsid}#${action}Result`
  return action === 'delete' ? { $type } : { $type, uri, cid, validationStatus }
}
