/** A formatted commit on its way into the database: the one place that keeps blocks, records and blobs in step. */
import { decode } from '@atcute/cbor'
import type { Cid } from '@leaf/atproto/cid'
import type { FormattedCommit } from '@leaf/atproto/repo'
import { Corruption } from '../../kernel/errors.ts'
import type { Did } from '../../kernel/identity/types.ts'
import type { Tx } from '../../kernel/storage/database.ts'
import { deleteBacklink, insertBacklink } from '../database/backlinks.ts'
import { type BlockReader, type BlockUse, changeBlocks, sumUses } from '../database/blocks.ts'
import { changeRecords } from '../database/records.ts'
import { putRepoState } from '../database/repo-state.ts'
import type { CommitEvent, CommitOp } from '../sync/events.ts'
import type { JsonBlobRef } from '../validation/json.ts'
import { hasBacklinks, subjectOf } from './backlinks.ts'

/** How blobs follow the records that refer to them; handed in. */
export interface BlobRefs {
  /**
   * The record at `path` (`collection/rkey`) refers to exactly these blobs from now on, whatever it referred to before.
   * Within a commit, every attach comes before the first detach. Throws BlobNotFound, InvalidMimeType, ….
   */
  attach(
    tx: Tx,
    reference: {
      readonly accountId: number
      readonly rev: string
      readonly path: string
      readonly blobs: readonly JsonBlobRef[]
    },
  ): Promise<void>
  /** The record at `path` refers to no blob any more. */
  detach(tx: Tx, reference: { readonly accountId: number; readonly path: string }): Promise<void>
  /** Every blob of the account goes. */
  removeAll(tx: Tx, accountId: number): Promise<void>
}

/** What of a written record is kept beside its block. */
export interface RecordExtras {
  readonly blobs: readonly JsonBlobRef[]
  readonly subject: string | undefined
}

export interface CommitContext {
  readonly accountId: number
  readonly recordCount: number
  readonly nowMs: number
  readonly reader: BlockReader
  /** By path; for creates and updates. */
  readonly extras: ReadonlyMap<string, RecordExtras>
}

/** Stores a commit. Its event (`eventOf`) is the caller's to append. */
export async function storeCommit(
  tx: Tx,
  blobs: BlobRefs,
  commit: FormattedCommit,
  context: CommitContext,
): Promise<void> {
  const { accountId, nowMs } = context
  await forgetBacklinks(tx, commit, context)
  await changeBlocks(tx, accountId, commit.rev, sumUses(usesOf(commit)))
  const changes = commit.ops.map(op => ({ ...splitPath(op.path), cid: op.cid }))
  await changeRecords(tx, accountId, { rev: commit.rev, nowMs }, changes)
  await takeUp(tx, blobs, commit, context)
  for (const { action, path } of commit.ops) {
    if (action === 'delete') await blobs.detach(tx, { accountId, path })
  }
  const created = commit.ops.filter(op => op.action === 'create').length
  const deleted = commit.ops.filter(op => op.action === 'delete').length
  await putRepoState(
    tx,
    accountId,
    {
      headCid: commit.commit.cid,
      headRev: commit.rev,
      dataCid: commit.data,
      commitBlock: commit.commit.bytes,
      recordCount: context.recordCount + created - deleted,
    },
    nowMs,
  )
}

/** The commit as the firehose tells it. */
export function eventOf(did: Did, commit: FormattedCommit): CommitEvent {
  return {
    did,
    commit: commit.commit.cid,
    rev: commit.rev,
    since: commit.since,
    ...(commit.prevData === null ? {} : { prevData: commit.prevData }),
    blocks: commit.slice,
    ops: commit.ops.map((op): CommitOp => {
      const { action, path, cid, prev } = op
      return prev === null ? { action, path, cid } : { action, path, cid, prev }
    }),
  }
}

/** Which blocks a commit takes up and gives up. */
function* usesOf(
  commit: Pick<FormattedCommit, 'newNodes' | 'removedNodes' | 'newRecords' | 'removedRecords'>,
): Generator<BlockUse> {
  for (const { cid, bytes } of commit.newNodes) yield { cid, bytes, uses: 1 }
  for (const { cid, bytes } of commit.newRecords) yield { cid, bytes, uses: 1 }
  for (const cid of commit.removedNodes) yield { cid, bytes: undefined, uses: -1 }
  for (const cid of commit.removedRecords) yield { cid, bytes: undefined, uses: -1 }
}

/** `collection` and `rkey` of a path. */
export function splitPath(path: string): { readonly collection: string; readonly rkey: string } {
  const slash = path.indexOf('/')
  return { collection: path.slice(0, slash), rkey: path.slice(slash + 1) }
}

// Before blocks change: what the old records pointed at is read out of them.
async function forgetBacklinks(tx: Tx, commit: FormattedCommit, context: CommitContext): Promise<void> {
  const { accountId, reader } = context
  for (const { path, prev } of commit.ops) {
    const { collection, rkey } = splitPath(path)
    if (prev === null || !hasBacklinks(collection)) continue
    const subject = subjectOf(collection, await recordOf(reader, prev))
    if (subject !== undefined) await deleteBacklink(tx, accountId, { collection, subject, rkey })
  }
}

async function recordOf(reader: BlockReader, cid: Cid): Promise<unknown> {
  const bytes = await reader.load(cid)
  if (bytes === undefined) throw new Corruption('the block of a record is not stored')
  return decode(bytes)
}

async function takeUp(
  tx: Tx,
  blobs: BlobRefs,
  commit: FormattedCommit,
  context: CommitContext,
): Promise<void> {
  const { accountId, extras } = context
  for (const { action, path } of commit.ops) {
    const extra = action === 'delete' ? undefined : extras.get(path)
    if (extra === undefined) continue
    if (extra.subject !== undefined) {
      await insertBacklink(tx, accountId, { ...splitPath(path), subject: extra.subject })
    }
    if (extra.blobs.length > 0 || action === 'update') {
      await blobs.attach(tx, { accountId, rev: commit.rev, path, blobs: extra.blobs })
    }
  }
}
