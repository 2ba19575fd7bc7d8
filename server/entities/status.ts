/** The line of entities for the terminal and the home page. */
import type { EntryStore } from '@leaf/entities/store/contract'
import type { SystemStatus } from '../kernel/lifecycle.ts'
import type { Database } from '../kernel/storage/database.ts'
import { countMembers } from './database/members.ts'

interface StatusParts {
  readonly database: Database
  readonly store: EntryStore
  readonly connections: () => number
}

/** Namespaces whose entries are counted for the line. */
const namespacesMax = 100

/** Says what is kept, and who syncs. */
export function createStatus({ database, store, connections }: StatusParts): () => Promise<SystemStatus> {
  return async () => {
    let entries = 0
    for (const namespace of (await store.namespaces()).slice(0, namespacesMax))
      entries += (await store.summary({ namespace, start: new Uint8Array(), end: undefined })).count
    const members = await countMembers(database.direct)
    const line = `${many(entries, 'entry', 'entries')}, ${many(members, 'linked subspace')}; ${many(connections(), 'device')} syncing`
    const readOnly = database.readOnly()
    return readOnly === undefined
      ? { ok: true, line }
      : { ok: false, line: `${line}; read-only: ${readOnly}` }
  }
}

function many(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : nouns}`
}
