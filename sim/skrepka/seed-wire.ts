/** What the HTTP runtime of the seed's server does before and after a handler: routes, bodies, types, limits. */
import type { RelayAnswer, RelayRequest } from '../../server/skrepka/contract.ts'
import type { SeedConstants } from './seed-constants.ts'

export interface SeedMessage {
  readonly to: string
  readonly encryptedBlob: string
}
export interface SeedEvent {
  readonly eventType: string
  readonly pubkey: string
}
/** Every field that a route of the seed reads; which of them are there depends on the route. */
export interface SeedBody {
  readonly pubkey: string
  readonly challenge: string
  readonly signature: string
  readonly revokeOthers: boolean
  readonly cursor: number
  readonly messages: readonly SeedMessage[]
  readonly events: readonly SeedEvent[]
  readonly fromServer: string
  readonly toKey: string
  readonly encryptedBlob: string
}

type FieldName = keyof SeedBody
export type SeedRoute =
  | '/auth/challenge'
  | '/auth/verify'
  | '/poll'
  | '/messages'
  | '/federation/gossip'
  | '/federation/forward'

const fieldsOf: Readonly<Record<SeedRoute, readonly FieldName[]>> = {
  '/auth/challenge': ['pubkey'],
  '/auth/verify': ['pubkey', 'challenge', 'signature', 'revokeOthers'],
  '/poll': ['cursor'],
  '/messages': ['messages'],
  '/federation/gossip': ['events', 'fromServer'],
  '/federation/forward': ['toKey', 'encryptedBlob'],
}

/** Fields that a client may leave out. */
const optionalFields: Partial<SeedBody> = { revokeOthers: false }

const emptyBody: SeedBody = {
  pubkey: '',
  challenge: '',
  signature: '',
  revokeOthers: false,
  cursor: 0,
  messages: [],
  events: [],
  fromServer: '',
  toKey: '',
  encryptedBlob: '',
}

/** An answer with keys in alphabetical order. */
export function answerJson(status: number, value: Readonly<Record<string, unknown>>): RelayAnswer {
  const sorted = Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(sorted) }
}

export const answerError = (status: number, error: string): RelayAnswer => answerJson(status, { error })

/** Lower-case hex of an even length that is not 0. */
export function isHex(
  text: unknown,
  { length, lengthMax }: { length?: number; lengthMax?: number },
): boolean {
  return (
    typeof text === 'string' &&
    text.length > 0 &&
    text.length % 2 === 0 &&
    (length === undefined || text.length === length) &&
    (lengthMax === undefined || text.length <= lengthMax) &&
    /^[0-9a-f]+$/.test(text)
  )
}

const typeNames: Readonly<Partial<Record<FieldName, string>>> = {
  pubkey: 'PubkeyHex',
  signature: 'SignatureHex',
  toKey: 'PubkeyHex',
  encryptedBlob: 'BlobHex',
  fromServer: 'ServerName',
}

/** Undefined when the field is of its type; else the answer. */
function faultOf(name: FieldName, value: unknown, constants: SeedConstants): RelayAnswer | undefined {
  const { maxBlobLen, maxServerNameLen } = constants
  switch (name) {
    case 'pubkey':
    case 'toKey':
      return isHex(value, { length: 64 }) ? undefined : refinementFault(name)
    case 'signature':
      return isHex(value, { length: 128 }) ? undefined : refinementFault(name)
    case 'encryptedBlob':
      return isHex(value, { lengthMax: maxBlobLen }) ? undefined : refinementFault(name)
    case 'fromServer':
      return typeof value === 'string' &&
        value.length <= maxServerNameLen &&
        value === value.toLowerCase().replace(/\.+$/, '')
        ? undefined
        : refinementFault(name)
    case 'challenge':
      return typeof value === 'string' ? undefined : refinementFault(name)
    case 'revokeOthers':
      return typeof value === 'boolean' ? undefined : refinementFault(name)
    case 'cursor':
      return Number.isInteger(value) ? undefined : refinementFault(name)
    case 'messages':
      return isListOf(
        value,
        one => isHex(one['to'], { length: 64 }) && isHex(one['encryptedBlob'], { lengthMax: maxBlobLen }),
      )
        ? undefined
        : answerError(400, 'invalid_message')
    default:
      return isListOf(
        value,
        one => typeof one['eventType'] === 'string' && isHex(one['pubkey'], { length: 64 }),
      )
        ? undefined
        : refinementFault(name)
  }
}

function refinementFault(name: FieldName): RelayAnswer {
  const type = typeNames[name] ?? 'declared'
  return answerError(400, `validation error: field '${name}' does not satisfy '${type}' constraint`)
}

function isListOf(value: unknown, isOne: (one: Record<string, unknown>) => boolean): boolean {
  return Array.isArray(value) && value.every(one => typeof one === 'object' && one !== null && isOne(one))
}

/** The route and its typed body, or the answer that the runtime gives by itself. */
export function decodeSeedRequest(
  request: RelayRequest,
  constants: SeedConstants,
): { readonly route: SeedRoute; readonly body: SeedBody } | { readonly refused: RelayAnswer } {
  const path = `/${request.path.split('/').filter(Boolean).join('/')}`
  const route = (Object.keys(fieldsOf) as SeedRoute[]).find(one => one === path)
  if (route === undefined || request.method !== 'POST') return { refused: answerError(404, 'not found') }
  if (request.body.length > constants.httpMaxBodyBytes)
    return { refused: answerError(413, 'payload too large') }
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(request.body).toString())
  } catch (error) {
    return { refused: answerError(400, `invalid JSON body: ${error instanceof Error ? error.message : ''}`) }
  }
  const given: Record<string, unknown> =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
  for (const name of fieldsOf[route]) {
    if (given[name] === undefined) given[name] = optionalFields[name]
    if (given[name] === undefined)
      return { refused: answerError(400, `missing required body field '${name}'`) }
  }
  for (const name of fieldsOf[route]) {
    const refused = faultOf(name, given[name], constants)
    if (refused !== undefined) return { refused }
  }
  // Every field that this route reads was checked just above.
  return { route, body: { ...emptyBody, ...(given as Partial<SeedBody>) } }
}

/** A token bucket of the runtime; kept with the rest of the state. */
export interface SeedBucket {
  tokens: number
  atMs: number
}

/** Takes one of `budget` requests a window; gives the answer when there is none left. */
export function takeToken(
  buckets: Map<string, SeedBucket>,
  name: string,
  { budget, windowMs, nowMs }: { budget: number; windowMs: number; nowMs: number },
): RelayAnswer | undefined {
  const bucket = buckets.get(name) ?? { tokens: budget, atMs: nowMs }
  const elapsedMs = Math.max(0, nowMs - bucket.atMs)
  bucket.tokens = Math.min(budget, bucket.tokens + (elapsedMs * budget) / windowMs)
  bucket.atMs = nowMs
  buckets.set(name, bucket)
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1
    return undefined
  }
  const waitSeconds = Math.max(1, Math.ceil(((1 - bucket.tokens) * windowMs) / budget / 1000))
  const answer = answerError(429, 'Rate limit exceeded')
  return { ...answer, headers: { ...answer.headers, 'retry-after': String(waitSeconds) } }
}
