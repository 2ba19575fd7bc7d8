/** Nodes that share the database, and whose each stream is, as rows. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

export interface NodeRow {
  readonly id: string
  readonly address: string
  readonly expiresAt: number
}

/** Says that a node is alive until `expiresAt`. */
export async function putNode(tx: Tx, node: NodeRow): Promise<void> {
  await tx.run(
    `INSERT INTO streams_node (id, address, expires_at) VALUES ($1, $2, $3)
     ON CONFLICT (id) DO UPDATE SET address = excluded.address, expires_at = excluded.expires_at`,
    [node.id, node.address, node.expiresAt],
  )
}

export async function deleteNode(tx: Tx, id: string): Promise<void> {
  await tx.run('DELETE FROM streams_node WHERE id = $1', [id])
}

export async function deleteNodesBefore(tx: Tx, before: number): Promise<void> {
  await tx.run('DELETE FROM streams_node WHERE expires_at < $1', [before])
}

/** The node that a stream is bound to, if it is alive. */
export function nodeOf(tx: ReadTx, stream: number, now: number): Promise<NodeRow | undefined> {
  return tx.get(
    `SELECT n.id, n.address, n.expires_at AS "expiresAt" FROM streams_stream s
     JOIN streams_node n ON n.id = s.node AND n.expires_at > $1 WHERE s.id = $2`,
    [now, stream],
  )
}

/** Binds a stream to a node, unless it is bound to another one that is alive. False then. */
export async function takeStream(
  tx: Tx,
  { stream, node, now }: { readonly stream: number; readonly node: string; readonly now: number },
): Promise<boolean> {
  const { changes } = await tx.run(
    `UPDATE streams_stream SET node = $1 WHERE id = $2 AND (node IS NULL OR node = $3 OR NOT EXISTS
       (SELECT 1 FROM streams_node n WHERE n.id = streams_stream.node AND n.expires_at > $4))`,
    [node, stream, node, now],
  )
  return changes === 1
}
