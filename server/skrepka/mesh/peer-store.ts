/** Relays that were heard of, in SQL. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'
import type { ServerName } from '../contract.ts'

export interface StoredPeer {
  readonly server: ServerName
  readonly heardAt: number
  readonly provenAt: number | undefined
  readonly reachedAt: number | undefined
  readonly features: readonly string[]
}

interface Row {
  readonly server: string
  readonly heard_at: number
  readonly proven_at: number | null
  readonly reached_at: number | null
  readonly features: string
}

/** The peers, in the order of names, at most `limit`. */
export async function readPeers(tx: Pick<ReadTx, 'all'>, limit: number): Promise<readonly StoredPeer[]> {
  const rows = await tx.all<Row>(
    'SELECT server, heard_at, proven_at, reached_at, features FROM skrepka_peer ORDER BY server LIMIT $1',
    [limit],
  )
  return rows.map(row => ({
    server: row.server,
    heardAt: row.heard_at,
    provenAt: row.proven_at ?? undefined,
    reachedAt: row.reached_at ?? undefined,
    features: row.features === '' ? [] : row.features.split(' '),
  }))
}

/** Writes what is known of a peer. */
export async function putPeer(tx: Pick<Tx, 'run'>, peer: StoredPeer): Promise<void> {
  await tx.run(
    `INSERT INTO skrepka_peer (server, heard_at, proven_at, reached_at, features) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (server) DO UPDATE SET heard_at = excluded.heard_at, proven_at = excluded.proven_at,
       reached_at = excluded.reached_at, features = excluded.features`,
    [peer.server, peer.heardAt, peer.provenAt ?? null, peer.reachedAt ?? null, peer.features.join(' ')],
  )
}

/** Forgets a peer. */
export async function dropPeer(tx: Pick<Tx, 'run'>, server: ServerName): Promise<void> {
  await tx.run('DELETE FROM skrepka_peer WHERE server = $1', [server])
}
