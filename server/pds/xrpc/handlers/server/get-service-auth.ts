import { isAtprotoAudience } from '../../../auth/audience.ts'
import type { Clock } from '../../../../kernel/clock.ts'
import type { SigningKey } from '../../../../kernel/keys.ts'
import type { Random } from '../../../../kernel/random.ts'
import type { Database, ReadTx } from '../../../../kernel/storage/database.ts'
import type { SessionScope } from '../../../auth/credentials.ts'
import { signServiceJwt } from '../../../auth/service-jwt.ts'
import { isPrivilegedMethod, isProtectedMethod } from '../../../auth/service-methods.ts'
import { type Account, accountById } from '../../../database/accounts.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { sessionOf } from './session-of.ts'

interface Params {
  readonly aud: string
  /** Seconds since the epoch. */
  readonly exp?: number
  readonly lxm?: string
}

export interface GetServiceAuthDeps {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly signerFor: (
    tx: ReadTx,
    account: Pick<Account, 'id' | 'did' | 'signingKey'>,
  ) => Promise<Pick<SigningKey, 'sign'>>
}

/** com.atproto.server.getServiceAuth */
export function createGetServiceAuth(deps: GetServiceAuthDeps): XrpcMethod<Params> {
  const { database, clock } = deps
  return {
    nsid: 'com.atproto.server.getServiceAuth',
    type: 'query',
    auth: { need: 'session', also: ['deactivated', 'takendown', 'suspended'] },
    handle: async call => {
      const { account: id, did, scope } = sessionOf(call)
      const { aud, exp, lxm } = call.params
      if (!isAtprotoAudience(aud)) {
        throw refuse('InvalidRequest', 'aud must be a valid atproto DID or did#serviceId reference')
      }
      assertMayAsk(lxm, scope)
      assertExpiry(exp, lxm, clock.now())
      if (lxm !== undefined && isProtectedMethod(lxm)) {
        const why = `cannot request a service auth token for the following protected method: ${lxm}`
        throw refuse('InvalidRequest', why)
      }
      const key = await database.read(async tx => {
        const account = await accountById(tx, id)
        if (account === undefined) throw refuse('AccountNotFound', 'Account not found')
        return deps.signerFor(tx, account)
      })
      const wish = { issuer: did, audience: aud, method: lxm }
      // 0 is no expiry to the reference, and so it is here.
      const request = exp === undefined || exp === 0 ? wish : { ...wish, expiresAtS: exp }
      return { json: { token: signServiceJwt(request, { clock, random: deps.random, key }) } }
    },
  }
}

function assertMayAsk(lxm: string | undefined, scope: SessionScope): void {
  if (scope === 'com.atproto.takendown' && lxm !== 'com.atproto.server.createAccount') {
    throw refuse('InvalidToken', 'Bad token scope')
  }
  if (lxm !== undefined && isPrivilegedMethod(lxm) && scope === 'com.atproto.appPass') {
    const why = `insufficient access to request a service auth token for the following method: ${lxm}`
    throw refuse('InvalidRequest', why)
  }
}

function assertExpiry(exp: number | undefined, lxm: string | undefined, now: number): void {
  if (exp === undefined || exp === 0) return
  const leftMs = exp * 1000 - now
  if (leftMs < 0) throw refuse('BadExpiration', 'expiration is in past')
  if (leftMs > 3_600_000) {
    throw refuse('BadExpiration', 'cannot request a token with an expiration more than an hour in the future')
  }
  if (lxm === undefined && leftMs > 60_000) {
    throw refuse(
      'BadExpiration',
      'cannot request a method-less token with an expiration more than a minute in the future',
    )
  }
}
