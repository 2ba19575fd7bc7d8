/** Queries of a module, on a connection that can only read. */
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import type { SqlParam } from '../contract.ts'
import { type Connection, openConnection } from './connection.ts'
import type { ParamDefinition, QueryDefinition } from './definition.ts'
import { faultOfFiles, ModuleError, moduleErrorText, sqlErrorText } from './errors.ts'
import { noNotes, type Opened, type Reader } from './opened.ts'
import type { QueryRequest } from './requests.ts'
import { columnsOf, type PreparedQuery, type RowLimits, type Rows, writeRows } from './rows.ts'
import { prepareStatement, settle } from './script.ts'
import type { SqlStatement } from './splitter.ts'

/** Rows of the last statement; those before it are guards. Throws ModuleError with upstream's texts. */
export function runQuery(opened: Opened, request: QueryRequest, limits: RowLimits): Rows {
  const definition = opened.definition.queries.get(request.name)
  if (definition === undefined)
    throw new ModuleError(moduleErrorText(`Query with name \`${request.name}\` not in module.`))
  const values = bindings(definition, request)
  opened.reader ??= openReader(opened)
  const { connection, queries } = opened.reader
  connection.role = 'query'
  try {
    let prepared = queries.get(request.name)
    if (prepared === undefined) {
      prepared = prepareQuery(connection, definition)
      queries.set(request.name, prepared)
    }
    return prepared(values, limits)
  } catch (error) {
    if (error instanceof ModuleError || faultOfFiles(error) !== undefined) throw error
    throw new ModuleError(sqlErrorText(error), { cause: error })
  } finally {
    connection.role = 'nobody'
  }
}

function openReader({ files }: Opened): Reader {
  const connection = openConnection({
    files,
    readsOnly: ['main', 'events', 'state'],
    fileBytesMax: 0,
    notes: noNotes,
  })
  connection.role = 'nobody'
  return { connection, queries: new Map(), close: () => connection.database.close() }
}

/** Prepares all statements. Throws what SQLite throws. */
export function prepareQuery(connection: Connection, { statements }: QueryDefinition): PreparedQuery {
  const prepared = statements.map(statement => prepareReading(connection, statement))
  const last = prepared.pop()
  if (last === undefined) throw new ModuleError(moduleErrorText('Query did not return a result.'))
  const columns = columnsOf(last)
  const guards = prepared.map(guard => (guard.columns().length === 0 ? runOf(guard) : stepOf(guard)))
  return (values, limits) => {
    try {
      for (const guard of guards) guard(values)
      return writeRows(last.iterate(values), columns, limits)
    } catch (error) {
      for (const statement of [...prepared, last]) settle(statement)
      throw error
    }
  }
}

function prepareReading(connection: Connection, source: SqlStatement): StatementSync {
  const statement = prepareStatement(connection, source)
  statement.setReadBigInts(true)
  statement.setReturnArrays(true)
  // A statement need not use every parameter.
  statement.setAllowUnknownNamedParameters(true)
  return statement
}

const runOf = (statement: StatementSync) => (values: Record<string, SQLInputValue>) =>
  void statement.run(values)
const stepOf = (statement: StatementSync) => (values: Record<string, SQLInputValue>) => {
  for (const row of statement.iterate(values)) void row
}

/** Parameters by name; what the server says about the caller comes last, so that nobody says it for her. */
function bindings(definition: QueryDefinition, request: QueryRequest): Record<string, SQLInputValue> {
  const values: Record<string, SQLInputValue> = {}
  for (const [name, value] of request.params) {
    const param = definition.params.get(name)
    if (param === undefined) {
      throw new ModuleError(
        moduleErrorText(`The \`${name}\` parameter does not exist in the \`${definition.name}\` query.`),
      )
    }
    if (!fits(value, param)) throw new ModuleError(moduleErrorText(misfit(definition, param, value)))
    values[`$${name}`] = bound(value, param)
  }
  values['$start'] = request.start
  values['$limit'] = request.limit
  values['$requesting_user'] = request.user
  return values
}

function bound(value: SqlParam, { kind }: ParamDefinition): SQLInputValue {
  if (value.kind === 'null') return null
  return kind === 'real' && value.kind === 'integer' ? Number(value.value) : value.value
}

function fits(value: SqlParam, { kind, optional }: ParamDefinition): boolean {
  if (value.kind === 'null') return optional
  if (kind === 'any' || value.kind === kind) return true
  // Clients in JavaScript cannot say 2.0.
  return kind === 'real' && value.kind === 'integer'
}

function misfit(query: QueryDefinition, param: ParamDefinition, value: SqlParam): string {
  const { name, kind, optional } = param
  const wanted = `LeafModuleQueryParamDef { name: "${name}", kind: ${capital(kind)}, optional: ${optional} }`
  return `The \`${name}\` parameter for the \`${query.name}\` query fails validation. Got value \`${shown(value)}\` which needs to match param definition: ${wanted}.`
}

const capital = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1)
const shownMax = 100

function shown(value: SqlParam): string {
  if (value.kind === 'null') return 'Null'
  const text =
    value.value instanceof Uint8Array
      ? `${value.value.length} bytes`
      : typeof value.value === 'string'
        ? JSON.stringify(value.value)
        : String(value.value)
  return `${capital(value.kind)}(${text.length > shownMax ? `${text.slice(0, shownMax)}…` : text})`
}
