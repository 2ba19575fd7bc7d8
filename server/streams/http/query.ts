/** `GET /streams/<did>/queries/<name>?room=…`: a query of the stream's module. */
import { decodeDrisl } from '@leaf/codec/drisl'
import { decodeRows, queryLimitDefault, type SqlParam, type SqlRow } from '@leaf/streams/wire'
import { Refusal } from '../../kernel/errors.ts'
import type { Streams } from '../stream/contract.ts'
import { drislType, integerOf, jsonType, type Read, send, wantsDrisl } from './request.ts'

const paramsMax = 64

/** Rows as JSON: integers and reals as numbers, text, null, and blobs as `{"$bytes": base64}`; or as the socket sends them. */
export function createReadQuery(streams: Pick<Streams, 'query'>) {
  return async (read: Read, name: string): Promise<void> => {
    const { params, caller, stream } = read
    const start = integerOf(params, 'start', { min: 0, max: Number.MAX_SAFE_INTEGER })
    const limit = integerOf(params, 'limit', { min: -1, max: Number.MAX_SAFE_INTEGER }) ?? queryLimitDefault
    const { drisl } = await streams.query(caller, stream, { name, start, limit, params: sqlParams(params) })
    if (wantsDrisl(read)) return send(read, drislType, drisl)
    const rows = decodeRows(decodeDrisl(drisl))
    send(read, jsonType, JSON.stringify({ rows: rows.map(jsonOfRow) }))
  }
}

/** `room=x` is text; other kinds are named: `count:integer=5`, `at:real=1.5`, `key:blob=<base64url>`, `who:null=`. */
function sqlParams(params: URLSearchParams): ReadonlyMap<string, SqlParam> {
  const values = new Map<string, SqlParam>()
  for (const [key, text] of params) {
    if (key === 'start' || key === 'limit') continue
    const colon = key.indexOf(':')
    const name = colon < 0 ? key : key.slice(0, colon)
    values.set(name, sqlParam(key, colon < 0 ? 'text' : key.slice(colon + 1), text))
  }
  if (values.size > paramsMax)
    throw new Refusal('invalid', `expected at most ${paramsMax} parameters, got ${values.size}`)
  return values
}

const integerMax = 2n ** 63n

function sqlParam(key: string, kind: string, text: string): SqlParam {
  switch (kind) {
    case 'text':
      return { kind, value: text }
    case 'null':
      return { kind }
    case 'integer': {
      const value = /^-?\d{1,19}$/.test(text) ? BigInt(text) : integerMax
      if (value >= integerMax || value < -integerMax) break
      return { kind, value }
    }
    case 'real': {
      const value = text.trim() === '' ? Number.NaN : Number(text)
      if (!Number.isFinite(value)) break
      return { kind, value }
    }
    case 'blob':
      if (!/^[A-Za-z0-9_-]*$/.test(text)) break
      return { kind, value: Buffer.from(text, 'base64url') }
    default:
      throw new Refusal('invalid', `${key.slice(0, 80)}: expected the kind integer, real, text, blob or null`)
  }
  throw new Refusal('invalid', `${key.slice(0, 80)}: expected a value of the kind ${kind}`)
}

function jsonOfRow(row: SqlRow): Record<string, unknown> {
  const json: Record<string, unknown> = Object.create(null)
  for (const [name, value] of row) json[name] = jsonOfValue(value)
  return json
}

function jsonOfValue(value: SqlParam): unknown {
  switch (value.kind) {
    case 'null':
      return null
    case 'integer':
      return Number(value.value)
    case 'blob':
      return { $bytes: Buffer.from(value.value).toString('base64') }
    default:
      return value.value
  }
}
