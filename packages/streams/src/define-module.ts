/** How an author in TypeScript writes a module: names and parameters are checked, queries are typed. */
import { cidText, linkTo } from '@leaf/codec/drisl'
import { FieldError } from './fields.ts'
import { type BasicModule, encodeModule, type ModuleParam, paramKinds, reservedParams } from './module.ts'
import {
  type KindText,
  type ParamInput,
  type ParamsOf,
  plainRow,
  type QueryInput,
  rowReader,
  type RowOf,
} from './query.ts'
import type { SqlRow } from './sql-value.ts'

type Shape = Readonly<Record<string, KindText>>

export interface QueryDefinition {
  readonly sql: string
  /** Names with their kinds: `{ room: 'text', before: 'integer?' }`. In the SQL they are `$room`, `$before`. */
  readonly params?: Shape
  /** The columns of the answer; not part of the module, only of what its author's programs read. */
  readonly row?: Shape
}

export interface ModuleDefinition<Queries extends Readonly<Record<string, QueryDefinition>>> {
  readonly initSql: string
  readonly authorizer: string
  readonly materializer: string
  readonly stateInitSql?: string
  readonly stateMaterializer?: string
  readonly queries: Queries
  /** Whether everybody may read the log as it is, over HTTP. */
  readonly publicLog?: boolean
}

type ParamsShape<Query> = Query extends { readonly params: infer Params extends Shape }
  ? Params
  : Readonly<Record<never, never>>
type RowShape<Query> = Query extends { readonly row: infer Row extends Shape } ? Row : Shape

export interface QueryOptions {
  /** From which idx, inclusive. */
  readonly start?: number
  readonly limit?: number
}

export interface DefinedModule<Queries extends Readonly<Record<string, QueryDefinition>>> {
  readonly module: BasicModule
  /** Canonical DRISL: what is uploaded. */
  readonly bytes: Uint8Array
  /** What to ask: `client.query(did, community.query('room', { room }))` gives typed rows. */
  query<Name extends keyof Queries & string>(
    name: Name,
    params: ParamsOf<ParamsShape<Queries[Name]>>,
    options?: QueryOptions,
  ): QueryInput<RowOf<RowShape<Queries[Name]>>>
  /** The module's CID as text. */
  cid(sha256: (bytes: Uint8Array) => Uint8Array): string
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * A module from its parts. Throws FieldError for a name that SQL could not bind, for a name that a query has by itself
 * (`start`, `limit`, `requesting_user`), for a kind that there is not, and for an empty query. The SQL is not read
 * here: run it in a harness.
 */
export function defineModule<const Queries extends Readonly<Record<string, QueryDefinition>>>(
  definition: ModuleDefinition<Queries>,
): DefinedModule<Queries> {
  const {
    initSql,
    authorizer,
    materializer,
    stateInitSql = '',
    stateMaterializer = '',
    publicLog = false,
  } = definition
  const queries = Object.entries<QueryDefinition>(definition.queries).map(([name, { sql, params = {} }]) => {
    const where = `queries.${name}`
    if (name === '') throw new FieldError('queries', 'a name for each query', name)
    if (sql.trim() === '') throw new FieldError(`${where}.sql`, 'SQL', sql)
    return {
      name,
      sql,
      params: Object.entries(params).map(([param, kind]) => paramOf(param, kind, `${where}.params.${param}`)),
    }
  })
  const module: BasicModule = {
    initSql,
    authorizer,
    materializer,
    stateInitSql,
    stateMaterializer,
    queries,
    publicLog,
  }
  const bytes = encodeModule(module)
  return {
    module,
    bytes,
    query: <Name extends keyof Queries & string>(
      name: Name,
      params: ParamsOf<ParamsShape<Queries[Name]>>,
      options: QueryOptions = {},
    ) => ({
      name,
      params: inTheirKinds(params, definition.queries[name]?.params),
      ...options,
      read: readerOf<Queries[Name]>(definition.queries[name]),
    }),
    cid: sha256 => cidText(linkTo(bytes, sha256)),
  }
}

/** Checks rows against what is declared; without a declaration they are taken as they are. */
function readerOf<Query extends QueryDefinition>(
  query: Query | undefined,
): (row: SqlRow) => RowOf<RowShape<Query>> {
  const read = query?.row === undefined ? plainRow : rowReader(query.row)
  // The shape's type is that of the value which the reader checks every row against.
  return row => read(row) as RowOf<RowShape<Query>>
}

/** A whole number for a REAL would go as an INTEGER, which a server refuses. */
function inTheirKinds(
  params: Readonly<Record<string, ParamInput | undefined>>,
  shape: Shape = {},
): Readonly<Record<string, ParamInput | undefined>> {
  const entries = Object.entries(params).map(([name, value]) => {
    const isReal = typeof value === 'number' && shape[name]?.startsWith('real') === true
    return [name, isReal ? { kind: 'real' as const, value } : value] as const
  })
  return Object.fromEntries(entries)
}

function paramOf(name: string, kindText: KindText, where: string): ModuleParam {
  if (!namePattern.test(name) || reservedParams.includes(name))
    throw new FieldError(where, `a name of letters, digits and _, none of ${reservedParams.join(', ')}`, name)
  const optional = kindText.endsWith('?')
  const kind = paramKinds.find(one => one === (optional ? kindText.slice(0, -1) : kindText))
  if (kind === undefined) throw new FieldError(where, paramKinds.join(', '), kindText)
  return { name, kind, optional }
}
