/** The server's own key pair: others delegate to it what the server may read. Made at the first start, the same on every node. */
import type { Ed25519, KeyPair } from '@leaf/entities/crypto'
import type { Sealer } from '../../kernel/keys.ts'
import type { Database } from '../../kernel/storage/database.ts'

const context = 'entities/server-key'
const seedBytes = 32

export interface ServerKeyOptions {
  readonly database: Database
  readonly sealer: Sealer
  readonly ed25519: Ed25519
  /** 32 random bytes for the first one. */
  readonly fresh: Uint8Array
  readonly nowMs: number
}

/** Reads the key, or makes it. Throws Corruption when it was sealed with another secret. */
export async function openServerKey(options: ServerKeyOptions): Promise<KeyPair> {
  const { database, sealer, ed25519, fresh, nowMs } = options
  if (fresh.length !== seedBytes) throw new RangeError(`expected ${seedBytes} random bytes`)
  const publicKey = await ed25519.publicKeyOf(fresh)
  const sealed = sealer.seal(fresh, context)
  const row = await database.write(
    async tx => {
      await tx.run(
        `INSERT INTO entities_server_key (id, public_key, sealed, created_at) VALUES (1, $1, $2, $3)
         ON CONFLICT (id) DO NOTHING`,
        [publicKey, sealed, nowMs],
      )
      return tx.get<{ public_key: Uint8Array; sealed: Uint8Array }>(
        'SELECT public_key, sealed FROM entities_server_key WHERE id = 1',
      )
    },
    { locks: ['entities:server-key'] },
  )
  if (row === undefined) return { publicKey, secretKey: fresh }
  return { publicKey: new Uint8Array(row.public_key), secretKey: sealer.open(row.sealed, context) }
}
