/**
 * Sessions of clients. A session is a row; its tokens carry its id, and ending the row ends them all at once. A refresh
 * token is known by the hash of its `jti`. One that was rotated away answers, for a grace, with the token that is current
 * (signed again from stored claims, so byte for byte the same); used after its grace it is taken for stolen.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Did } from '../../kernel/identity/types.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import {
  deleteSession,
  deleteSurplusSessions,
  insertSession,
  rotateSession,
  type SessionKind,
  type SessionRow,
  sessionById,
} from '../database/sessions.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { SessionScope } from './credentials.ts'
import type { Tokens } from './token.ts'

/** How long a rotated refresh token still answers with its successor. */
export const refreshGraceMs = 2 * 3_600_000
/** Rotated tokens of one session that are remembered at once. */
const predecessorsMax = 16
/**
 * Sessions of one account, kind and app password; the longest unused goes first. Alike, so that a program that signs in
 * anew each time it runs signs out nobody but itself.
 */
export const sessionsAlikeMax = 200
const surplusPerOpenMax = 50
const deviceCharsMax = 200

/** Where a session was opened. */
export interface Origin {
  readonly device: string
  readonly address: string
}

/** What a client gets. */
export interface TokenPair {
  readonly accessJwt: string
  readonly refreshJwt: string
}

/** What a session is opened with. */
export interface NewSession {
  readonly account: number
  readonly did: Did
  readonly kind: Exclude<SessionKind, 'page'>
  readonly appPassword?: string
  readonly origin: Origin
}

/** Sessions of clients. */
export interface Sessions {
  /** Opens a session within the transaction. Its tokens are good once that is durable. */
  open(tx: Tx, session: NewSession): Promise<TokenPair & { readonly sessionId: string }>
  /** The next pair of tokens for a refresh token. Throws ExpiredToken when its session is over. */
  refresh(token: { readonly did: Did; readonly sessionId: string; readonly jti: string }): Promise<TokenPair>
  /** Ends a session; nothing happens when it is over already. */
  end(sessionId: string): Promise<void>
}

export interface SessionsDeps {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly tokens: Tokens
  readonly refreshMs: number
}

/** What a token of a session of this kind is good for. */
export function scopeOf(kind: Exclude<SessionKind, 'page'>): SessionScope {
  return `com.atproto.${kind}`
}

/** Opens, refreshes and ends sessions. */
export function createSessions(deps: SessionsDeps): Sessions {
  const { database, clock, random, tokens, refreshMs } = deps
  const wholeSecond = () => Math.floor(clock.now() / 1000) * 1000
  const newJti = () => Buffer.from(random.bytes(32)).toString('base64url')

  return {
    open: async (tx, session) => {
      const now = clock.now()
      const id = Buffer.from(random.bytes(16)).toString('hex')
      const jti = newJti()
      const issuedAt = wholeSecond()
      // A session of an account that was taken down cannot be prolonged.
      const refreshable = session.kind !== 'takendown'
      const row: SessionRow = {
        id,
        account: session.account,
        kind: session.kind,
        appPassword: session.appPassword ?? null,
        refreshHash: refreshable ? hashOf(jti) : null,
        refreshIssuedAt: issuedAt,
        refreshJti: jti,
        previousHash: null,
        previousUntil: null,
        device: session.origin.device.slice(0, deviceCharsMax),
        address: session.origin.address,
        createdAt: now,
        lastUsedAt: now,
        expiresAt: issuedAt + refreshMs,
      }
      await insertSession(tx, row)
      await deleteSurplusSessions(tx, row, { keep: sessionsAlikeMax, limit: surplusPerOpenMax })
      return { sessionId: id, ...pairOf(tokens, session.did, session.kind, row) }
    },

    refresh: async ({ did, sessionId, jti }) => {
      const next = { jti: newJti(), issuedAt: wholeSecond() }
      const rotated = await database.write(tx =>
        rotate(tx, { sessionId, hash: hashOf(jti), now: clock.now(), next, refreshMs }),
      )
      // Outside the transaction, so that the end of a stolen session stays.
      if (rotated === undefined) throw refuse('ExpiredToken', 'Token has been revoked')
      return pairOf(tokens, did, rotated.kind, rotated)
    },

    end: async sessionId => {
      await database.write(tx => deleteSession(tx, sessionId))
    },
  }
}

interface RotationRequest {
  readonly sessionId: string
  readonly hash: string
  readonly now: number
  readonly next: { readonly jti: string; readonly issuedAt: number }
  readonly refreshMs: number
}

type TokenRow = Pick<SessionRow, 'id' | 'refreshJti' | 'refreshIssuedAt' | 'expiresAt'>
type Rotated = TokenRow & { readonly kind: Exclude<SessionKind, 'page'> }

/** The row with the tokens to answer with; undefined when there is no session, or none any more. */
async function rotate(tx: Tx, request: RotationRequest): Promise<Rotated | undefined> {
  const { hash, now, next } = request
  const row = await sessionById(tx, request.sessionId)
  if (row === undefined || row.refreshHash === null || row.kind === 'page') return undefined
  const { kind } = row
  const predecessors = predecessorsOf(row).filter(one => one.until > now)
  if (predecessors.some(one => one.hash === hash)) return { ...row, kind }
  if (row.refreshHash !== hash || row.expiresAt <= now) {
    await deleteSession(tx, row.id)
    return undefined
  }
  const previousUntil = Math.min(now + refreshGraceMs, row.expiresAt)
  const rotation = {
    refreshHash: hashOf(next.jti),
    refreshIssuedAt: next.issuedAt,
    refreshJti: next.jti,
    previousHash: [{ hash, until: previousUntil }, ...predecessors]
      .slice(0, predecessorsMax)
      .map(one => `${one.hash}:${one.until}`)
      .join(' '),
    previousUntil,
    lastUsedAt: now,
    expiresAt: next.issuedAt + request.refreshMs,
  }
  await rotateSession(tx, row.id, rotation)
  return { id: row.id, kind, ...rotation }
}

function predecessorsOf(row: SessionRow): { readonly hash: string; readonly until: number }[] {
  if (row.previousHash === null) return []
  return row.previousHash.split(' ').map(part => {
    const [hash = '', until = '0'] = part.split(':')
    return { hash, until: Number(until) }
  })
}

function pairOf(tokens: Tokens, did: Did, kind: Exclude<SessionKind, 'page'>, row: TokenRow): TokenPair {
  return {
    accessJwt: tokens.access({ did, scope: scopeOf(kind), sessionId: row.id }),
    refreshJwt: tokens.refresh({
      did,
      sessionId: row.id,
      jti: row.refreshJti ?? '',
      issuedAtS: Math.floor((row.refreshIssuedAt ?? 0) / 1000),
      expiresAtS: Math.floor(row.expiresAt / 1000),
    }),
  }
}

function hashOf(jti: string): string {
  return createHash('sha256').update(jti).digest('hex')
}
