/** Who people are at sign-in providers, as rows keyed by (provider, the provider's own id); never by e-mail. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

/** An account's identity at a provider. */
export interface IdentityRow {
  readonly provider: string
  readonly providerId: string
  readonly account: number
  readonly label: string
  readonly email: string | null
  /** 0 or 1. */
  readonly emailVerified: number
  readonly linkedAt: number
  readonly lastUsedAt: number
}

const columns = `provider, provider_id AS "providerId", account, label, email, email_verified AS "emailVerified",
  linked_at AS "linkedAt", last_used_at AS "lastUsedAt"`

/** The identity with this id at this provider. */
export function identityOf(
  tx: ReadTx,
  provider: string,
  providerId: string,
): Promise<IdentityRow | undefined> {
  return tx.get(`SELECT ${columns} FROM pds_identities WHERE provider = $1 AND provider_id = $2`, [
    provider,
    providerId,
  ])
}

/** An account's identities, first linked first. */
export function identitiesOf(tx: ReadTx, account: number, limit: number): Promise<IdentityRow[]> {
  return tx.all(
    `SELECT ${columns} FROM pds_identities WHERE account = $1 ORDER BY linked_at, provider, provider_id LIMIT $2`,
    [account, limit],
  )
}

/** Adds an identity; false when it belongs to an account already. */
export async function insertIdentity(tx: Tx, row: IdentityRow): Promise<boolean> {
  const { changes } = await tx.run(
    `INSERT INTO pds_identities (provider, provider_id, account, label, email, email_verified, linked_at, last_used_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
    [
      row.provider,
      row.providerId,
      row.account,
      row.label,
      row.email,
      row.emailVerified,
      row.linkedAt,
      row.lastUsedAt,
    ],
  )
  return changes > 0
}

/** Notes a sign-in, with what the provider says of the person now. */
export async function updateIdentity(
  tx: Tx,
  row: Pick<IdentityRow, 'provider' | 'providerId' | 'label' | 'email' | 'emailVerified' | 'lastUsedAt'>,
): Promise<void> {
  await tx.run(
    `UPDATE pds_identities SET label = $3, email = $4, email_verified = $5, last_used_at = $6
     WHERE provider = $1 AND provider_id = $2`,
    [row.provider, row.providerId, row.label, row.email, row.emailVerified, row.lastUsedAt],
  )
}

/** Removes one identity of an account; whether it was there. */
export async function deleteIdentity(
  tx: Tx,
  account: number,
  identity: { readonly provider: string; readonly providerId: string },
): Promise<boolean> {
  const { changes } = await tx.run(
    `DELETE FROM pds_identities WHERE account = $1 AND provider = $2 AND provider_id = $3`,
    [account, identity.provider, identity.providerId],
  )
  return changes > 0
}

/** Removes all identities of an account. */
export async function deleteIdentitiesOf(tx: Tx, account: number): Promise<void> {
  await tx.run(`DELETE FROM pds_identities WHERE account = $1`, [account])
}
