/** Logging in and out: a signed challenge becomes a token, once. */
import { hash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import type { Random } from '../../kernel/random.ts'
import type { KeyHex, Mesh, PresenceProof, ServerName } from '../contract.ts'
import type { SkrepkaSettings } from '../config.ts'
import {
  countSessions,
  endOfLargestNetwork,
  endSession,
  endSessions,
  hasSession,
  insertSession,
  type SessionRow,
  sweepSessions,
  useChallenge,
} from '../database/sessions.ts'
import { isStrictPoint, verifyStrict } from '../mesh/ed25519.ts'
import { proofAgeMsMax, signedText } from '../mesh/proof.ts'
import type { Addresses } from './addresses.ts'
import type { Challenges } from './challenges.ts'
import type { Session, Sessions } from './sessions.ts'

/** Where a request comes from. */
export interface From {
  readonly address: string
  readonly forwarded: boolean
}

export interface LoginClaim {
  readonly key: KeyHex
  readonly challenge: string
  /** 128 hex digits. */
  readonly signature: string
  /** Absent in requests of one generation of clients. */
  readonly revokeOthers: boolean | undefined
}

export interface Login {
  challenge(
    key: KeyHex,
    from: From,
  ): { readonly challenge: string; readonly expiresAt: number; readonly r: string } | undefined
  /** A token, or undefined: the claim does not hold. */
  verify(
    claim: LoginClaim,
    from: From,
  ): Promise<{ readonly token: string; readonly expiresAt: number } | undefined>
  logout(session: Session): Promise<void>
  /** Removes sessions and used challenges that are over. */
  sweep(): Promise<void>
}

export interface LoginDependencies {
  readonly settings: SkrepkaSettings
  readonly serverHost: ServerName
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly addresses: Addresses
  readonly challenges: Challenges
  readonly sessions: Sessions
  readonly mesh: Pick<Mesh, 'present' | 'announce' | 'absent'>
}

const tokenBytes = 24
/** Sessions above the bound that one login ends at most: it may have been lowered. */
const evictionsMax = 20

export function createLogin(deps: LoginDependencies): Login {
  const { settings, database, clock, addresses, challenges, sessions, mesh } = deps

  const begin = async (tx: Tx, row: SessionRow, claim: LoginClaim, proof: PresenceProof) => {
    const challenge = Buffer.from(claim.challenge, 'hex')
    if (!(await useChallenge(tx, challenge, row.createdAt + 2 * settings.challengeExpiry))) return undefined
    const keep = claim.revokeOthers === true ? 0 : settings.maxSessionsPerKey - 1
    const ended = await endSessions(tx, claim.key, keep)
    const above = (await countSessions(tx)) + 1 - settings.maxSessions
    for (let left = Math.min(above, evictionsMax); left > 0; left -= 1) {
      ended.push(...(await endOfLargestNetwork(tx)))
    }
    await insertSession(tx, row)
    const announce = await mesh.present(tx, { key: claim.key, expiresAt: row.expiresAt, proof })
    return { ended, announce }
  }

  return {
    challenge: (key, { address, forwarded }) =>
      challenges.make(key, { address, bound: addresses.bind(address, forwarded) }),

    verify: async (claim, { address, forwarded }) => {
      const bound = addresses.bind(address, forwarded)
      const known = challenges.find(claim.challenge, claim.key, { address, bound })
      if (known === undefined) return undefined
      const signed = signedForm(claim, deps)
      if (signed === undefined) return undefined
      const token = Buffer.from(deps.random.bytes(tokenBytes)).toString('hex')
      const nowMs = clock.now()
      const row: SessionRow = {
        tokenHash: hash('sha256', token, 'buffer'),
        key: claim.key,
        createdAt: nowMs,
        expiresAt: nowMs + settings.sessionExpiry,
        proofUntil: known.atMs + proofAgeMsMax,
        address: bound,
        network: addresses.network(address),
        legacy: claim.revokeOthers === undefined,
      }
      const proof: PresenceProof = {
        challenge: claim.challenge,
        r: known.r,
        signature: claim.signature,
        ...(signed.boundHost === undefined ? {} : { boundHost: signed.boundHost }),
      }
      const begun = await database.write(tx => begin(tx, row, claim, proof))
      if (begun === undefined) return undefined
      sessions.ended(begun.ended)
      sessions.begun(row)
      if (begun.announce) mesh.announce(claim.key)
      return { token, expiresAt: row.expiresAt }
    },

    logout: async ({ tokenHash, key }) => {
      const ended = await database.write(async tx => {
        const hashes = await endSession(tx, tokenHash)
        if (hashes.length > 0 && !(await hasSession(tx, key, clock.now()))) await mesh.absent(tx, key)
        return hashes
      })
      sessions.ended(ended)
    },

    sweep: async () => {
      const nowMs = clock.now()
      sessions.ended(await database.write(tx => sweepSessions(tx, nowMs)))
    },
  }
}

/** Which of the texts that clients sign was signed; undefined: none. */
function signedForm(
  { key, challenge, signature }: LoginClaim,
  { serverHost, settings }: Pick<LoginDependencies, 'serverHost' | 'settings'>,
): { readonly boundHost?: string } | undefined {
  const publicKey = Buffer.from(key, 'hex')
  if (!isStrictPoint(publicKey)) return undefined
  const bytes = Buffer.from(signature, 'hex')
  if (!settings.requireBoundAuth && verifyStrict(publicKey, signedText(challenge), bytes)) return {}
  // Clients bind to the name alone; ours to the whole of what they were told.
  for (const boundHost of new Set([serverHost.replace(/:\d+$/, ''), serverHost])) {
    if (verifyStrict(publicKey, signedText(challenge, boundHost), bytes)) return { boundHost }
  }
  return undefined
}
