/** What the rest of the PDS asks of repositories. Implemented by `repository.ts`. */
import type { Account } from '../database/accounts.ts'
import type { Tx } from '../../kernel/storage/database.ts'

/** One write of a client. `record` is JSON as it came (`$link`, `$bytes`), validated for shape by the caller. */
export type RecordWrite =
  | {
      readonly action: 'create'
      readonly collection: string
      readonly rkey?: string
      readonly record: unknown
    }
  | {
      readonly action: 'update'
      readonly collection: string
      readonly rkey: string
      readonly record: unknown
    }
  /** Creates, or replaces what is there before the request (putRecord). */
  | { readonly action: 'put'; readonly collection: string; readonly rkey: string; readonly record: unknown }
  | {
      readonly action: 'delete'
      readonly collection: string
      readonly rkey: string
      /** Nothing happens when the record is not there (deleteRecord); else that is refused (applyWrites). */
      readonly ifPresent?: boolean
    }

export interface WriteRequest {
  readonly did: string
  readonly writes: readonly RecordWrite[]
  /** `true`: the lexicon must be known; `false`: not checked; absent: checked when known. */
  readonly validate?: boolean
  /** CID as text. */
  readonly swapCommit?: string
  /** CID as text, or null for "must not exist"; for a single put or delete. */
  readonly swapRecord?: string | null
  /** Creates of likes, reposts, follows and blocks delete older ones of the same subject (createRecord; not applyWrites). */
  readonly pruneDuplicates?: boolean
}

export interface WrittenRecord {
  readonly action: 'create' | 'update' | 'delete'
  readonly uri: string
  /** Absent for a delete. CID as text. */
  readonly cid?: string
  readonly validationStatus?: 'valid' | 'unknown'
}

export interface WriteAnswer {
  /** Absent when nothing changed (an identical put, a delete of what is not there). */
  readonly commit?: { readonly cid: string; readonly rev: string }
  readonly results: readonly WrittenRecord[]
}

export interface Repositories {
  /** All or nothing; durable when it resolves. */
  write(request: WriteRequest): Promise<WriteAnswer>
  /** The first, empty commit of a new account, within its transaction; appends #commit and #sync when `announce`. */
  createEmpty(
    tx: Tx,
    account: Pick<Account, 'id' | 'did'> & { readonly signingKeySealed: Uint8Array },
    options: { readonly announce: boolean },
  ): Promise<void>
  /**
   * A fresh commit over the same tree, signed with the current key, within the transaction: at activation, so that what
   * was imported is live at once. Appends #commit (empty ops) and/or #sync as the network needs it. Gives its CID and rev.
   */
  recommit(tx: Tx, accountId: number): Promise<{ readonly cid: string; readonly rev: string }>
  /** Everything of an account's repo goes, within the transaction; blob files follow once it is durable. */
  removeAll(tx: Tx, accountId: number): Promise<void>
}
