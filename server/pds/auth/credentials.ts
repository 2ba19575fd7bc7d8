/** Who is calling, and who may. */
import type { Did } from '../../kernel/identity/types.ts'
import type { AccountStatus } from '../database/accounts.ts'

/** What a session token is good for, as its `scope` claim says on the wire. */
export type SessionScope =
  | 'com.atproto.access'
  | 'com.atproto.appPass'
  | 'com.atproto.appPassPrivileged'
  | 'com.atproto.takendown'

/** Who is calling. */
export type Credentials =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'session'
      readonly did: Did
      /** pds_accounts.id */
      readonly account: number
      readonly status: AccountStatus
      readonly sessionId: string
      readonly scope: SessionScope
    }
  | {
      readonly kind: 'refresh'
      readonly did: Did
      readonly account: number
      readonly sessionId: string
      readonly jti: string
      readonly token: string
    }
  /** A JWT that an account (ours or not) signed with its `#atproto` key for this server. */
  | {
      readonly kind: 'service'
      readonly issuer: Did
      readonly method: string | undefined
      /** SHA-256 of the token, hex: for a use that may happen once. */
      readonly tokenHash?: string
      /** When it expires. Milliseconds. */
      readonly expiresAt?: number
    }
  | { readonly kind: 'admin' }

/** Who may call a method. Faults are answered with the reference's names (AuthMissing, InvalidToken, ExpiredToken, …). */
export type AuthRule =
  | { readonly need: 'nothing' }
  /** A session if there is one; a bad token is still refused. */
  | { readonly need: 'optional' }
  | {
      readonly need: 'session'
      /** `full`: no app passwords. `privileged`: no ordinary app passwords. Default `any`. */
      readonly scope?: 'any' | 'privileged' | 'full'
      /** Statuses beside `active` that may call. Else 401 AccountDeactivated / AccountTakedown. */
      readonly also?: readonly AccountStatus[]
      /** Also a service JWT of one of our accounts for this method (`uploadBlob`). */
      readonly service?: boolean
    }
  /** A refresh token. `allowExpired`: also one whose time is over (`deleteSession`). */
  | { readonly need: 'refresh'; readonly allowExpired?: boolean }
  /** A service JWT of any DID for this method, or nothing (`createAccount`). */
  | { readonly need: 'optional-service' }

/** Checks `Authorization` against the rule. Throws refusals; gives credentials that satisfy the rule. */
export type Authenticate = (
  rule: AuthRule,
  authorization: string | undefined,
  nsid: string,
) => Promise<Credentials>
