import assert from 'node:assert/strict'
import { commitOf, dataOf, type Frame, seqOf } from './firehose.ts'

/** A repo as the firehose tells it. */
interface Told {
  rev: string | null
  data: string | undefined
  readonly records: Map<string, string>
}

/** Follows a firehose as a careful relay does, over any number of connections. */
export interface Replay {
  /** The last seq taken: the cursor to come back with. */
  cursor(): number
  /** How many events were taken. */
  events(): number
  /** Takes the next frames; fails on a gap, a repeat, or a broken chain of since and prevData. */
  take(frames: readonly Frame[]): Promise<void>
  /** Path to CID of an account's records, by all that was told. */
  recordsOf(did: string): ReadonlyMap<string, string>
}

export function createReplay(): Replay {
  const repos = new Map<string, Told>()
  let cursor = 0
  let events = 0

  const takeCommit = async (frame: Frame) => {
    const commit = commitOf(frame)
    const told = repos.get(commit.repo) ?? { rev: null, data: undefined, records: new Map<string, string>() }
    repos.set(commit.repo, told)
    assert.equal(commit.since, told.rev, `the chain of revisions is broken at seq ${commit.seq}`)
    assert.equal(commit.prevData, told.data, `the chain of trees is broken at seq ${commit.seq}`)
    for (const op of commit.ops) {
      assert.equal(
        op.prev,
        told.records.get(op.path),
        `prev of ${op.path} is not what was told at seq ${commit.seq}`,
      )
      if (op.cid === null) told.records.delete(op.path)
      else told.records.set(op.path, op.cid)
    }
    told.rev = commit.rev
    told.data = await dataOf(commit)
  }
  return {
    cursor: () => cursor,
    events: () => events,
    take: async frames => {
      for (const frame of frames) {
        assert.equal(frame.op, 1, `the firehose said ${JSON.stringify(frame.body)}`)
        const seq = seqOf(frame)
        assert.ok(seq > cursor, `seq ${seq} came after ${cursor}`)
        cursor = seq
        events += 1
        if (frame.t === '#commit') await takeCommit(frame)
      }
    },
    recordsOf: did => repos.get(did)?.records ?? new Map<string, string>(),
  }
}
