/** Which subspaces belong to which accounts. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

export interface Member {
  readonly subspace: Uint8Array
  readonly namespace: Uint8Array
  readonly did: string
  readonly linkedAt: number
}

interface MemberRow {
  readonly subspace: Uint8Array
  readonly namespace: Uint8Array
  readonly did: string
  readonly linked_at: number
}

const columns = 'subspace, namespace, did, linked_at'

function toMember({ subspace, namespace, did, linked_at: linkedAt }: MemberRow): Member {
  return { subspace, namespace, did, linkedAt }
}

/** Whose a subspace is; undefined: nobody has linked it, or its account is gone. */
export async function memberOf(tx: ReadTx, subspace: Uint8Array): Promise<Member | undefined> {
  const row = await tx.get<MemberRow>(
    `SELECT ${columns} FROM entities_member WHERE subspace = $1 AND removed_at IS NULL`,
    [subspace],
  )
  return row === undefined ? undefined : toMember(row)
}

/** Every subspace of an account, the one that was linked last first. */
export async function membersOfDid(tx: ReadTx, did: string, limit: number): Promise<readonly Member[]> {
  const rows = await tx.all<MemberRow>(
    `SELECT ${columns} FROM entities_member WHERE did = $1 AND removed_at IS NULL
     ORDER BY linked_at DESC, subspace LIMIT $2`,
    [did, limit],
  )
  return rows.map(toMember)
}

/** Links a subspace with an account, or renews the link; false when it is somebody else's. */
export async function putMember(tx: Tx, member: Member): Promise<boolean> {
  const { subspace, namespace, did, linkedAt } = member
  const { changes } = await tx.run(
    `INSERT INTO entities_member (subspace, namespace, did, linked_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (subspace) DO UPDATE SET namespace = excluded.namespace, did = excluded.did,
       linked_at = excluded.linked_at
     WHERE entities_member.did = excluded.did AND entities_member.removed_at IS NULL`,
    [subspace, namespace, did, linkedAt],
  )
  return changes > 0
}

/** Marks the subspaces of an account as to be emptied; what is marked is a stranger's from then on. */
export async function markRemoved(tx: Tx, did: string, nowMs: number): Promise<void> {
  await tx.run('UPDATE entities_member SET removed_at = $1 WHERE did = $2 AND removed_at IS NULL', [
    nowMs,
    did,
  ])
}

/** Marks one subspace of an account. */
export async function markSubspaceRemoved(
  tx: Tx,
  { did, subspace }: Pick<Member, 'did' | 'subspace'>,
  nowMs: number,
): Promise<boolean> {
  const { changes } = await tx.run(
    'UPDATE entities_member SET removed_at = $1 WHERE did = $2 AND subspace = $3 AND removed_at IS NULL',
    [nowMs, did, subspace],
  )
  return changes > 0
}

/** Subspaces that are to be emptied. */
export async function removedSubspaces(tx: ReadTx, limit: number): Promise<readonly Uint8Array[]> {
  const rows = await tx.all<{ subspace: Uint8Array }>(
    'SELECT subspace FROM entities_member WHERE removed_at IS NOT NULL ORDER BY removed_at LIMIT $1',
    [limit],
  )
  return rows.map(({ subspace }) => subspace)
}

/** The link of an emptied subspace goes last. */
export async function deleteRemoved(tx: Tx, subspace: Uint8Array): Promise<void> {
  await tx.run('DELETE FROM entities_member WHERE subspace = $1 AND removed_at IS NOT NULL', [subspace])
}

/** DIDs with subspaces here, ascending, after one; for the sweeper. */
export async function memberDids(tx: ReadTx, after: string, limit: number): Promise<readonly string[]> {
  const rows = await tx.all<{ did: string }>(
    `SELECT DISTINCT did FROM entities_member WHERE did > $1 AND removed_at IS NULL ORDER BY did LIMIT $2`,
    [after, limit],
  )
  return rows.map(({ did }) => did)
}

export async function countMembers(tx: ReadTx): Promise<number> {
  const row = await tx.get<{ count: number }>(
    'SELECT count(*) AS count FROM entities_member WHERE removed_at IS NULL',
  )
  return row?.count ?? 0
}
