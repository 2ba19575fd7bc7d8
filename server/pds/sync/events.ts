/** The firehose's log, as acts append to it. The implementation is `sequencer.ts`. */
import type { Did } from '../../kernel/identity/types.ts'
import type { Tx } from '../../kernel/storage/database.ts'

/** The locks that a transaction must hold which changes this repo and appends events. */
export function repoLocks(did: Did): readonly string[] {
  return [`repo:${did}`, 'sequence']
}

export interface CommitEvent {
  readonly did: Did
  /** CIDs are 36 bytes. */
  readonly commit: Uint8Array
  readonly rev: string
  /** The rev before; null for the first commit. */
  readonly since: string | null
  /** The tree's root before; absent for the first commit. */
  readonly prevData?: Uint8Array
  /** CAR: commit, covering proofs, new records. */
  readonly blocks: Uint8Array
  readonly ops: readonly CommitOp[]
}

export interface CommitOp {
  readonly action: 'create' | 'update' | 'delete'
  readonly path: string
  readonly cid: Uint8Array | null
  /** The record before, for update and delete. */
  readonly prev?: Uint8Array
}

/** Each appends one event within the transaction and gives its seq. The followers wake once it is durable. */
export interface Sequencer {
  commit(tx: Tx, event: CommitEvent): Promise<number>
  /** `blocks`: a CAR with the commit alone. */
  sync(
    tx: Tx,
    event: { readonly did: Did; readonly rev: string; readonly blocks: Uint8Array },
  ): Promise<number>
  identity(tx: Tx, event: { readonly did: Did; readonly handle?: string }): Promise<number>
  /** `status` is absent when active: `takendown | suspended | deleted | deactivated`. */
  account(
    tx: Tx,
    event: { readonly did: Did; readonly active: boolean; readonly status?: string },
  ): Promise<number>
}
