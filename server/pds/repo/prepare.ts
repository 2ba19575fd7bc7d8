/** What can be done about writes before the transaction: everything but looking at the repository. */
import { type Cid, cidFromString } from '@leaf/atproto/cid'
import { MalformedError } from '@leaf/atproto/errors'
import { refuse } from '../xrpc/refuse.ts'
import { checkPath, type PreparedRecord, prepareRecord, type RecordRules } from '../validation/record.ts'
import type { RecordWrite, WriteRequest } from './acts.ts'
import { subjectOf } from './backlinks.ts'
import type { Tids } from './tids.ts'

/** Writes of one request at most. */
export const writesMax = 200

export interface PreparedWrite {
  readonly action: RecordWrite['action']
  readonly collection: string
  readonly rkey: string
  /** `collection/rkey` */
  readonly path: string
  /** Absent for a delete. */
  readonly record?: PreparedRecord
  /** A delete that does nothing when there is nothing. */
  readonly ifPresent?: boolean
  /** What it points at, of which there is to be one. */
  readonly subject?: string
}

export interface PreparedRequest {
  readonly did: string
  readonly writes: readonly PreparedWrite[]
  readonly swapCommit: Cid | undefined
  /** Undefined: not asked for. Null: must not exist. */
  readonly swapRecord: Cid | null | undefined
  readonly pruneDuplicates: boolean
}

/** Validates, encodes and hashes. Throws refusals. */
export function prepareRequest(request: WriteRequest, rules: RecordRules, tids: Tids): PreparedRequest {
  const { did, writes, validate, swapCommit, swapRecord } = request
  if (writes.length > writesMax) throw refuse('InvalidRequest', `Too many writes. Max: ${writesMax}`)
  const single = writes.length === 1
  return {
    did,
    writes: writes.map((write, index) => {
      const at = single ? ['record'] : ['writes', index, 'record']
      return prepareWrite(write, { validate, rules, tids, at })
    }),
    swapCommit: swapCommit === undefined ? undefined : parseCid(swapCommit),
    swapRecord: typeof swapRecord === 'string' ? parseCid(swapRecord) : swapRecord,
    pruneDuplicates: request.pruneDuplicates === true && validate !== false,
  }
}

interface PrepareContext {
  readonly validate: boolean | undefined
  readonly rules: RecordRules
  readonly tids: Tids
  readonly at: readonly (string | number)[]
}

function prepareWrite(write: RecordWrite, { validate, rules, tids, at }: PrepareContext): PreparedWrite {
  const { action, collection } = write
  const rkey = write.rkey ?? tids.next()
  const path = `${collection}/${rkey}`
  if (write.action === 'delete') {
    checkPath(collection, rkey)
    return { action, collection, rkey, path, ifPresent: write.ifPresent === true }
  }
  const record = prepareRecord({ collection, rkey, record: write.record, validate }, rules, at)
  const subject = subjectOf(collection, record.value)
  return { action, collection, rkey, path, record, ...(subject === undefined ? {} : { subject }) }
}

function parseCid(text: string): Cid {
  try {
    return cidFromString(text)
  } catch (cause) {
    if (cause instanceof MalformedError) throw refuse('InvalidRequest', `Invalid CID: ${text}`, cause)
    throw cause
  }
}
