/** Appends events to the firehose's log, each encoded once, within the transaction that they tell about. */
import {
  encodeAccountFrame,
  encodeCommitFrame,
  encodeIdentityFrame,
  encodeSyncFrame,
} from '@leaf/atproto/frame'
import type { Clock } from '../../kernel/clock.ts'
import type { Tx } from '../../kernel/storage/database.ts'
import { type EventType, insertEvent, sequencerChannel } from '../database/sequencer.ts'
import type { Sequencer } from './events.ts'

export interface SequencerOptions {
  readonly clock: Clock
  /** The next number of the firehose, taken within the transaction under the lock `sequence`. */
  readonly nextSeq: (tx: Tx) => Promise<number>
}

/** The firehose's writing end. Who calls it holds the locks of `repoLocks`. */
export function createSequencer({ clock, nextSeq }: SequencerOptions): Sequencer {
  const append = async (
    tx: Tx,
    did: string,
    type: EventType,
    encode: (seq: number, time: string) => Uint8Array,
  ): Promise<number> => {
    const seq = await nextSeq(tx)
    const createdAt = clock.now()
    const frame = encode(seq, new Date(createdAt).toISOString())
    await insertEvent(tx, { seq, did, type, frame, createdAt })
    tx.notify(sequencerChannel)
    return seq
  }
  return {
    commit: (tx, { did, commit, rev, since, prevData, blocks, ops }) =>
      append(tx, did, 'commit', (seq, time) =>
        encodeCommitFrame(seq, {
          repo: did,
          commit,
          rev,
          since,
          blocks,
          ops: ops.map(op => ({ action: op.action, path: op.path, cid: op.cid, prev: op.prev ?? null })),
          prevData: prevData ?? null,
          time,
        }),
      ),
    sync: (tx, { did, rev, blocks }) =>
      append(tx, did, 'sync', (seq, time) => encodeSyncFrame(seq, { did, rev, blocks, time })),
    identity: (tx, { did, handle }) =>
      append(tx, did, 'identity', (seq, time) =>
        encodeIdentityFrame(seq, { did, time, ...(handle === undefined ? {} : { handle }) }),
      ),
    account: (tx, { did, active, status }) =>
      append(tx, did, 'account', (seq, time) =>
        encodeAccountFrame(seq, { did, active, time, ...(status === undefined ? {} : { status }) }),
      ),
  }
}
