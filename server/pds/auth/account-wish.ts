import type { Did } from '../../kernel/identity/types.ts'
import type { LinkedIdentity } from './pending-account.ts'

/** What somebody wants who wants an account. */
export interface AccountWish {
  readonly way:
    | { readonly kind: 'password' }
    /** `registration`: the key of the row of the handle page, which is used up. */
    | { readonly kind: 'provider'; readonly identity: LinkedIdentity; readonly registration: string }
    | {
        readonly kind: 'migration'
        readonly did: Did
        readonly proof: { readonly hash: string; readonly expiresAt: number }
      }
  readonly handle: string
  readonly email?: string
  readonly emailConfirmed?: boolean
  readonly password?: string
  readonly inviteCode?: string
  /** did:key of the person's own rotation key. */
  readonly recoveryKey?: string
}

/** An account that now stands. */
export interface CreatedAccount {
  readonly id: number
  readonly did: Did
  readonly handle: string
}
