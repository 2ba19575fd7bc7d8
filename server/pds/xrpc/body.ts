/** Request bodies: whether there may be one, of which type, and JSON. The rules and words are the reference's. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { readBody } from '../../kernel/http/body.ts'
import { sentenceOf } from '../validation/faults.ts'
import { isDeeperThan, jsonDepthMax } from '../validation/json.ts'
import type { Check } from '../validation/schema.ts'
import { refuse } from './refuse.ts'

/** Time for a JSON body to arrive. */
const jsonTimeoutMs = 30_000

/** Refuses a body where the method takes none. */
export async function refuseBody(request: IncomingMessage, clock: Clock): Promise<void> {
  const { headers } = request
  if (headers['transfer-encoding'] === undefined) {
    const length = headers['content-length']
    if (length === undefined || length === '0') return
    throw unexpectedBody()
  }
  // Chunks may be none: the header alone says nothing.
  try {
    await readBody(request, { bytesMax: 0, timeoutMs: jsonTimeoutMs, clock })
  } catch (error) {
    if (error instanceof Refusal && error.code === 'too-large') throw unexpectedBody()
    throw error
  }
}

function unexpectedBody(): Refusal {
  return refuse('InvalidRequest', 'A request body was provided when none was expected')
}

/** Refuses a request without a body, or with one of a type that the lexicon does not name. */
export function checkContentType(request: IncomingMessage, encoding: string): void {
  const { headers } = request
  if (headers['transfer-encoding'] === undefined && headers['content-length'] === undefined) {
    throw refuse('InvalidRequest', 'A request body is expected but none was provided')
  }
  const given = headers['content-type']
  // By far the most frequent.
  if (given === encoding) return
  const type = given?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (!type.includes('/')) {
    throw refuse('InvalidRequest', 'Request encoding (Content-Type) required but not provided')
  }
  const fits =
    encoding === '*/*' ||
    type === encoding ||
    (encoding.endsWith('/*') && type.startsWith(encoding.slice(0, -1)))
  if (!fits) throw refuse('InvalidRequest', `Wrong request encoding (Content-Type): ${type}`)
}

/** The JSON body, checked against the lexicon. */
export async function readJson(
  request: IncomingMessage,
  options: { readonly bytesMax: number; readonly check: Check | undefined; readonly clock: Clock },
): Promise<unknown> {
  checkCharset(request.headers['content-type'])
  const input = parseJson(await readAll(request, options))
  if (isDeeperThan(input, jsonDepthMax)) {
    throw refuse('InvalidRequest', `JSON is nested deeper than ${jsonDepthMax}`)
  }
  const found = options.check?.(input)
  if (found !== undefined) throw refuse('InvalidRequest', sentenceOf(found))
  refuseNul(input)
  return input
}

async function readAll(
  request: IncomingMessage,
  { bytesMax, clock }: { readonly bytesMax: number; readonly clock: Clock },
): Promise<string> {
  try {
    const bytes = await readBody(request, { bytesMax, timeoutMs: jsonTimeoutMs, clock })
    return bytes.toString()
  } catch (error) {
    // The names are those of the library that the reference reads bodies with.
    if (!(error instanceof Refusal)) throw error
    if (error.code === 'too-large') throw named(error, 'PayloadTooLargeError', 'request entity too large')
    if (error.code === 'unsupported-media') throw named(error, 'UnsupportedMediaTypeError', error.message)
    throw error
  }
}

function named(cause: Refusal, name: string, message: string): Refusal {
  return new Refusal(cause.code, message, { name, cause })
}

function checkCharset(contentType: string | undefined): void {
  const charset = /;\s*charset="?([^";\s]*)/i.exec(contentType ?? '')?.[1]?.toLowerCase()
  if (charset === undefined || charset === 'utf-8' || charset === 'utf8') return
  throw new Refusal('unsupported-media', `unsupported charset "${charset.toUpperCase()}"`, {
    name: 'UnsupportedMediaTypeError',
  })
}

function parseJson(text: string): unknown {
  if (text === '') return {}
  try {
    // Objects and arrays only.
    if (/^[ \t\n\r]*[[{]/.test(text)) return JSON.parse(text)
  } catch (cause) {
    throw malformed(cause)
  }
  throw malformed()
}

function malformed(cause?: unknown): Refusal {
  return new Refusal('invalid', 'the body is not a JSON object', { name: 'SyntaxError', cause })
}

// The database takes no NUL. Records may hold it deeper down: they are stored as bytes.
function refuseNul(input: unknown): void {
  if (typeof input !== 'object' || input === null) return
  for (const value of Object.values(input)) {
    if (typeof value === 'string' && value.includes('\0'))
      throw refuse('InvalidRequest', 'a text contains NUL')
  }
}
