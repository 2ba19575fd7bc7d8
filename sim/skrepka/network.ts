/**
 * A network in memory: it delays, loses, doubles and reorders requests, loses answers of what was done, answers in a
 * server's place with nonsense, and is cut in two, also in one direction only. What befalls a link depends on the seed and
 * on how much that link carried before, on nothing else.
 */
import { Refusal } from '../../server/kernel/errors.ts'
import type { Relay, RelayAnswer, ServerName } from '../../server/skrepka/contract.ts'
import type { Loop } from './loop.ts'
import type { SeededRandom } from './random.ts'

/** Who sends: a relay under its name, a user or somebody else. */
export interface Sender {
  readonly name: string
  readonly address: string
}

export interface NetRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface NetAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** How a link behaves; probabilities from 0 to 1. */
export interface Weather {
  readonly latencyMs: readonly [from: number, to: number]
  readonly loss: number
  readonly answerLoss: number
  readonly duplicate: number
  /** Something between the two answers in the server's place. */
  readonly nonsense: number
}

export const calmWeather: Weather = {
  latencyMs: [1, 40],
  loss: 0,
  answerLoss: 0,
  duplicate: 0,
  nonsense: 0,
}

/** A server's side of the network. Undefined while it is down; what it answers after its death is not heard. */
export type Listener = (
  from: Sender,
  request: NetRequest,
  signal: AbortSignal,
) => Promise<NetAnswer> | undefined

/** What went over the network, for those who watch. */
export interface Passage {
  readonly from: Sender
  readonly to: ServerName
  readonly request: NetRequest
  /** Undefined: it never came, or its answer did not. */
  readonly answer: NetAnswer | undefined
  readonly kind: 'arrives' | 'answered' | 'answer-lost' | 'unanswered'
}

export interface Network {
  /** Rejects with a Refusal when no answer came within `timeoutMs`. */
  send(from: Sender, to: ServerName, request: NetRequest, timeoutMs: number): Promise<NetAnswer>
  listen(name: ServerName, listener: Listener): void
  /** Cuts the way from one name to another; the returned function mends it. `*` is everybody. */
  cut(from: string, to: string): () => void
  /** From now on, for links that have this name at either end; undefined: for all. */
  setWeather(weather: Weather | undefined, name?: string): void
  /** Mends all, calms all. */
  heal(): void
  watch(watcher: (passage: Passage) => void): void
}

/** Answers of a middlebox, a captive portal, a proxy without its backend. */
const nonsenseAnswers: readonly NetAnswer[] = [
  { status: 500, headers: {}, body: 'Internal Server Error' },
  { status: 502, headers: {}, body: '<html><body>Bad gateway</body></html>' },
  { status: 429, headers: { 'retry-after': '7' }, body: '{"error":"Rate limit exceeded"}' },
  { status: 429, headers: { 'retry-after': 'soon' }, body: '' },
  { status: 404, headers: {}, body: '{"error":"not found"}' },
  { status: 400, headers: {}, body: '<html><body>Bad request</body></html>' },
  { status: 413, headers: {}, body: '<html><body>Request entity too large</body></html>' },
  { status: 200, headers: {}, body: '<html><body>Log in to the wireless network</body></html>' },
]

export function createNetwork(loop: Loop, random: SeededRandom): Network {
  const listeners = new Map<ServerName, Listener>()
  const links = new Map<string, SeededRandom>()
  const cuts = new Map<string, number>()
  const weathers = new Map<string, Weather>()
  const watchers: ((passage: Passage) => void)[] = []
  let weather = calmWeather

  const linkOf = (from: string, to: string) => {
    const name = `${from}>${to}`
    let link = links.get(name)
    if (link === undefined) links.set(name, (link = random.fork(name)))
    return link
  }
  const isCut = (from: string, to: string) =>
    cuts.size > 0 && [`${from}>${to}`, `${from}>*`, `*>${to}`].some(name => cuts.has(name))
  const tell = (passage: Passage) => {
    for (const watcher of watchers) watcher(passage)
  }

  const send: Network['send'] = (from, to, request, timeoutMs) =>
    new Promise((resolve, reject) => {
      const { latencyMs, loss, answerLoss, duplicate, nonsense } =
        weathers.get(from.name) ?? weathers.get(to) ?? weather
      const link = linkOf(from.name, to)
      const delayMs = () => link.between(latencyMs[0], latencyMs[1])
      const [thereMs, backMs, againMs] = [delayMs(), delayMs(), delayMs()]
      const [isLost, isAnswerLost, isDouble, isNonsense] = [loss, answerLoss, duplicate, nonsense].map(
        chance => link.chance(chance),
      )
      const nonsenseAnswer = link.pick(nonsenseAnswers)
      const caller = new AbortController()
      let over = false
      const end = () => {
        over = true
        cancelTimeout()
      }
      const fail = (why: string) => {
        if (over) return
        end()
        tell({ from, to, request, answer: undefined, kind: 'unanswered' })
        caller.abort()
        reject(new Refusal('upstream', why))
      }
      const cancelTimeout = loop.at(timeoutMs, () => fail('no answer in time'))
      const arrive = (isFirst: boolean) => {
        if (isCut(from.name, to)) return
        const answering = listeners.get(to)?.(from, request, caller.signal)
        if (answering === undefined) {
          if (isFirst) loop.at(backMs, () => fail('connection refused'))
          return
        }
        tell({ from, to, request, answer: undefined, kind: 'arrives' })
        void answering.then(answer => {
          if (!isFirst) return
          if (isAnswerLost === true || isCut(to, from.name)) {
            tell({ from, to, request, answer, kind: 'answer-lost' })
            return
          }
          loop.at(backMs, () => {
            if (over) return
            end()
            tell({ from, to, request, answer, kind: 'answered' })
            resolve(answer)
          })
        })
      }
      if (isNonsense === true && !isCut(from.name, to)) {
        loop.at(thereMs + backMs, () => {
          if (over) return
          end()
          resolve(nonsenseAnswer)
        })
        return
      }
      if (isLost !== true) loop.at(thereMs, () => arrive(true))
      if (isDouble === true) loop.at(thereMs + againMs, () => arrive(false))
    })

  return {
    send,
    listen: (name, listener) => void listeners.set(name, listener),
    cut: (from, to) => {
      const name = `${from}>${to}`
      cuts.set(name, (cuts.get(name) ?? 0) + 1)
      return () => {
        const left = (cuts.get(name) ?? 0) - 1
        if (left > 0) cuts.set(name, left)
        else cuts.delete(name)
      }
    },
    setWeather: (next, name) => {
      if (name === undefined) weather = next ?? calmWeather
      else if (next === undefined) weathers.delete(name)
      else weathers.set(name, next)
    },
    heal: () => {
      cuts.clear()
      weathers.clear()
      weather = calmWeather
    },
    watch: watcher => void watchers.push(watcher),
  }
}

const encoder = new TextEncoder()

/** A relay's listener: translates what the network carries to what the relay answers. */
export function relayListener(
  relay: Pick<Relay, 'answer'>,
): (...call: Parameters<Listener>) => Promise<NetAnswer> {
  return async (from, { method, path, headers = {}, body = '' }, signal) => {
    const [pathname = '', query = ''] = path.split('?', 2)
    const all: Readonly<Record<string, string>> = { 'x-forwarded-for': from.address, ...headers }
    const answer = await relay.answer({
      method,
      path: pathname,
      query,
      header: name => all[name],
      body: encoder.encode(body),
      address: from.address,
      forwarded: all['x-forwarded-for'] !== '',
      signal,
    })
    const text = await textOf(answer.body)
    return { status: answer.status, headers: lowerNames(answer.headers ?? {}), body: text }
  }
}

function lowerNames(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

async function textOf(body: RelayAnswer['body']): Promise<string> {
  if (typeof body === 'string') return body
  if (body instanceof Uint8Array) return Buffer.from(body).toString()
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part)
  return Buffer.concat(parts).toString()
}
