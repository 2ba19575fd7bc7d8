/** One relay as one key sees it: logs in when needed, polls, sends. Knows nothing of what blobs hold. */
import type { ClientClock, Fetch } from './capabilities.ts'
import { challengeLengthMax, challengeText, namesRelay } from './challenge.ts'
import { MalformedError, SkrepkaError } from './errors.ts'
import { toHex } from './hex.ts'
import type { Identity } from './identity.ts'
import { type JsonObject, readJsonObject } from './json.ts'
import {
  messagesBody,
  type OutgoingMessage,
  type PageAnswer,
  readChallenge,
  readPage,
  readToken,
  routes,
} from './wire.ts'

export interface RelaySessionOptions {
  /** `https://relay.example`, without a slash at the end. */
  readonly url: string
  /** The relay's own name: what its challenges must be made for. */
  readonly name: string
  readonly identity: Identity
  readonly fetch: Fetch
  readonly clock: ClientClock
}

export interface RelaySession {
  /** Logs in, if that is needed. Rejects with SkrepkaError. */
  connect(signal: AbortSignal): Promise<void>
  /**
   * Asks for mail past `cursor`, which acknowledges what was shown up to it; resolves with an empty page after the relay's
   * wait (25 s). Rejects with SkrepkaError.
   */
  poll(cursor: number, signal: AbortSignal): Promise<PageAnswer>
  /** Hands blobs over; when it resolves they are durable there. Rejects with SkrepkaError. */
  send(messages: readonly OutgoingMessage[], signal: AbortSignal): Promise<void>
  /** Ends the session there, as far as the relay knows how; never rejects. */
  logout(signal: AbortSignal): Promise<void>
}

/** A relay answers a poll within 25 s; slow lines get the rest. */
const pollMsMax = 70_000
const callMsMax = 60_000
/** Sessions last an hour; a new one is begun before it ends. */
const sessionMsUsual = 55 * 60_000
const sessionMsMin = 60_000
const answerCharsMax = 65_536
/** A page of 50 pictures in hex, and to spare. */
const pageCharsMax = 256 * 1024 * 1024

interface Token {
  readonly text: string
  readonly until: number
}

/** A session with one relay. Nothing is sent before the first call. */
export function createRelaySession(options: RelaySessionOptions): RelaySession {
  const { clock } = options
  const call = createCall(options)
  const login = createLogin(options, call)
  let token: Token | undefined
  let loggingIn: Promise<Token> | undefined

  const currentToken = async (signal: AbortSignal): Promise<Token> => {
    if (token !== undefined && clock.now() < token.until) return token
    loggingIn ??= login(signal).finally(() => {
      loggingIn = undefined
    })
    token = await loggingIn
    return token
  }

  const authorized = async (request: Omit<Call, 'token'>): Promise<JsonObject> => {
    const used = await currentToken(request.signal)
    try {
      return await call({ ...request, token: used.text })
    } catch (error) {
      if (!(error instanceof SkrepkaError) || error.status !== 401) throw error
      // Ended before its time: by a restart of the relay, or because the address changed.
      if (token === used) token = undefined
      const fresh = await currentToken(request.signal)
      return call({ ...request, token: fresh.text })
    }
  }

  return {
    connect: async signal => void (await currentToken(signal)),
    poll: async (cursor, signal) => {
      const answer = await authorized({
        path: routes.poll,
        body: { cursor },
        signal,
        msMax: pollMsMax,
        charsMax: pageCharsMax,
      })
      return understood(options.url, () => readPage(answer))
    },
    send: async (messages, signal) => {
      await authorized({ path: routes.messages, body: messagesBody(messages), signal })
    },
    logout: async signal => {
      const used = token
      token = undefined
      if (used !== undefined)
        await call({ path: routes.logout, body: {}, token: used.text, signal }).catch(() => undefined)
    },
  }
}

type Post = (call: Call) => Promise<JsonObject>

/** Logs in: signs the relay's challenge, unless it was made for another relay. */
function createLogin(options: RelaySessionOptions, call: Post): (signal: AbortSignal) => Promise<Token> {
  const { identity, clock } = options
  return async signal => {
    const asked = await call({ path: routes.challenge, body: { pubkey: identity.key }, signal })
    const { challenge, r } = understood(options.url, () => readChallenge(asked, challengeLengthMax))
    if (
      r !== undefined &&
      !namesRelay({ challenge, r, serverHost: options.name, publicKey: identity.publicKey })
    ) {
      throw new SkrepkaError(
        'foreign-challenge',
        `expected a challenge made for ${options.name}, got one for another relay`,
      )
    }
    const signature = toHex(await identity.sign(challengeText(challenge)))
    const body = { pubkey: identity.key, challenge, signature, revokeOthers: false }
    const answer = await call({ path: routes.verify, body, signal })
    const given = understood(options.url, () => readToken(answer))
    // The relay's clock may be far from ours: believe it only when it says something likely.
    const leftMs = given.expiresAt - clock.now()
    const usual = leftMs > sessionMsMin && leftMs < 2 * sessionMsUsual
    return {
      text: given.token,
      until: clock.now() + Math.min(usual ? leftMs - sessionMsMin : sessionMsUsual, sessionMsUsual),
    }
  }
}

/** An answer that cannot be read is as good as none. */
function understood<T>(url: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SkrepkaError(
      'unreachable',
      `expected an answer of a Skrepka relay from ${url}, got another: ${why}`,
      { cause },
    )
  }
}

interface Call {
  readonly path: string
  /** A value, or JSON that is written already. */
  readonly body: unknown
  readonly token?: string
  readonly signal: AbortSignal
  readonly msMax?: number
  readonly charsMax?: number
}

/** One POST. Rejects with SkrepkaError 'unreachable' or 'refused', or with MalformedError. */
function createCall({ url, fetch, clock }: RelaySessionOptions): Post {
  return async ({ path, body, token, signal, msMax = callMsMax, charsMax = answerCharsMax }) => {
    const late = new AbortController()
    const cancel = clock.after(msMax, () => late.abort())
    try {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        signal: AbortSignal.any([signal, late.signal]),
        redirect: 'error',
        credentials: 'omit',
        cache: 'no-store',
        referrerPolicy: 'no-referrer',
      })
      const text = await readText(response, charsMax)
      if (!response.ok) throw refusal(path, response, text)
      return readJsonObject(text === '' ? '{}' : text)
    } catch (error) {
      if (error instanceof SkrepkaError) throw error
      const why = late.signal.aborted
        ? `no answer within ${msMax / 1000} s`
        : error instanceof MalformedError
          ? error.message
          : 'no connection'
      throw new SkrepkaError('unreachable', `expected an answer of ${url}${path}, got ${why}`, {
        cause: error,
      })
    } finally {
      cancel()
    }
  }
}

async function readText(response: Response, charsMax: number): Promise<string> {
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  const parts: string[] = []
  let length = 0
  for await (const chunk of chunksOf(response.body)) {
    const text = decoder.decode(chunk, { stream: true })
    length += text.length
    if (length > charsMax)
      throw new MalformedError(`expected an answer of at most ${charsMax} characters`, length)
    parts.push(text)
  }
  return parts.join('')
}

/** Not every browser can iterate a stream by itself. Leaving early ends the connection. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

function refusal(path: string, response: Response, text: string): SkrepkaError {
  let wireError = ''
  try {
    wireError = String(readJsonObject(text)['error'] ?? '').slice(0, 200)
  } catch {
    wireError = ''
  }
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return new SkrepkaError(
    'refused',
    `${path} was refused with ${response.status}${wireError === '' ? '' : `: ${wireError}`}`,
    {
      status: response.status,
      wireError,
      ...(Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: Math.min(seconds, 3600) * 1000 } : {}),
    },
  )
}
