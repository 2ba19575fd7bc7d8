/**
 * The only place that knows how the two engines' SQL differs, and what both must be given alike. Everything else in
 * Leaf writes PostgreSQL's spelling of the common subset.
 */
import type { SqlValue } from './database.ts'

/** A statement as a driver needs it: its text for SQLite, how many `$n` it takes, whether it only reads. */
export interface Statement {
  readonly sql: string
  /** The text with `$1` rewritten to `?` where each comes once and in order, else to `?1`; outside of quotes and comments. */
  readonly sqliteText: string
  /** The highest `n` of its `$n`. */
  readonly paramCount: number
  /** True when it surely changes nothing: a plain SELECT. */
  readonly readsOnly: boolean
}

/** Texts of which the analysis is kept. Leaf has some hundred; more than this means that somebody builds SQL from input. */
const statementsMax = 2000

const statements = new Map<string, Statement>()

/** What a text of SQL is; analysed once per text. */
export function statementOf(sql: string): Statement {
  const known = statements.get(sql)
  if (known !== undefined) return known
  if (statements.size >= statementsMax) statements.clear()
  const statement = analyse(sql)
  statements.set(sql, statement)
  return statement
}

// Quoted text, quoted names, line comments and block comments are skipped whole; what is left may hold a parameter.
const tokens = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\d{1,5})/g

function analyse(sql: string): Statement {
  let paramCount = 0
  let seen = 0
  let isInOrder = true
  sql.replace(tokens, (token: string, digits: string | undefined) => {
    if (digits === undefined) return token
    seen += 1
    isInOrder &&= Number(digits) === seen
    paramCount = Math.max(paramCount, Number(digits))
    return token
  })
  // To SQLite `?1` is a name, which the driver looks up for every parameter: a statement of many rows would be quadratic.
  const sqliteText = sql.replace(tokens, (token: string, digits: string | undefined) =>
    digits === undefined ? token : isInOrder ? '?' : `?${digits}`,
  )
  return { sql, sqliteText, paramCount, readsOnly: /^\s*SELECT\b/i.test(sql) }
}

/**
 * Refuses parameters that the engines would take differently, or one of them in silence: a wrong number of them (SQLite
 * binds NULL to a missing one), NUL in text (PostgreSQL has none), numbers that are not finite, and integers past 64 bits.
 */
export function checkParams({ sql, paramCount }: Statement, params: readonly SqlValue[]): void {
  if (params.length !== paramCount) {
    throw new Error(`expected ${paramCount} parameters, got ${params.length}: ${sql}`)
  }
  // By index: this is run for every statement, and an iterator of entries costs as much as the rest of it.
  for (let index = 0; index < params.length; index += 1) {
    const fault = faultOf(params[index])
    if (fault !== undefined) throw new Error(`parameter $${index + 1} ${fault}: ${sql}`)
  }
}

function faultOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value.includes('\0') ? 'must not contain NUL' : undefined
    case 'number':
      return Number.isFinite(value) ? undefined : `must be finite, is ${value}`
    case 'bigint':
      return BigInt.asIntN(64, value) === value ? undefined : 'must fit into 64 bits'
    default:
      return value === null || value instanceof Uint8Array
        ? undefined
        : `must be text, a number, bytes or null, is ${typeof value}`
  }
}

// PostgreSQL's spelling and SQLite's. `BIGINT PRIMARY KEY` becomes the row's own number instead of a second index.
// AUTOINCREMENT, because an identity column gives no number twice, even after its row is gone.
const migrationTokens: readonly (readonly [RegExp, string])[] = [
  [
    /\bBIGINT\s+GENERATED\s+BY\s+DEFAULT\s+AS\s+IDENTITY\s+PRIMARY\s+KEY\b/gi,
    'INTEGER PRIMARY KEY AUTOINCREMENT',
  ],
  [/\bBIGINT\s+(NOT\s+NULL\s+)?PRIMARY\s+KEY\b/gi, 'INTEGER PRIMARY KEY'],
  [/\bBYTEA\b/gi, 'BLOB'],
  [/\s+COLLATE\s+"C"/gi, ''],
]

/** The SQL of a migration in an engine's spelling. SQLite compares text by its bytes anyway, so `COLLATE "C"` goes. */
export function migrationText(engine: 'sqlite' | 'postgres', sql: string): string {
  if (engine === 'postgres') return sql
  return migrationTokens.reduce((text, [token, spelling]) => text.replace(token, spelling), sql)
}
