/** One HTTP exchange with a bounded answer. What may be called is decided by `fetch.ts`. */
import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { isIPv6, type LookupFunction } from 'node:net'
import { Refusal } from './errors.ts'

export interface Target {
  readonly url: URL
  /** The addresses that were checked, and that alone are connected to. Undefined: resolved when connecting. */
  readonly addresses: readonly string[] | undefined
  /** Whether a connection may be kept for the next GET. */
  readonly reuse: boolean
}

export interface Exchange {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | undefined
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

const socketsMax = 64
const agentOptions = { keepAlive: true, maxSockets: socketsMax, maxFreeSockets: 8, timeout: 4_000 }
const agents = { 'http:': new http.Agent(agentOptions), 'https:': new https.Agent(agentOptions) }

/** Sends one request and reads its whole answer. Rejects with Node's errors, or a Refusal when the answer is too long. */
export async function exchange(
  target: Target,
  request: Exchange,
  bounds: { readonly bytesMax: number; readonly signal: AbortSignal },
): Promise<Answer> {
  const { url } = target
  const secure = url.protocol === 'https:'
  // A kept connection may be closed by the other side just as we use it; only a GET can simply be sent again.
  const reuse = target.reuse && request.method === 'GET'
  const send = () => {
    const sent = (secure ? https : http).request(url, {
      method: request.method,
      headers: { 'user-agent': 'leaf', accept: '*/*', ...request.headers, 'accept-encoding': 'identity' },
      agent: reuse ? agents[secure ? 'https:' : 'http:'] : false,
      signal: bounds.signal,
      ...(target.addresses === undefined ? {} : { lookup: lookupOf(target.addresses) }),
    })
    return readAnswer(sent, request.body, bounds.bytesMax)
  }
  const first = send()
  try {
    return await first.answer
  } catch (cause) {
    if (!reuse || !first.sent.reusedSocket || !isReset(cause)) throw cause
    return send().answer
  }
}

function isReset(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE')
}

/** A `lookup` that knows the checked addresses only, whatever the name resolves to by now. */
function lookupOf(addresses: readonly string[]): LookupFunction {
  const all = addresses.map(address => ({ address, family: isIPv6(address) ? 6 : 4 }))
  return (_hostname, options, callback) => {
    const [first] = all
    if (first === undefined) callback(new Error('no address'), '', 4)
    else if (options.all === true) callback(null, all)
    else callback(null, first.address, first.family)
  }
}

function readAnswer(sent: ClientRequest, body: string | Uint8Array | undefined, bytesMax: number) {
  const answer = new Promise<Answer>((resolve, reject) => {
    sent.on('error', reject)
    sent.on('response', response => {
      readBody(response, bytesMax).then(
        bytes => resolve({ status: response.statusCode ?? 0, headers: headersOf(response), body: bytes }),
        (cause: unknown) => {
          sent.destroy()
          reject(cause)
        },
      )
    })
    sent.end(body)
  })
  return { sent, answer }
}

async function readBody(response: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') throw new Refusal('upstream', `expected an unencoded answer, got ${encoding}`)
  if (Number(response.headers['content-length'] ?? 0) > bytesMax) throw tooLong(bytesMax)
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue
    length += chunk.length
    if (length > bytesMax) throw tooLong(bytesMax)
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

function tooLong(bytesMax: number): Refusal {
  return new Refusal('upstream', `expected an answer of at most ${bytesMax} bytes, got more`)
}

function headersOf(response: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}
