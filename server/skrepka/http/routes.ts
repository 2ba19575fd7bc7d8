/** The relay's routes by their paths: how a body is read, and who answers. */
import { hash } from 'node:crypto'
import type { Incoming, RelayAnswer, RelayRequest } from '../contract.ts'
import type { Login } from '../auth/login.ts'
import type { Session, Sessions } from '../auth/sessions.ts'
import type { SkrepkaSettings } from '../config.ts'
import type { Collector, Page } from '../mailbox/collect.ts'
import { fullRetryMs } from '../mailbox/mailboxes.ts'
import type { Poll } from '../mailbox/poll.ts'
import type { SendLane } from '../mailbox/send-lane.ts'
import type { Vault } from '../mailbox/vault.ts'
import type { Limits } from '../middleware/limits.ts'
import {
  answerEmpty,
  answerError,
  answerJson,
  answerLater,
  answerLimited,
  answerUnauthorized,
} from './answers.ts'
import {
  fieldsOf,
  hexField,
  integerField,
  optionalFlag,
  publicKeyHex,
  requireFields,
  signatureHex,
  textField,
} from './fields.ts'
import { decodeMessages } from './messages.ts'
import { pageBody, type PageReader } from './pages.ts'

export type Handler = (request: RelayRequest) => RelayAnswer | Promise<RelayAnswer>

export interface RouteDependencies {
  readonly settings: SkrepkaSettings
  readonly limits: Limits
  readonly login: Login
  readonly sessions: Sessions
  readonly collector: Collector
  readonly lane: SendLane
  readonly vault: Vault
  readonly pages: PageReader
  readonly poll: (poll: Poll) => Promise<Page>
  /** A poll keeps its key present here; undefined: there is nothing to do. */
  readonly refresh: (session: Session) => Promise<void> | undefined
  readonly events: (request: RelayRequest, session: Session) => RelayAnswer
}

/** Method and path of each route, with its handler. */
export function createHandlers(deps: RouteDependencies): ReadonlyMap<string, Handler> {
  return new Map<string, Handler>([
    ['POST /auth/challenge', challengeHandler(deps)],
    ['POST /auth/verify', verifyHandler(deps)],
    ['POST /poll', pollHandler(deps)],
    ['POST /messages', messagesHandler(deps)],
    ['GET /skrepka/events', withSession(deps, deps.events)],
    ['POST /skrepka/ack', ackHandler(deps)],
    [
      'POST /skrepka/logout',
      withSession(deps, async (_request, session) => {
        await deps.login.logout(session)
        return answerEmpty
      }),
    ],
  ])
}

function challengeHandler({ limits, login }: RouteDependencies): Handler {
  return request => {
    const fields = fieldsOf(request.body)
    requireFields(fields, ['pubkey'])
    const key = hexField(fields, 'pubkey', publicKeyHex)
    const waitMs = limits.challenge(request.address, key)
    if (waitMs > 0) return answerLimited(waitMs)
    const made = login.challenge(key, request)
    if (made === undefined) return answerError(503, 'capacity')
    const { challenge, expiresAt, r } = made
    return answerJson(200, JSON.stringify({ challenge, expiresAt, r }))
  }
}

function verifyHandler({ limits, login }: RouteDependencies): Handler {
  return async request => {
    const fields = fieldsOf(request.body)
    requireFields(fields, ['pubkey', 'challenge', 'signature'])
    const claim = {
      key: hexField(fields, 'pubkey', publicKeyHex),
      challenge: textField(fields, 'challenge'),
      signature: hexField(fields, 'signature', signatureHex),
      revokeOthers: optionalFlag(fields, 'revokeOthers'),
    }
    const waitMs = limits.verify(request.address, claim.key)
    if (waitMs > 0) return answerLimited(waitMs)
    const token = await login.verify(claim, request)
    if (token === undefined) return answerError(401, 'invalid')
    return answerJson(200, JSON.stringify({ expiresAt: token.expiresAt, token: token.token }))
  }
}

/** Answers with a session only, by the token in the request. */
function withSession(
  { sessions, limits }: Pick<RouteDependencies, 'sessions' | 'limits'>,
  handle: (request: RelayRequest, session: Session) => RelayAnswer | Promise<RelayAnswer>,
): Handler {
  const go = (request: RelayRequest, session: Session | undefined) => {
    if (session !== undefined) return handle(request, session)
    const waitMs = limits.stranger(request.address)
    return waitMs > 0 ? answerLimited(waitMs) : answerUnauthorized
  }
  return request => {
    const found = sessions.find(request.header('authorization'), request)
    return found instanceof Promise ? found.then(session => go(request, session)) : go(request, found)
  }
}

function pollHandler(deps: RouteDependencies): Handler {
  const { limits, poll, vault, pages } = deps
  // Thousands of these are held at a time: nothing is kept of the request.
  const hold = (cursor: number, session: Session, onGone: Poll['onGone']): Promise<RelayAnswer> =>
    poll({ key: session.key, session: session.id, cursor, onGone }).then(page =>
      answerJson(200, pageBody(page, { legacy: session.legacy, vault, reader: pages })),
    )
  const answer = (cursor: number, request: RelayRequest, session: Session) => {
    const waitMs = limits.poll(session.id)
    if (waitMs > 0) return answerLimited(waitMs)
    const onGone = goneOf(request)
    const refreshing = deps.refresh(session)
    if (refreshing === undefined) return hold(cursor, session, onGone)
    return refreshing.then(() => hold(cursor, session, onGone))
  }
  return request => {
    const fields = fieldsOf(request.body)
    requireFields(fields, ['cursor'])
    const cursor = integerField(fields, 'cursor')
    return withSession(deps, (_request, session) => answer(cursor, request, session))(request)
  }
}

function goneOf({ onGone, signal }: RelayRequest): Poll['onGone'] {
  return onGone ?? (listener => signal.addEventListener('abort', listener, { once: true }))
}

function ackHandler({ collector, ...deps }: RouteDependencies): Handler {
  return request => {
    const fields = fieldsOf(request.body)
    requireFields(fields, ['cursor'])
    const cursor = integerField(fields, 'cursor')
    return withSession(deps, async (_request, session) => {
      await collector.ack(session.key, cursor)
      return answerEmpty
    })(request)
  }
}

const answerSent = answerEmpty
const answerSentLegacy = answerJson(200, '{"results":[]}')

function messagesHandler(deps: RouteDependencies): Handler {
  const { settings, limits, lane, vault } = deps
  const send = async (
    messages: ReturnType<typeof decodeMessages>,
    request: RelayRequest,
    session: Session,
  ): Promise<RelayAnswer> => {
    const waitMs = limits.send(session.id)
    if (waitMs > 0) return answerLimited(waitMs)
    if (messages.length > settings.maxBatchSize) return answerError(413, 'batch_too_large')
    if (messages.some(one => one.to === session.key)) return answerError(400, 'self_send')
    let bytes = 0
    for (const { blob } of messages) bytes += blob.length
    const amount = { messages: messages.length, bytes }
    const mailWaitMs = limits.mail({ key: session.key, address: request.address }, amount)
    if (mailWaitMs > 0) return answerLimited(mailWaitMs)
    const origin = { kind: 'sender', key: session.key } as const
    const batch: Incoming[] = []
    for (const { to, blob } of messages) {
      // By way of a text, for one buffer less of its own: those are what the garbage collector finds costly.
      const digest = Buffer.from(hash('sha256', blob, 'binary'), 'latin1')
      const ref = vault.isLarge(blob) ? await vault.stow(blob, digest) : undefined
      batch.push({ to, blob, hash: digest, origin, ...(ref === undefined ? {} : { ref }) })
    }
    if (batch.length > 0) {
      const outcome = await lane.send(batch)
      if (outcome.kind === 'full') return answerLater(429, 'mailbox_full', fullRetryMs)
    }
    return session.legacy ? answerSentLegacy : answerSent
  }
  return request => {
    const messages = decodeMessages(request.body, settings.maxBlobLen)
    return withSession(deps, (_request, session) => send(messages, request, session))(request)
  }
}
