/** Prepared writes against what is there: swaps, no-ops, put as create or update, and older duplicates that go. */
import { type Cid, cidEquals, cidToString } from '@leaf/atproto/cid'
import type { RepoWrite } from '@leaf/atproto/repo'
import type { ReadTx } from '../../kernel/storage/database.ts'
import { backlinksTo } from '../database/backlinks.ts'
import { recordCidAt } from '../database/records.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { WrittenRecord } from './acts.ts'
import type { PreparedRequest, PreparedWrite } from './prepare.ts'
import type { RecordExtras } from './store-commit.ts'

export interface ResolvedWrites {
  /** What is left to do; empty although writes were asked for: nothing changes. */
  readonly writes: readonly RepoWrite[]
  readonly extras: ReadonlyMap<string, RecordExtras>
  /** One for each write of the request. */
  readonly results: readonly WrittenRecord[]
}

/** Throws InvalidSwap, and InvalidRequest for an update or delete in a batch of what is not there. */
export async function resolveWrites(
  tx: ReadTx,
  accountId: number,
  request: PreparedRequest,
): Promise<ResolvedWrites> {
  const writes: RepoWrite[] = []
  const results: WrittenRecord[] = []
  const extras = new Map<string, RecordExtras>()
  const single = request.writes.length === 1
  for (const write of request.writes) {
    const { path, record } = write
    const swaps = single && request.swapRecord !== undefined
    const looks = swaps || write.action === 'put' || write.ifPresent === true
    const current = looks ? await recordCidAt(tx, accountId, write) : undefined
    const action = actionOf(write, current)
    results.push(resultOf(request.did, write, action))
    // What changes nothing asks nothing of the state before it, as in the reference.
    if (isNothing(write, current)) continue
    if (swaps) checkSwap(request.swapRecord ?? null, current ?? null)
    if (request.pruneDuplicates) writes.push(...(await duplicatesOf(tx, accountId, write)))
    if (action === 'delete' || record === undefined) {
      writes.push({ action: 'delete', path })
      continue
    }
    writes.push({ action, path, record: record.block })
    extras.set(path, { blobs: record.blobs, subject: write.subject })
  }
  return { writes, results, extras }
}

function actionOf(write: PreparedWrite, current: Cid | undefined): WrittenRecord['action'] {
  if (write.action === 'put') return current === undefined ? 'create' : 'update'
  return write.action
}

function isNothing({ action, record, ifPresent }: PreparedWrite, current: Cid | undefined): boolean {
  if (action === 'delete') return ifPresent === true && current === undefined
  return (
    action === 'put' && current !== undefined && record !== undefined && cidEquals(current, record.block.cid)
  )
}

function checkSwap(swapRecord: Cid | null, current: Cid | null): void {
  if (swapRecord === null ? current === null : current !== null && cidEquals(current, swapRecord)) return
  throw refuse('InvalidSwap', `Record was at ${current === null ? 'null' : cidToString(current)}`)
}

async function duplicatesOf(
  tx: ReadTx,
  accountId: number,
  write: PreparedWrite,
): Promise<readonly RepoWrite[]> {
  const { action, collection, subject, rkey } = write
  if (action !== 'create' || subject === undefined) return []
  const rkeys = await backlinksTo(tx, accountId, { collection, subject })
  return rkeys
    .filter(older => older !== rkey)
    .map((older): RepoWrite => ({ action: 'delete', path: `${collection}/${older}` }))
}

function resultOf(did: string, write: PreparedWrite, action: WrittenRecord['action']): WrittenRecord {
  const uri = `at://${did}/${write.path}`
  const { record } = write
  if (record === undefined) return { action, uri }
  const status = record.status === undefined ? {} : { validationStatus: record.status }
  return { action, uri, cid: cidToString(record.block.cid), ...status }
}
