/** One HTTP exchange as data: what a test asks, and what came back with its body read. */
export interface Call {
  readonly method: string
  /** Path and query, from the slash. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
  /** The body as JSON when it is labelled so and is so. */
  readonly json: unknown
}

type QueryValue = string | number | boolean | readonly string[] | undefined

export interface CallOptions {
  /** An access or refresh token. */
  readonly token?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
}

/** A query to an XRPC method. */
export function get(
  nsid: string,
  query: Readonly<Record<string, QueryValue>> = {},
  options: CallOptions = {},
): Call {
  return { method: 'GET', path: `/xrpc/${nsid}${queryString(query)}`, headers: headersOf(options) }
}

/** A procedure call: `body` as JSON, or bytes as they are (then give the content type), or none. */
export function post(nsid: string, body?: unknown, options: CallOptions = {}): Call {
  const headers = headersOf(options)
  if (body === undefined) return { method: 'POST', path: `/xrpc/${nsid}`, headers }
  if (body instanceof Uint8Array) return { method: 'POST', path: `/xrpc/${nsid}`, headers, body }
  const json = typeof body === 'string' ? body : JSON.stringify(body)
  return {
    method: 'POST',
    path: `/xrpc/${nsid}`,
    headers: { 'content-type': 'application/json', ...headers },
    body: json,
  }
}

function headersOf(options: CallOptions): Record<string, string> {
  return {
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    ...options.headers,
  }
}

function queryString(query: Readonly<Record<string, QueryValue>>): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    if (typeof value === 'object') for (const one of value) params.append(name, one)
    else params.append(name, String(value))
  }
  return params.size === 0 ? '' : `?${params}`
}

/** Sends a call to the server at `url`, follows no redirect, reads the whole body. */
export async function send(url: string, call: Call): Promise<Answer> {
  const response = await fetch(url + call.path, {
    method: call.method,
    redirect: 'manual',
    ...(call.headers === undefined ? {} : { headers: call.headers }),
    ...(call.body === undefined ? {} : { body: call.body as BodyInit }),
  })
  const bytes = new Uint8Array(await response.arrayBuffer())
  return { status: response.status, headers: response.headers, bytes, json: jsonOf(response.headers, bytes) }
}

/** Sends a call that must succeed; gives its JSON body. */
export async function sendOk<Body = Record<string, unknown>>(url: string, call: Call): Promise<Body> {
  const answer = await send(url, call)
  if (answer.status !== 200) {
    throw new Error(`${call.method} ${call.path}: ${answer.status} ${Buffer.from(answer.bytes).toString()}`)
  }
  return answer.json as Body
}

function jsonOf(headers: Headers, bytes: Uint8Array): unknown {
  if (!(headers.get('content-type') ?? '').startsWith('application/json')) return undefined
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}

export interface Account {
  readonly did: string
  readonly handle: string
  readonly email: string
  readonly password: string
  accessJwt: string
  refreshJwt: string
}

/** Creates `<name>.test` by the ordinary endpoint. */
export async function createAccount(url: string, name: string, more: object = {}): Promise<Account> {
  const wish = { handle: `${name}.test`, email: `${name}@example.com`, password: `password-of-${name}` }
  const made = await sendOk<Account>(url, post('com.atproto.server.createAccount', { ...wish, ...more }))
  return {
    ...wish,
    did: made.did,
    handle: made.handle,
    accessJwt: made.accessJwt,
    refreshJwt: made.refreshJwt,
  }
}
