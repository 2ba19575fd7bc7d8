/** What challenges are made of: made at the first start, the same on every node. */
import type { Database } from '../../kernel/storage/database.ts'

export interface HouseKeys {
  /** 32 bytes. */
  readonly current: Uint8Array
  /** The one before it. */
  readonly previous: Uint8Array | undefined
}

/** Reads the newest two keys; makes the first one. `fresh` are 32 random bytes for it. */
export async function openHouseKeys(
  database: Database,
  options: { readonly fresh: Uint8Array; readonly nowMs: number },
): Promise<HouseKeys> {
  return database.write(
    async tx => {
      const rows = await tx.all<{ secret: Uint8Array }>(
        'SELECT secret FROM skrepka_house_key ORDER BY id DESC LIMIT 2',
      )
      const [current, previous] = rows
      if (current !== undefined) return { current: current.secret, previous: previous?.secret }
      await tx.run('INSERT INTO skrepka_house_key (secret, created_at) VALUES ($1, $2)', [
        options.fresh,
        options.nowMs,
      ])
      return { current: options.fresh, previous: undefined }
    },
    { locks: ['skrepka:house-key'] },
  )
}
