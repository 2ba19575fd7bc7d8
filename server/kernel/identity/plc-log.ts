/** The embedded PLC directory's rules: which operation may follow which. Checked by the directory's own library. */
import type { CompatibleOpOrTombstone, IndexedOperation } from '@did-plc/lib'
import type { Clock } from '../clock.ts'
import { Refusal } from '../errors.ts'
import type { Database } from '../storage/database.ts'
import {
  appendOperation,
  exportedOperations,
  newestId,
  nullifyOperation,
  operationsOf,
  plcMigrations,
  type PlcRow,
} from './plc-store.ts'

/** One entry of the audit log and of the export. */
export interface PlcEntry {
  readonly did: string
  readonly operation: CompatibleOpOrTombstone
  readonly cid: string
  readonly nullified: boolean
  /** ISO 8601. */
  readonly createdAt: string
}

export interface PlcLog {
  /** Creates the tables. */
  open(): Promise<void>
  /** Adds an operation that may follow. Throws Refusal 'invalid' (the library's words) or 'conflict'. */
  submit(did: string, operation: unknown): Promise<void>
  /** Every operation of a DID, the nullified ones too; empty when there is none. */
  audit(did: string): Promise<readonly PlcEntry[]>
  /** The operations of all DIDs after a time in milliseconds, oldest first, at most `count`. */
  export(after: number, count: number): Promise<readonly PlcEntry[]>
}

export interface PlcLogDependencies {
  readonly database: Database
  readonly clock: Clock
}

// Heavy, and needed only by a development server that makes accounts.
type Library = typeof import('@did-plc/lib')
export const loadPlcLibrary = (): Promise<Library> => import('@did-plc/lib')

const attemptsMax = 3
/** One writer at a time: the export's cursor rises over all DIDs. */
const locks = { locks: ['plc'] }

/** A log in the house's database. */
export function createPlcLog({ database, clock }: PlcLogDependencies): PlcLog {
  return {
    open: () => database.migrate('plc', plcMigrations),
    audit: async did => (await database.read(tx => operationsOf(tx, did))).map(entryOf),
    export: async (after, count) =>
      (await database.read(tx => exportedOperations(tx, after, count))).map(entryOf),
    submit: async (did, proposed) => {
      const library = await loadPlcLibrary()
      const parsed = library.def.opOrTombstone.safeParse(proposed)
      if (!parsed.success) throw new Refusal('invalid', `Not a valid operation: ${JSON.stringify(proposed)}`)
      // The fields that the schema does not know are signed too, so it is the value as it came that is kept.
      const operation = proposed as CompatibleOpOrTombstone
      for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
        const rows = await database.read(tx => operationsOf(tx, did))
        const { cid, nullified } = await validate(library, did, rows, operation, clock.now())
        // Checking takes milliseconds of computing, too long for a transaction: the write sees whether it still holds.
        const done = await database.write(async tx => {
          if ((await newestId(tx, did)) !== (rows.at(-1)?.id ?? 0)) return false
          await appendOperation(tx, { did, cid, operation: JSON.stringify(operation) }, clock.now())
          for (const undone of nullified) await nullifyOperation(tx, did, undone)
          return true
        }, locks)
        if (done) return
      }
      throw new Refusal('conflict', 'Proposed prev does not match the most recent operation')
    },
  }
}

async function validate(
  library: Library,
  did: string,
  rows: readonly PlcRow[],
  operation: CompatibleOpOrTombstone,
  now: number,
): Promise<{ readonly cid: string; readonly nullified: readonly string[] }> {
  const ops: IndexedOperation[] = []
  for (const row of rows) {
    if (row.nullified !== 0) continue
    const entry = entryOf(row)
    const { cid } = await library.getLastOpWithCid([entry.operation])
    // The library measures the recovery window by the machine's clock; ours may be another.
    const createdAt = new Date(Date.now() - (now - row.createdAt))
    ops.push({ did, operation: entry.operation, cid, nullified: false, createdAt })
  }
  try {
    const { nullified } = await library.assureValidNextOp(did, ops, operation)
    const { cid } = await library.getLastOpWithCid([operation])
    return { cid: cid.toString(), nullified: nullified.map(String) }
  } catch (cause) {
    if (library.PlcError.is(cause) && cause instanceof Error) {
      throw new Refusal('invalid', cause.message, { cause })
    }
    // A `prev` or a key that cannot even be parsed.
    throw new Refusal('invalid', 'Improperly formatted operation', { cause })
  }
}

function entryOf(row: PlcRow): PlcEntry {
  return {
    did: row.did,
    operation: JSON.parse(row.operation) as CompatibleOpOrTombstone, // parsed by the library before it was stored
    cid: row.cid,
    nullified: row.nullified !== 0,
    createdAt: new Date(row.createdAt).toISOString(),
  }
}
