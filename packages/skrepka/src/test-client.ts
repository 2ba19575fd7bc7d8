/** Clients for tests: real ones, whose fetch leads into relays of the same process and can fail as networks do. */
import { randomBytes } from 'node:crypto'
import { type Client, createClient } from './client.ts'
import type { ClientOptions } from './client-options.ts'
import type { ClientClock } from './capabilities.ts'
import { identityFromSeed } from './identity.ts'
import { createMemoryStore } from './memory-store.ts'
import type { Store } from './store.ts'

/** What of a relay is called. */
export interface AnsweringRelay {
  answer(request: {
    readonly method: string
    readonly path: string
    readonly query: string
    readonly header: (name: string) => string | undefined
    readonly body: Uint8Array
    readonly address: string
    readonly forwarded: boolean
    readonly signal: AbortSignal
  }): Promise<{
    readonly status: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body: string | Uint8Array | AsyncIterable<Uint8Array>
  }>
}

export interface Network {
  readonly relays: Map<string, AnsweringRelay>
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Paths whose next answer is lost after the relay gave it. */
  readonly lose: string[]
  /** Everything that was sent, for looking at. */
  readonly sent: { readonly url: string; readonly body: string }[]
}

export function createNetwork(): Network {
  const relays = new Map<string, AnsweringRelay>()
  const lose: string[] = []
  const sent: { url: string; body: string }[] = []
  return {
    relays,
    lose,
    sent,
    fetch: async (url, init) => {
      const { host, pathname } = new URL(url)
      const relay = relays.get(host)
      if (relay === undefined) throw new TypeError('no such host')
      const body = String(init.body ?? '')
      sent.push({ url, body })
      const headers = new Headers(init.headers)
      const signal = init.signal ?? new AbortController().signal
      signal.throwIfAborted()
      const answering = relay.answer({
        method: init.method ?? 'GET',
        path: pathname,
        query: '',
        header: name => headers.get(name) ?? undefined,
        body: Buffer.from(body),
        address: '203.0.113.9',
        forwarded: false,
        signal,
      })
      const gone = new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => reject(new TypeError('aborted'))),
      )
      const answer = await Promise.race([answering, gone])
      const text =
        typeof answer.body === 'string' || answer.body instanceof Uint8Array
          ? answer.body
          : await gathered(answer.body)
      const at = lose.indexOf(pathname)
      if (at >= 0) {
        lose.splice(at, 1)
        throw new TypeError('the connection was lost')
      }
      return new Response(typeof text === 'string' ? text : Uint8Array.from(text), {
        status: answer.status,
        headers: answer.headers ?? {},
      })
    },
  }
}

async function gathered(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}

export interface TestClient extends Client {
  readonly store: Store
}

/** A client with the seed of that number. */
export function testClient(
  number: number,
  options: {
    readonly network: Network
    readonly clock: ClientClock
    readonly relays: readonly string[]
  } & Partial<ClientOptions>,
): TestClient {
  const store = options.store ?? createMemoryStore()
  const client = createClient({
    identity: identityFromSeed(new Uint8Array(32).fill(number)),
    random: count => new Uint8Array(randomBytes(count)),
    fetch: options.network.fetch,
    urlOf: name => `http://${name}`,
    onFault: error => {
      throw error
    },
    ...options,
    store,
  })
  return { ...client, store }
}

const untilMsMax = 15_000

/** Waits until something is so, letting everything else run; fails when that takes too long. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const began = performance.now()
  while (!(await isSo())) {
    if (performance.now() - began > untilMsMax)
      throw new Error(`not so within ${untilMsMax} ms: ${isSo.toString()}`)
    await new Promise(resolve => setImmediate(resolve))
  }
}
