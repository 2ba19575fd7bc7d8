/** Who polls stays present here, for as long as her session lasts. */
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import type { Mesh } from '../contract.ts'
import type { SkrepkaSettings } from '../config.ts'
import { prolongSession } from '../database/sessions.ts'
import type { Session } from './sessions.ts'

/** Gives what a poll does for its session half a session's time after it was last done; undefined: nothing. Never fails. */
export function createPresence(deps: {
  readonly settings: Pick<SkrepkaSettings, 'sessionExpiry' | 'slidingSessions'>
  readonly database: Database
  readonly clock: Clock
  readonly log: Logger
  readonly mesh: Pick<Mesh, 'present' | 'announce'>
}): (session: Session) => Promise<void> | undefined {
  const { settings, database, clock, log, mesh } = deps
  const refresh = async (session: Session, nowMs: number): Promise<void> => {
    const until = Math.min(nowMs + settings.sessionExpiry, session.proofUntil)
    const expiresAt = settings.slidingSessions ? Math.max(session.expiresAt, until) : session.expiresAt
    try {
      const announce = await database.write(async tx => {
        if (expiresAt > session.expiresAt) await prolongSession(tx, session.tokenHash, expiresAt)
        return mesh.present(tx, { key: session.key, expiresAt, proof: undefined })
      })
      session.expiresAt = expiresAt
      if (announce) mesh.announce(session.key)
    } catch (error) {
      // The poll itself may still find mail.
      log.warn({ error }, 'a presence could not be refreshed')
    }
  }

  return session => {
    const nowMs = clock.now()
    if (Math.abs(nowMs - session.presentAt) < settings.sessionExpiry / 2) return undefined
    session.presentAt = nowMs
    return refresh(session, nowMs)
  }
}
