/** Sessions of pages: a random value in a cookie, of which only the hash is stored. */
import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import { type Account, accountById } from '../database/accounts.ts'
import {
  deleteSession,
  deleteSurplusSessions,
  insertSession,
  sessionAccount,
  touchSession,
} from '../database/sessions.ts'
import type { Cookies } from './cookies.ts'
import type { Csrf } from './csrf.ts'
import { type Origin, sessionsAlikeMax } from './session.ts'

/** How often the use of a session is written down. */
const touchEveryMs = 3_600_000
const deviceCharsMax = 200

/** Whose page it is. */
export interface PageSession {
  readonly account: Account
  readonly sessionId: string
  /** For the forms of pages. */
  readonly csrf: string
}

/** Sessions of browsers. */
export interface PageSessions {
  /** Opens a session within the transaction; gives the `Set-Cookie` to answer with. */
  open(tx: Tx, account: number, origin: Origin): Promise<string>
  /** Whose page this is, by the request's `Cookie` header. */
  read(cookieHeader: string | undefined): Promise<PageSession | undefined>
  /** Ends a session; gives the `Set-Cookie` that removes its cookie. */
  end(sessionId: string): Promise<string>
}

export interface PageSessionsDeps {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly cookies: Cookies
  readonly csrf: Csrf
  /** How long a session lasts unused. */
  readonly sessionMs: number
}

/** Opens, reads and ends sessions of pages. */
export function createPageSessions(deps: PageSessionsDeps): PageSessions {
  const { database, clock, random, cookies, csrf, sessionMs } = deps
  return {
    open: async (tx, account, origin) => {
      const value = Buffer.from(random.bytes(32)).toString('base64url')
      const now = clock.now()
      await insertSession(tx, {
        id: hashOf(value),
        account,
        kind: 'page',
        appPassword: null,
        refreshHash: null,
        refreshIssuedAt: null,
        refreshJti: null,
        previousHash: null,
        previousUntil: null,
        device: origin.device.slice(0, deviceCharsMax),
        address: origin.address,
        createdAt: now,
        lastUsedAt: now,
        expiresAt: now + sessionMs,
      })
      await deleteSurplusSessions(
        tx,
        { account, kind: 'page', appPassword: null },
        { keep: sessionsAlikeMax, limit: sessionsAlikeMax },
      )
      return cookies.set('session', value, sessionMs)
    },
    read: async header => {
      const value = cookies.read(header, 'session')
      if (value === undefined) return undefined
      const sessionId = hashOf(value)
      const now = clock.now()
      const found = await database.read(async tx => {
        const row = await sessionAccount(tx, sessionId)
        if (row === undefined || row.kind !== 'page' || row.expiresAt <= now) return undefined
        return { row, account: await accountById(tx, row.account) }
      })
      if (found?.account === undefined) return undefined
      if (now - found.row.lastUsedAt > touchEveryMs && database.readOnly() === undefined) {
        await database.write(tx => touchSession(tx, sessionId, now, now + sessionMs))
      }
      return { account: found.account, sessionId, csrf: csrf.token(sessionBinding(sessionId)) }
    },
    end: async sessionId => {
      await database.write(tx => deleteSession(tx, sessionId))
      return cookies.clear('session')
    },
  }
}

/** What the forms of a signed-in person are bound to. */
export function sessionBinding(sessionId: string): string {
  return `session:${sessionId}`
}

function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}
