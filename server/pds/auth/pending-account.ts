/** What is kept of an account while its DID is on its way to the directory. */
import { Corruption } from '../../kernel/errors.ts'
import type { PlcOperation } from '../../kernel/identity/types.ts'
import type { DidKey } from '../../kernel/keys.ts'
import type { OauthStateRow } from '../database/oauth-state.ts'

/** Who somebody is at a sign-in provider. */
export interface LinkedIdentity {
  readonly provider: string
  readonly providerId: string
  readonly label: string
  readonly email: string | null
  readonly emailVerified: boolean
}

/** All that makes the account once its DID stands in the directory. */
export interface PendingAccount {
  readonly operation: PlcOperation
  readonly signingKey: DidKey
  readonly rotationKey: DidKey
  readonly recoveryKey: string | null
  readonly email: string | null
  readonly emailConfirmedAt: number | null
  readonly passwordHash: string | null
  readonly inviteCode: string | null
  readonly identity: LinkedIdentity | null
  /** What the handle page knew; put back when the creation is undone, so that the person can try again. */
  readonly registration: OauthStateRow | null
}

/** As it is stored. */
export function encodePending(pending: PendingAccount): string {
  return JSON.stringify(pending)
}

/** Reads what `encodePending` wrote; throws Corruption for anything else. */
export function decodePending(text: string): PendingAccount {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || !('operation' in value) || !('signingKey' in value)) {
    throw new Corruption('a pending account is not what was written')
  }
  return value as PendingAccount // written by encodePending alone; its shape is checked above
}
