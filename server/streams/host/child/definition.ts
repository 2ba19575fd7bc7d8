/** A module as the host runs it: its scripts split into statements, its queries by name. */
import { asArray, asBoolean, asMap, asText, below } from '@leaf/streams/fields'
import { decodeDrisl, type DrislMap } from '@leaf/codec/drisl'
import { type SqlStatement, splitStatements } from './splitter.ts'

export const paramKinds = ['integer', 'real', 'text', 'blob', 'any'] as const
export type ParamKind = (typeof paramKinds)[number]

export interface ParamDefinition {
  readonly name: string
  readonly kind: ParamKind
  readonly optional: boolean
}

export interface QueryDefinition {
  readonly name: string
  readonly statements: readonly SqlStatement[]
  readonly params: ReadonlyMap<string, ParamDefinition>
}

export const scriptNames = [
  'initSql',
  'stateInitSql',
  'authorizer',
  'materializer',
  'stateMaterializer',
] as const
export type ScriptName = (typeof scriptNames)[number]

export interface ModuleDefinition {
  readonly scripts: Readonly<Record<ScriptName, readonly SqlStatement[]>>
  readonly queries: ReadonlyMap<string, QueryDefinition>
}

const basicModule = 'muni.town.leaf.module.basic.v0'

/** Reads a module's DRISL. Throws with what is wrong and where; unknown fields are left alone. */
export function readDefinition(bytes: Uint8Array): ModuleDefinition {
  const map = asMap(decodeDrisl(bytes), 'module')
  if (map['$type'] !== basicModule) throw new Error('cannot load module: unrecognized module type ID')
  const queries = new Map<string, QueryDefinition>()
  for (const [index, item] of asArray(map['queries'], 'queries').entries()) {
    const query = readQuery(asMap(item, `queries[${index}]`), `queries[${index}]`)
    if (queries.has(query.name)) throw new Error(`queries[${index}]: a second query "${query.name}"`)
    queries.set(query.name, query)
  }
  return {
    scripts: {
      initSql: splitStatements(asText(map['initSql'], 'initSql')),
      stateInitSql: splitStatements(optionalText(map, 'stateInitSql')),
      authorizer: splitStatements(asText(map['authorizer'], 'authorizer')),
      materializer: splitStatements(asText(map['materializer'], 'materializer')),
      stateMaterializer: splitStatements(optionalText(map, 'stateMaterializer')),
    },
    queries,
  }
}

function optionalText(map: DrislMap, name: string): string {
  const value = map[name]
  return value === undefined ? '' : asText(value, name)
}

function readQuery(map: DrislMap, where: string): QueryDefinition {
  const params = new Map<string, ParamDefinition>()
  for (const [index, item] of asArray(map['params'], below(where, 'params')).entries()) {
    const at = `${where}.params[${index}]`
    const param = readParam(asMap(item, at), at)
    if (params.has(param.name)) throw new Error(`${at}: a second parameter "${param.name}"`)
    params.set(param.name, param)
  }
  return {
    name: asText(map['name'], below(where, 'name')),
    statements: splitStatements(asText(map['sql'], below(where, 'sql'))),
    params,
  }
}

function readParam(map: DrislMap, where: string): ParamDefinition {
  const text = asText(map['kind'], below(where, 'kind'))
  const kind = paramKinds.find(one => one === text)
  if (kind === undefined) throw new Error(`${where}.kind: expected ${paramKinds.join(', ')}, got ${text}`)
  return {
    name: asText(map['name'], below(where, 'name')),
    kind,
    optional: asBoolean(map['optional'], below(where, 'optional')),
  }
}
