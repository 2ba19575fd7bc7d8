/** What a read over HTTP asks for, and who asks. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { streamDidPattern } from '@leaf/streams/wire'
import { Refusal } from '../../kernel/errors.ts'
import { anonymous, type Authenticate } from '../middleware/authenticate.ts'
import type { Caller } from '../stream/contract.ts'

export const jsonType = 'application/json; charset=utf-8'
export const drislType = 'application/vnd.ipld.dag-cbor'
export const sseType = 'text/event-stream'

/** A read of one stream. */
export interface Read {
  readonly stream: string
  readonly caller: Caller
  readonly params: URLSearchParams
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** As limits count it. */
  readonly address: string
  readonly signal: AbortSignal
}

/** The stream and what is below it: `/streams/did:plc:…/queries/members`. Throws Refusal 'missing' for other paths. */
export function pathOf(url: string): { readonly stream: string; readonly rest: readonly string[] } {
  const [path = ''] = url.split('?')
  const parts = path.split('/').slice(2).map(decode)
  const [stream = '', ...rest] = parts
  if (!streamDidPattern.test(stream))
    throw new Refusal(
      'missing',
      `expected the did:plc of a stream after /streams/, got "${stream.slice(0, 80)}"`,
    )
  return { stream, rest }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return '' // no name of ours: told as what is missing
  }
}

/** Who asks, by a bearer token. Throws Refusal 'unauthenticated'. */
export async function callerOf(request: IncomingMessage, authenticate: Authenticate): Promise<Caller> {
  const { authorization } = request.headers
  if (authorization === undefined) return anonymous
  const match = /^bearer ([^ ]+)$/i.exec(authorization)
  if (match === null) throw new Refusal('unauthenticated', 'expected a bearer token')
  return authenticate(match[1] ?? '')
}

/** A whole number of the query; undefined when it is not given. Throws Refusal 'invalid'. */
export function integerOf(
  params: URLSearchParams,
  name: string,
  bounds: { readonly min: number; readonly max: number },
): number | undefined {
  const text = params.get(name)
  if (text === null) return undefined
  const value = Number(text)
  if (!/^-?\d{1,16}$/.test(text) || value < bounds.min || value > bounds.max) {
    throw new Refusal(
      'invalid',
      `${name}: expected a whole number from ${bounds.min} to ${bounds.max}, got "${text.slice(0, 40)}"`,
    )
  }
  return value
}

/** Whether the caller asks for DRISL. JSON otherwise. */
export function wantsDrisl({ request }: Pick<Read, 'request'>): boolean {
  return (request.headers.accept ?? '').includes(drislType)
}

/** Lets pages of every origin read the answer. */
export const corsHeaders = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'etag, stream-head, stream-next-offset, stream-up-to-date, retry-after',
} as const

/** Sends a whole answer. */
export function send(
  { response }: Pick<Read, 'response'>,
  type: string,
  body: Uint8Array | string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(200, {
    ...corsHeaders,
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    vary: 'accept, authorization',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(body)
}
