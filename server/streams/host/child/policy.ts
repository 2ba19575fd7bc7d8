/**
 * What strangers' SQL may do, by what it is run as. SQLite asks when a statement is prepared, for everything that the
 * statement, its views and its triggers would touch, and never while it runs.
 */
import { constants as sqlite } from 'node:sqlite'

export type Role =
  | 'nobody'
  /** Our own statements. */
  | 'server'
  | 'init'
  | 'stateInit'
  | 'authorizer'
  | 'materializer'
  | 'stateMaterializer'
  | 'query'

interface Rights {
  readonly writes: ReadonlySet<string>
  readonly defines: ReadonlySet<string>
}

const rights = (writes: string, defines: string): Rights => ({
  writes: new Set(writes.split(' ')),
  defines: new Set(defines.split(' ')),
})

const rightsOf: Readonly<Record<Exclude<Role, 'nobody' | 'server'>, Rights>> = {
  init: rights('main temp state', 'main temp'),
  stateInit: rights('state temp', 'state temp'),
  authorizer: rights('', ''),
  materializer: rights('main temp state', 'main temp'),
  stateMaterializer: rights('state temp', 'state temp'),
  query: rights('', ''),
}

/** Tables of ours inside a stream's files. */
export const ownTablePrefix = '__leaf_'

const isOwn = (name: string | null) => name?.toLowerCase().startsWith(ownTablePrefix) === true
const isSchemaTable = (name: string | null) =>
  name !== null && /^sqlite_(?:temp_)?(?:master|schema)$/i.test(name)
/** Tables that are there without having been made, and show more than the stream. */
const isWindow = (name: string | null) =>
  name !== null && /^(?:pragma_|dbstat|sqlite_dbpage|sqlite_stmt|bytecode|tables_used)/i.test(name)

const virtualTables = new Set(['fts5', 'rtree', 'rtree_i32'])
const forbiddenFunctions = new Set([
  'load_extension',
  'fts3_tokenizer',
  'readfile',
  'writefile',
  'edit',
  'fts5_source_id',
])
/** Full-text tables ask for these by themselves; they tell nothing. */
const harmlessPragmas = new Set(['data_version', 'page_size'])

/** What a role did that matters later. */
export interface PolicyNotes {
  /** A statement that writes a table of the state; called each time it is prepared. */
  readonly writesState: (role: Role, table: string) => void
  readonly calls: (role: Role, name: string) => void
}

const { SQLITE_OK: yes, SQLITE_DENY: no } = sqlite

/** As what statements are prepared and run now. */
export interface Acting {
  role: Role
  /** While changes are recorded, SQLite itself asks for the columns of the tables that change. */
  isWatched: boolean
}

/** SQLite's callback. */
export function createPolicy(acting: Readonly<Acting>, notes: PolicyNotes) {
  return (
    action: number,
    first: string | null,
    second: string | null,
    schema: string | null,
    within: string | null,
  ): number => {
    const { role } = acting
    if (role === 'nobody') return no
    // No trigger or view of a stranger may run with our rights.
    if (role === 'server') return within === null || action === sqlite.SQLITE_SELECT ? yes : no
    if (acting.isWatched && action === sqlite.SQLITE_PRAGMA && first === 'table_xinfo') return yes
    if (isOwn(first) || isOwn(second)) return no
    return decide(role, rightsOf[role], { action, first, second, schema }, notes) ? yes : no
  }
}

interface Act {
  readonly action: number
  readonly first: string | null
  readonly second: string | null
  readonly schema: string | null
}

function decide(role: Role, { writes, defines }: Rights, act: Act, notes: PolicyNotes): boolean {
  const { action, first, second } = act
  const schema = act.schema ?? ''
  switch (action) {
    case sqlite.SQLITE_SELECT:
    case sqlite.SQLITE_RECURSIVE:
      return true
    case sqlite.SQLITE_READ:
      return !isWindow(first)
    case sqlite.SQLITE_FUNCTION:
      notes.calls(role, second ?? '')
      return !forbiddenFunctions.has((second ?? '').toLowerCase())
    case sqlite.SQLITE_INSERT:
    case sqlite.SQLITE_UPDATE:
    case sqlite.SQLITE_DELETE:
      if (isSchemaTable(first)) return defines.has(schema)
      if (isWindow(first) || isEvent(first, schema) || !writes.has(schema)) return false
      if (schema === 'state') notes.writesState(role, first ?? '')
      return true
    case sqlite.SQLITE_ALTER_TABLE:
      return defines.has(first ?? '') && !isEvent(second, first ?? '')
    case sqlite.SQLITE_CREATE_VTABLE:
    case sqlite.SQLITE_DROP_VTABLE:
      return defines.has(schema) && virtualTables.has((second ?? '').toLowerCase())
    case sqlite.SQLITE_PRAGMA:
      return harmlessPragmas.has(first ?? '') && second === null
    case sqlite.SQLITE_REINDEX:
      return defines.has(schema)
    default:
      return (
        isDefinition.has(action) && defines.has(schema) && !isEvent(first, schema) && !isEvent(second, schema)
      )
  }
}

/** The event that is being looked at is ours to set. */
const isEvent = (table: string | null, schema: string) =>
  schema === 'temp' && table?.toLowerCase() === 'event'

const isDefinition: ReadonlySet<number> = new Set([
  sqlite.SQLITE_CREATE_INDEX,
  sqlite.SQLITE_CREATE_TABLE,
  sqlite.SQLITE_CREATE_TEMP_INDEX,
  sqlite.SQLITE_CREATE_TEMP_TABLE,
  sqlite.SQLITE_CREATE_TEMP_TRIGGER,
  sqlite.SQLITE_CREATE_TEMP_VIEW,
  sqlite.SQLITE_CREATE_TRIGGER,
  sqlite.SQLITE_CREATE_VIEW,
  sqlite.SQLITE_DROP_INDEX,
  sqlite.SQLITE_DROP_TABLE,
  sqlite.SQLITE_DROP_TEMP_INDEX,
  sqlite.SQLITE_DROP_TEMP_TABLE,
  sqlite.SQLITE_DROP_TEMP_TRIGGER,
  sqlite.SQLITE_DROP_TEMP_VIEW,
  sqlite.SQLITE_DROP_TRIGGER,
  sqlite.SQLITE_DROP_VIEW,
])
