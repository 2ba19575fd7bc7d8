/**
 * A client in a world: it logs in, polls, acks what it has stored, sends from an outbox until it is told 200, and goes
 * elsewhere. It knows of the world what a client knows: its keys, and answers.
 */
import type { KeyHex, ServerName } from '../../server/skrepka/contract.ts'
import type { Loop } from './loop.ts'
import type { NetAnswer, Network, Sender } from './network.ts'
import type { Oracle, SentMessage } from './oracle.ts'
import type { Person } from './person.ts'
import type { SeededRandom } from './random.ts'
import { parseRetryAfter } from './retry-after.ts'

export interface UserOptions {
  readonly name: string
  readonly person: Person
  readonly loop: Loop
  readonly network: Network
  readonly oracle: Oracle
  readonly random: SeededRandom
  /** One cursor for all relays, as early clients have; else one for each. */
  readonly sharedCursor: boolean
  /** Whether it may sign the form that names this relay. */
  readonly signsHost: (relay: ServerName) => boolean
}

export interface User {
  readonly name: string
  readonly key: KeyHex
  /** Where it polls; undefined while it is away. */
  at(): ServerName | undefined
  /** Logs in there, anew also when it is there already. */
  goTo(relay: ServerName): void
  leave(): void
  /** Gets another address, as a telephone does. */
  move(): void
  /** Dies with a page in hand that it has not stored; starts again. */
  forget(): void
  /** Puts messages into the outbox, as one batch. */
  send(messages: readonly SentMessage[]): void
  /** Asks with her token, once, past the outbox. */
  post(relay: ServerName, path: string, body: unknown): Promise<NetAnswer | undefined>
  /** Batches that no relay has taken yet. */
  unsent(): number
}

const pollMs = 70_000
const callMs = 10_000
const tokenMs = 50 * 60_000
const backoffMsMax = 30_000

interface Session {
  readonly relay: ServerName
  readonly token: string
  readonly untilMs: number
}

export function createUser(options: UserOptions): User {
  const { name, person, loop, network, oracle, random, sharedCursor, signsHost } = options
  const cursors = new Map<ServerName, number>()
  const outbox: (readonly SentMessage[])[] = []
  let moves = 0
  let sender: Sender = { name, address: '' }
  let relay: ServerName | undefined
  let session: Session | undefined
  let loggingIn: Promise<Session | undefined> | undefined
  let sending = false
  // Whatever was begun before is another life's.
  let life = 0

  const isNow = (mine: number) => mine === life
  const cursorName = (at: ServerName) => (sharedCursor ? '' : at)
  const sleep = (ms: number) => new Promise<void>(resolve => void loop.at(ms, resolve))
  const call = async (
    to: ServerName,
    path: string,
    body: unknown,
    { token, timeoutMs = callMs }: { token?: string; timeoutMs?: number } = {},
  ): Promise<NetAnswer | undefined> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const request = { method: 'POST', path, headers, body: JSON.stringify(body) }
    try {
      return await network.send(sender, to, request, timeoutMs)
    } catch {
      return undefined // no answer: the caller tries again later
    }
  }

  const logIn = async (to: ServerName): Promise<Session | undefined> => {
    const asked = await call(to, '/auth/challenge', { pubkey: person.key })
    checkRefused(to, asked)
    const challenge = fieldOf(asked, 'challenge')
    if (typeof challenge !== 'string') return undefined
    const signature = person.sign(signsHost(to) ? `skrepka-auth-v1:${to}:${challenge}` : challenge)
    const answer = await call(to, '/auth/verify', {
      pubkey: person.key,
      challenge,
      signature,
      revokeOthers: false,
    })
    checkRefused(to, answer)
    const token = fieldOf(answer, 'token')
    if (typeof token !== 'string') return undefined
    return { relay: to, token, untilMs: loop.elapsedMs() + tokenMs }
  }
  /** A client that logs in as rarely as this one is never told that it does too often. */
  const checkRefused = (to: ServerName, answer: NetAnswer | undefined) => {
    if (answer?.status === 429 && answer.headers['retry-after'] !== undefined && isOfRelay(answer))
      oracle.violate('I13', `${name} may not log in at ${to}: ${answer.body}`)
  }
  const sessionAt = async (to: ServerName): Promise<Session | undefined> => {
    if (session?.relay === to && session.untilMs > loop.elapsedMs()) return session
    loggingIn ??= logIn(to).finally(() => {
      loggingIn = undefined
    })
    const made = await loggingIn
    if (made?.relay === to && relay === to) session = made
    return session?.relay === to ? session : undefined
  }
  const pauseAfter = (answer: NetAnswer | undefined, failures: number) =>
    parseRetryAfter(answer?.headers['retry-after']) ??
    Math.min(backoffMsMax, 1000 * 2 ** failures) + random.integer(1000)

  const pollFor = async (mine: number, at: ServerName): Promise<void> => {
    let failures = 0
    while (isNow(mine)) {
      const current = await sessionAt(at)
      if (!isNow(mine)) return
      if (current === undefined) {
        await sleep(pauseAfter(undefined, (failures += 1)))
        continue
      }
      const askedAtMs = loop.elapsedMs()
      const askedCursor = cursors.get(cursorName(at)) ?? 0
      oracle.polled(person.key, at)
      const answer = await call(
        at,
        '/poll',
        { cursor: askedCursor },
        { token: current.token, timeoutMs: pollMs },
      )
      if (!isNow(mine)) return
      const page = pageOf(answer)
      if (page !== undefined) {
        failures = 0
        oracle.page({ user: person.key, relay: at, askedAtMs, askedCursor, ...page })
        cursors.set(cursorName(at), page.cursor)
        continue
      }
      if (answer?.status === 401 && session === current) session = undefined
      await sleep(pauseAfter(answer, (failures += 1)))
    }
  }

  const sendAll = async (mine: number, at: ServerName): Promise<void> => {
    if (sending) return
    sending = true
    let failures = 0
    for (let batch = outbox[0]; batch !== undefined && isNow(mine); batch = outbox[0]) {
      const current = await sessionAt(at)
      for (const message of batch) message.triedAt.add(at)
      const messages = batch.map(({ to, blob }) => ({ to, encryptedBlob: blob }))
      const answer =
        current && isNow(mine)
          ? await call(at, '/messages', { messages }, { token: current.token })
          : undefined
      if (answer?.status === 200 && answer.body.startsWith('{')) {
        for (const message of batch) oracle.taken(message, at)
        outbox.splice(outbox.indexOf(batch), 1)
        failures = 0
        continue
      }
      if (answer?.status === 401 && session === current) session = undefined
      if (answer?.status === 400 && isOfRelay(answer))
        oracle.violate('I14', `${at} refuses a good batch: ${answer.body}`)
      await sleep(pauseAfter(answer, (failures += 1)))
    }
    sending = false
    if (relay !== undefined && !isNow(mine) && outbox.length > 0) void sendAll(life, relay)
  }

  const move = () => {
    moves += 1
    sender = { name, address: `198.51.${random.integer(256)}.${(moves % 250) + 1}` }
  }
  const begin = (at: ServerName | undefined) => {
    life += 1
    relay = at
    session = undefined
    loggingIn = undefined
    if (at === undefined) return
    void pollFor(life, at)
    void sendAll(life, at)
  }
  move()
  return {
    name,
    key: person.key,
    at: () => relay,
    goTo: begin,
    leave: () => begin(undefined),
    move,
    forget: () => begin(relay),
    send: messages => {
      outbox.push(messages)
      if (relay !== undefined) void sendAll(life, relay)
    },
    post: async (to, path, body) => {
      const current = await sessionAt(to)
      return current && call(to, path, body, { token: current.token })
    },
    unsent: () => outbox.length,
  }
}

/** Whether an answer looks like a relay's own, and not like one of something between. */
const isOfRelay = (answer: NetAnswer) =>
  answer.headers['content-type']?.startsWith('application/json') === true

function fieldOf(answer: NetAnswer | undefined, name: string): unknown {
  if (answer?.status !== 200) return undefined
  try {
    const value: unknown = JSON.parse(answer.body)
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)[name] // an object, as was just checked
      : undefined
  } catch {
    return undefined // not JSON: not of a relay
  }
}

function pageOf(
  answer: NetAnswer | undefined,
): { readonly cursor: number; readonly blobs: readonly string[] } | undefined {
  const [cursor, events] = [fieldOf(answer, 'cursor'), fieldOf(answer, 'events')]
  if (typeof cursor !== 'number' || !Array.isArray(events)) return undefined
  const blobs = events.map((event: { encryptedBlob?: unknown }) => String(event.encryptedBlob))
  return { cursor, blobs }
}
