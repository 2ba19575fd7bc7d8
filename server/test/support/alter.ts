import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import type { Leaf } from './leaf.ts'

/** Changes rows behind Leaf's back, while it is down: how a test makes something older than it is. */
export async function alterRows(leaf: Leaf, sql: string): Promise<void> {
  if (leaf.databaseUrl === undefined) {
    const database = new DatabaseSync(join(leaf.dataFolder, 'leaf.db'))
    database.exec(sql)
    database.close()
    return
  }
  const client = new Client({ connectionString: leaf.databaseUrl })
  await client.connect()
  await client.query(sql)
  await client.end()
}
