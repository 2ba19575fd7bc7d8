/** The PDS's own line for the terminal and the home page. */
import type { SystemStatus } from '../kernel/lifecycle.ts'
import type { Database } from '../kernel/storage/database.ts'
import { countAccounts } from './database/accounts.ts'
import { countRecords } from './database/repo-state.ts'
import type { Firehose } from './sync/firehose.ts'

interface StatusParts {
  readonly database: Database
  readonly firehose: Pick<Firehose, 'count'>
}

/** Says what the PDS holds now, or why it cannot be used. */
export function createStatus({ database, firehose }: StatusParts): () => Promise<SystemStatus> {
  return async () => {
    const readOnly = database.readOnly()
    const [accounts, records] = await database.read(async tx => [
      await countAccounts(tx),
      await countRecords(tx),
    ])
    const line = `${many(accounts, 'account')}, ${many(records, 'record')}; ${many(firehose.count(), 'reader')} on the firehose`
    return readOnly === undefined
      ? { ok: true, line }
      : { ok: false, line: `${line}; read-only: ${readOnly}` }
  }
}

function many(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}
