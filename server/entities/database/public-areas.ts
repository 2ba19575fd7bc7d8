/** What its owners have made public: read capabilities for the server's key, with the owner's word. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

export interface PublicStatement {
  readonly namespace: Uint8Array
  /** Empty: every subspace of the namespace. */
  readonly subspace: Uint8Array
  /** Hash of the granted area: what makes two statements about the same. */
  readonly area: Uint8Array
  /** Encoded. */
  readonly capability: Uint8Array
  readonly isPublic: boolean
  /** By the owner's clock, in milliseconds: a later statement replaces an earlier one. */
  readonly statedAt: number
}

/** Capabilities of areas that are public in a subspace, and of those that are public in the whole namespace. */
export async function publicCapabilities(
  tx: ReadTx,
  place: { readonly namespace: Uint8Array; readonly subspace: Uint8Array | undefined },
  limit: number,
): Promise<readonly Uint8Array[]> {
  const { namespace, subspace = new Uint8Array() } = place
  const rows = await tx.all<{ capability: Uint8Array }>(
    `SELECT capability FROM entities_public
     WHERE namespace = $1 AND (subspace = $2 OR subspace = $3) AND is_public = 1 ORDER BY area LIMIT $4`,
    [namespace, subspace, new Uint8Array(), limit],
  )
  return rows.map(({ capability }) => capability)
}

/** Statements that a subspace has, of either kind. */
export async function countStatements(
  tx: ReadTx,
  { namespace, subspace }: Pick<PublicStatement, 'namespace' | 'subspace'>,
): Promise<number> {
  const row = await tx.get<{ count: number }>(
    'SELECT count(*) AS count FROM entities_public WHERE namespace = $1 AND subspace = $2',
    [namespace, subspace],
  )
  return row?.count ?? 0
}

/** Keeps a statement; false when a later one about the same area is there. */
export async function putStatement(tx: Tx, statement: PublicStatement): Promise<boolean> {
  const { namespace, subspace, area, capability, isPublic, statedAt } = statement
  const { changes } = await tx.run(
    `INSERT INTO entities_public (namespace, subspace, area, capability, is_public, stated_at)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (namespace, subspace, area) DO UPDATE SET capability = excluded.capability,
       is_public = excluded.is_public, stated_at = excluded.stated_at
     WHERE entities_public.stated_at < excluded.stated_at`,
    [namespace, subspace, area, capability, isPublic ? 1 : 0, statedAt],
  )
  return changes > 0
}

/** Namespace and subspace of what is public, ascending, after one; for lists. */
export async function publicSubspaces(
  tx: ReadTx,
  place: { readonly namespace: Uint8Array; readonly after: Uint8Array },
  limit: number,
): Promise<readonly Uint8Array[]> {
  const rows = await tx.all<{ subspace: Uint8Array }>(
    `SELECT DISTINCT subspace FROM entities_public
     WHERE namespace = $1 AND subspace > $2 AND is_public = 1 ORDER BY subspace LIMIT $3`,
    [place.namespace, place.after, limit],
  )
  return rows.map(({ subspace }) => subspace)
}

export async function deleteStatementsOf(tx: Tx, subspace: Uint8Array): Promise<void> {
  await tx.run('DELETE FROM entities_public WHERE subspace = $1', [subspace])
}
