/** What other systems of the house ask of its accounts. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../kernel/clock.ts'
import { Refusal } from '../kernel/errors.ts'
import type { Did } from '../kernel/identity/types.ts'
import type { Random } from '../kernel/random.ts'
import type { Database } from '../kernel/storage/database.ts'
import type { Authenticate } from './auth/credentials.ts'
import { signServiceJwt } from './auth/service-jwt.ts'
import { accountByDid } from './database/accounts.ts'
import type { IdentityRoom } from './identity-room.ts'

export interface ForOthers {
  /** Whether this DID has an account here that is in use. */
  isMember(did: string): Promise<boolean>
  /** Whether there is an account with this DID, in use or at rest. */
  exists(did: string): Promise<boolean>
  /** By which people know a DID here; undefined: nobody's, or without one. */
  handleOf(did: string): Promise<string | undefined>
  /** Who asks: by an access token, or by the cookie of a page of ours that asks for itself. Undefined: nobody we know. */
  didOf(request: IncomingMessage): Promise<Did | undefined>
  /** Calls `listener` after an account was deleted. Returns the end of it. */
  onRemoved(listener: (did: string) => void): () => void
  /** A token that this account signs for another service, as getServiceAuth gives it. Throws Refusal `missing`. */
  serviceToken(issuer: Did, audience: string, method: string): Promise<string>
}

interface ForOthersDependencies {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly authenticate: Authenticate
  readonly readPageSession: (
    cookie: string | undefined,
  ) => Promise<{ readonly account: { readonly did: Did } } | undefined>
  readonly signerFor: IdentityRoom['keys']['signerFor']
  readonly onRemoved: ForOthers['onRemoved']
}

export function createForOthers(deps: ForOthersDependencies): ForOthers {
  const { database, clock, random } = deps
  return {
    isMember: async did => (await accountByDid(database.direct, did))?.status === 'active',
    exists: async did => (await accountByDid(database.direct, did)) !== undefined,
    handleOf: async did => (await accountByDid(database.direct, did))?.handle ?? undefined,
    didOf: async ({ headers }) => {
      if (headers.authorization !== undefined) return bearer(deps.authenticate, headers.authorization)
      // A page of somebody else's brings the cookie along, too.
      if (headers['sec-fetch-site'] !== 'same-origin') return undefined
      return (await deps.readPageSession(headers.cookie))?.account.did
    },
    onRemoved: deps.onRemoved,
    serviceToken: async (issuer, audience, method) => {
      const key = await database.read(async tx => {
        const account = await accountByDid(tx, issuer)
        if (account === undefined) throw new Refusal('missing', 'this account is gone')
        return deps.signerFor(tx, account)
      })
      return signServiceJwt({ issuer, audience, method }, { clock, random, key })
    },
  }
}

async function bearer(authenticate: Authenticate, authorization: string): Promise<Did | undefined> {
  try {
    const credentials = await authenticate({ need: 'session' }, authorization, '')
    return credentials.kind === 'session' ? credentials.did : undefined
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}
