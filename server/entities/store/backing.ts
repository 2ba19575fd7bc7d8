/** The library's rows in the house's database. */
import type { Backing } from '@leaf/entities/store/backing'
import { sqlBacking } from '@leaf/entities/store/sql'
import type { Database } from '../../kernel/storage/database.ts'
import { storePrefix } from '../database/schema.ts'

/** Everything that changes entries holds this lock, so that arrivals become visible in their order on every node. */
export const storeLock = 'entities'
/** Woken after every change. */
export const storeChannel = 'entities'

/** Rows in tables that `migrations` made. Closing it leaves the database open: it is the house's. */
export function databaseBacking(database: Database): Backing {
  return sqlBacking(
    {
      read: fn => database.read(fn),
      write: fn =>
        database.write(
          async tx => {
            const value = await fn(tx)
            tx.notify(storeChannel)
            return value
          },
          { locks: [storeLock] },
        ),
      listen: listener => database.listen(storeChannel, listener),
      close: async () => undefined,
    },
    storePrefix,
  )
}
