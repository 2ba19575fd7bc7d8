/** Who holds which token. Where one process is the only one, sessions in use are kept in memory. */
import { hash } from 'node:crypto'
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/storage/database.ts'
import type { KeyHex } from '../contract.ts'
import { readSession, type SessionRow } from '../database/sessions.ts'
import type { Addresses } from './addresses.ts'

/** A token in use. */
export interface Session {
  /** Of the token, base64: names the session in memory. */
  readonly id: string
  readonly tokenHash: Uint8Array
  readonly key: KeyHex
  readonly legacy: boolean
  readonly proofUntil: number
  readonly address: string
  expiresAt: number
  /** When its poll last refreshed its key's presence. Milliseconds since the epoch. */
  presentAt: number
}

export interface Sessions {
  /** The session of an `Authorization` header, if it is good here and now. */
  find(
    authorization: string | undefined,
    from: { readonly address: string; readonly forwarded: boolean },
  ): Session | undefined | Promise<Session | undefined>
  /** After the commit that made it. */
  begun(row: SessionRow): void
  /** After the commit that ended them. */
  ended(tokenHashes: readonly Uint8Array[]): void
  /** The number of those in memory. */
  count(): number
}

const scheme = 'Bearer '
const tokenLength = 48

/** Sessions that are kept; each takes some hundred bytes. */
const keptMax = 50_000

export function createSessions(deps: {
  readonly database: Database
  readonly clock: Clock
  readonly addresses: Addresses
}): Sessions {
  const { database, clock, addresses } = deps
  const kept = createBoundedMap<string, Session>(database.engine === 'sqlite' ? keptMax : 0)
  /** How often sessions were ended: one that was read before must not be kept after. */
  let endings = 0

  const isGood = (session: Session, from: { address: string; forwarded: boolean }): boolean =>
    session.expiresAt > clock.now() &&
    (session.address === '' || session.address === addresses.bind(from.address, from.forwarded))

  const load = async (
    tokenHash: Buffer,
    id: string,
    from: { readonly address: string; readonly forwarded: boolean },
  ): Promise<Session | undefined> => {
    const before = endings
    const row = await readSession(database.direct, tokenHash)
    if (row === undefined) return undefined
    const session = sessionOf(row, id, row.createdAt)
    if (endings === before) kept.set(id, session)
    return isGood(session, from) ? session : undefined
  }

  return {
    find: (authorization, from) => {
      if (authorization === undefined || !authorization.startsWith(scheme)) return undefined
      const token = authorization.slice(scheme.length)
      if (token.length !== tokenLength) return undefined
      const id = hash('sha256', token, 'base64')
      const session = kept.get(id)
      if (session === undefined) return load(Buffer.from(id, 'base64'), id, from)
      return isGood(session, from) ? session : undefined
    },
    begun: row => {
      const id = Buffer.from(row.tokenHash).toString('base64')
      kept.set(id, sessionOf(row, id, row.createdAt))
    },
    ended: tokenHashes => {
      if (tokenHashes.length === 0) return
      endings += 1
      for (const tokenHash of tokenHashes) kept.delete(Buffer.from(tokenHash).toString('base64'))
    },
    count: () => kept.size,
  }
}

function sessionOf(row: SessionRow, id: string, presentAt: number): Session {
  const { tokenHash, key, legacy, proofUntil, address, expiresAt } = row
  return { id, tokenHash, key, legacy, proofUntil, address, expiresAt, presentAt }
}
