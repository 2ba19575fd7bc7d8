/** Query parameters, as the lexicon describes them. */
import { sentenceOf, wrongType } from '../validation/faults.ts'
import type { MethodSchema } from '../validation/lexicons.ts'
import type { LexiconType } from '../validation/lexicon-types.ts'
import { refuse } from './refuse.ts'

/** Values of one request at most, known or not. */
const paramsMax = 1000

/**
 * The parameters of a query string (without `?`), with defaults. Empty values count as absent, unknown names are
 * dropped. Throws InvalidRequest.
 */
export function readParams(query: string, nsid: string, schema: MethodSchema): Record<string, unknown> {
  const params: Record<string, unknown> = {}
  const properties = schema.parameters?.properties
  if (query !== '') collect(params, query, nsid, properties ?? {})
  if (properties === undefined) return params
  for (const [name, check] of schema.checkParam) {
    const value = params[name]
    if (value === undefined) {
      fillIn(params, name, nsid, schema)
      continue
    }
    const found = check(value)
    if (found !== undefined) throw invalid(nsid, sentenceOf(found, [name]))
  }
  return params
}

function collect(
  params: Record<string, unknown>,
  query: string,
  nsid: string,
  properties: Readonly<Record<string, LexiconType>>,
): void {
  let count = 0
  for (const [name, text] of new URLSearchParams(query)) {
    count += 1
    if (count > paramsMax) throw invalid(nsid, `more than ${paramsMax} values`)
    const type = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (text === '' || type === undefined) continue
    if (text.includes('\0')) throw invalid(nsid, `NUL in $.${name}`)
    if (type.type === 'array') {
      const value = coerce(name, text, type.items, nsid)
      const list = params[name]
      if (Array.isArray(list)) list.push(value)
      else params[name] = [value]
      continue
    }
    if (params[name] !== undefined)
      throw invalid(nsid, `Expected ${type.type} value type (got array) at $.${name}`)
    params[name] = coerce(name, text, type, nsid)
  }
}

function coerce(name: string, text: string, type: LexiconType, nsid: string): unknown {
  if (type.type === 'integer' && /^-?\d+$/.test(text)) return Number(text)
  if (type.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (type.type === 'integer' || type.type === 'boolean') {
    throw invalid(nsid, sentenceOf(wrongType(type.type, text), [name]))
  }
  return text
}

function fillIn(params: Record<string, unknown>, name: string, nsid: string, schema: MethodSchema): void {
  const type = schema.parameters?.properties?.[name]
  if (type !== undefined && 'default' in type && type.default !== undefined) params[name] = type.default
  else if (schema.parameters?.required?.includes(name) === true) {
    throw invalid(nsid, `Missing required key "${name}"`)
  }
}

function invalid(nsid: string, message: string) {
  return refuse('InvalidRequest', `Invalid ${nsid} params: ${message}`)
}
