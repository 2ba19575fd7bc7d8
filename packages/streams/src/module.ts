/**
 * Modules: the SQL that says who may append what to a stream, what follows from it, and what can be asked. A module is
 * a map of DRISL, and its CID is its name. `defineModule` is how an author in TypeScript writes one.
 */
import { cidText, decodeDrisl, type DrislMap, type DrislValue, encodeDrisl, linkTo } from '@leaf/codec/drisl'
import { asArray, asBoolean, asMap, asText, below, FieldError } from './fields.ts'

export const basicModuleType = 'muni.town.leaf.module.basic.v0'

export const paramKinds = ['integer', 'real', 'text', 'blob', 'any'] as const
export type ParamKind = (typeof paramKinds)[number]

export interface ModuleParam {
  readonly name: string
  readonly kind: ParamKind
  /** Whether null may be given. */
  readonly optional: boolean
}

export interface ModuleQuery {
  readonly name: string
  /** One or more statements; the rows of the last one are the answer, earlier ones guard it. */
  readonly sql: string
  readonly params: readonly ModuleParam[]
}

/** What a module says, of the type `muni.town.leaf.module.basic.v0`. */
export interface BasicModule {
  /** Makes the tables. Runs before the first event, possibly more than once. */
  readonly initSql: string
  /** Runs before each event is appended, with `event(user, payload)`; refuses it by `unauthorized(…)` or `throw(…)`. */
  readonly authorizer: string
  /** Runs after each event, with `event(idx, user, payload)`. */
  readonly materializer: string
  /** Makes the tables of the schema `state`. */
  readonly stateInitSql: string
  /** Runs for each state event, with `event(user, payload)`. No authorizer runs before it. */
  readonly stateMaterializer: string
  readonly queries: readonly ModuleQuery[]
  /** Additive: the log may be read as it is, by everybody, over HTTP. */
  readonly publicLog: boolean
}

/** Names that a query has by itself. */
export const reservedParams: readonly string[] = ['start', 'limit', 'requesting_user']

/** Reads a module's DRISL. Throws MalformedError with the field that is wrong; names that the type does not have are ignored. */
export function decodeModule(bytes: Uint8Array): BasicModule {
  const map = asMap(decodeDrisl(bytes), 'module')
  if (map['$type'] !== basicModuleType) throw new FieldError('$type', basicModuleType, map['$type'])
  return {
    initSql: asText(map['initSql'], 'initSql'),
    authorizer: asText(map['authorizer'], 'authorizer'),
    materializer: asText(map['materializer'], 'materializer'),
    stateInitSql: textOrEmpty(map, 'stateInitSql'),
    stateMaterializer: textOrEmpty(map, 'stateMaterializer'),
    queries: asArray(map['queries'], 'queries').map((query, index) =>
      decodeModuleQuery(query, below('queries', String(index))),
    ),
    publicLog: map['publicLog'] === undefined ? false : asBoolean(map['publicLog'], 'publicLog'),
  }
}

function textOrEmpty(map: DrislMap, name: string): string {
  return map[name] === undefined ? '' : asText(map[name], name)
}

function decodeModuleQuery(value: DrislValue, where: string): ModuleQuery {
  const map = asMap(value, where)
  return {
    name: asText(map['name'], below(where, 'name')),
    sql: asText(map['sql'], below(where, 'sql')),
    params: asArray(map['params'], below(where, 'params')).map((param, index) =>
      decodeParam(param, below(below(where, 'params'), String(index))),
    ),
  }
}

function decodeParam(value: DrislValue, where: string): ModuleParam {
  const map = asMap(value, where)
  const given = asText(map['kind'], below(where, 'kind'))
  const kind = paramKinds.find(one => one === given)
  if (kind === undefined) throw new FieldError(below(where, 'kind'), paramKinds.join(', '), given)
  return {
    name: asText(map['name'], below(where, 'name')),
    kind,
    optional: asBoolean(map['optional'], below(where, 'optional')),
  }
}

/** The canonical DRISL of a module; what has its default and came later than the type itself is left out. */
export function encodeModule(module: BasicModule): Uint8Array {
  return encodeDrisl({
    $type: basicModuleType,
    initSql: module.initSql,
    authorizer: module.authorizer,
    materializer: module.materializer,
    stateInitSql: module.stateInitSql,
    stateMaterializer: module.stateMaterializer,
    queries: module.queries.map(({ name, sql, params }) => ({
      name,
      sql,
      params: params.map(param => ({ name: param.name, kind: param.kind, optional: param.optional })),
    })),
    publicLog: module.publicLog ? true : undefined,
  })
}

/** The CID of a module's DRISL as text, `bafyrei…`. */
export function moduleCidOf(bytes: Uint8Array, sha256: (bytes: Uint8Array) => Uint8Array): string {
  return cidText(linkTo(bytes, sha256))
}
