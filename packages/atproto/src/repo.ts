/** A commit as one act: from operations to everything that has to be stored and told. */
import { carBytes } from './car.ts'
import { type Block, type Cid, cidKey } from './cid.ts'
import { nextRev, type Sign, signCommit } from './commit.ts'
import { RepoError } from './errors.ts'
import { openTree, type TreeOp } from './mst.ts'
import type { NodeSource } from './node-source.ts'
import type { CommitOp } from './proof.ts'

/** Operations of a commit at most, as consumers accept. https://atproto.com/specs/sync */
export const commitOpsMax = 200
/** Bytes of a commit's blocks at most, as consumers accept. */
export const commitBlocksBytesMax = 2_000_000

/** A write of one record. `record` is its DAG-CBOR under its CID, which the caller computed (`blockOf`). */
export type RepoWrite =
  | { readonly action: 'create' | 'update'; readonly path: string; readonly record: Block }
  | { readonly action: 'delete'; readonly path: string }

/** Where a repository stands. */
export interface RepoHead {
  /** The root of the tree. */
  readonly data: Cid
  readonly rev: string
}

/** All that one commit brings. */
export interface FormattedCommit {
  /** The signed commit. */
  readonly commit: Block
  readonly rev: string
  /** The rev before; null for the first commit. */
  readonly since: string | null
  readonly data: Cid
  /** The root before; null for the first commit. */
  readonly prevData: Cid | null
  /** Exactly the nodes that the tree has now and had not before. */
  readonly newNodes: readonly Block[]
  /** Exactly the nodes that the tree had and has not any more. */
  readonly removedNodes: readonly Cid[]
  /** The record of each create and update among `ops`. One block may be here twice, or be stored already. */
  readonly newRecords: readonly Block[]
  /**
   * The record before, of each update and delete among `ops`. One CID may be here twice, also be in `newRecords`, or be
   * in use at another path: count the uses, and delete a block with the last.
   */
  readonly removedRecords: readonly Cid[]
  /** At most one a path, in the order in which the paths were first written. */
  readonly ops: readonly CommitOp[]
  /** The `blocks` of the #commit: a CAR with the commit as root, covering proofs and new records. */
  readonly slice: Uint8Array
}

/**
 * Applies writes in order, all or none, and signs the new tree. Writes of one path become one operation with their net
 * effect (none, if the path is free before and after). No writes: a new commit over the same tree.
 * Throws RepoError: 'record-exists', 'record-missing', 'invalid-path', 'too-many-ops', 'too-big'.
 */
export async function formatCommit(options: {
  readonly source: NodeSource
  readonly did: string
  /** Null: the repository's first commit. */
  readonly head: RepoHead | null
  readonly writes: readonly RepoWrite[]
  readonly sign: Sign
  readonly nowMs: number
  /** 0 to 1023: see `nextRev`. */
  readonly clockId: number
}): Promise<FormattedCommit> {
  const { source, did, head, writes } = options
  if (writes.length > commitOpsMax) {
    throw new RepoError('too-many-ops', `${writes.length} operations exceed ${commitOpsMax}`)
  }
  const tree = openTree(source, head?.data ?? null)
  if (writes.length > 1) await tree.prepare(writes.map(write => write.path))
  const effects = await applyWrites(writes, op => tree.apply(op))
  const { root, newBlocks, removedCids } = tree.seal()
  const rev = nextRev(head?.rev, options.nowMs, options.clockId)
  const commit = await signCommit({ did, data: root, rev }, { sign: options.sign, sha256: source.sha256 })
  const proof = await tree.around(effects.ops.map(op => op.path))
  const slice = carBytes([commit.cid], uniqueBlocks([commit], proof, newBlocks, effects.records))
  if (slice.length > commitBlocksBytesMax) {
    throw new RepoError('too-big', `a commit of ${slice.length} bytes exceeds ${commitBlocksBytesMax}`)
  }
  return {
    commit,
    rev,
    since: head?.rev ?? null,
    data: root,
    prevData: head?.data ?? null,
    newNodes: newBlocks,
    removedNodes: removedCids,
    newRecords: effects.records,
    removedRecords: effects.ops.flatMap(op => (op.prev === null ? [] : [op.prev])),
    ops: effects.ops,
    slice,
  }
}

interface Effect {
  readonly prev: Cid | null
  record: Block | null
}

interface Effects {
  readonly ops: readonly CommitOp[]
  readonly records: readonly Block[]
}

async function applyWrites(
  writes: readonly RepoWrite[],
  apply: (op: TreeOp) => Promise<Cid | null>,
): Promise<Effects> {
  const effects = new Map<string, Effect>()
  for (const write of writes) {
    const record = write.action === 'delete' ? null : write.record
    const before = await apply({ action: write.action, path: write.path, cid: record?.cid ?? null })
    const effect = effects.get(write.path)
    if (effect === undefined) effects.set(write.path, { prev: before, record })
    else effect.record = record
  }
  const ops: CommitOp[] = []
  const records: Block[] = []
  for (const [path, { prev, record }] of effects) {
    if (record !== null) records.push(record)
    if (record !== null)
      ops.push({ action: prev === null ? 'create' : 'update', path, cid: record.cid, prev })
    else if (prev !== null) ops.push({ action: 'delete', path, cid: null, prev })
  }
  return { ops, records }
}

function uniqueBlocks(...lists: readonly (readonly Block[])[]): Block[] {
  const unique = new Map<string, Block>()
  for (const list of lists) for (const block of list) unique.set(cidKey(block.cid), block)
  return [...unique.values()]
}
