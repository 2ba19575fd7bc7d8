/**
 * The creation of an account, one act for every way in. What spans Leaf and the directory is a pending row, the call, and
 * one transaction that makes account, repository and events; `creation-sweeper.ts` finishes or undoes what was cut off.
 */
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Logger } from '../../kernel/log.ts'
import type { IdentityCreation, PreparedIdentity } from '../identity/creation.ts'
import type { Handles } from '../identity/handles.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { AccountWish, CreatedAccount } from './account-wish.ts'
import { type BringDeps, bringAccount } from './bring-account.ts'
import { normalizeEmail } from './email-address.ts'
import { type FinishDeps, finishCreation, undoCreation } from './finish-creation.ts'
import { newPasswordCharsMax, type Passwords } from './password.ts'
import { reserveCreation } from './reserve-creation.ts'
import { assertMaySignUp, type SignUpPolicy } from './sign-up-policy.ts'

/** Creates an account, whichever way somebody comes. Throws the refusals of `createAccount` in the reference's words. */
export type CreateAccount = (wish: AccountWish) => Promise<CreatedAccount>

export interface CreateAccountDeps extends FinishDeps, BringDeps {
  readonly clock: Clock
  readonly policy: SignUpPolicy
  readonly identity: IdentityCreation
  readonly handles: Pick<Handles, 'forNewAccount' | 'forUpdate' | 'isOurs'>
  readonly passwords: Passwords
  readonly log: Logger
}

/** Creates accounts. */
export function createCreateAccount(deps: CreateAccountDeps): CreateAccount {
  return async wish => {
    const { way } = wish
    const { takesInvite } = assertMaySignUp(deps.policy, way.kind, wish.inviteCode)
    const secrets = await checkedSecrets(wish, deps)
    const common = { ...secrets, inviteCode: takesInvite ? (wish.inviteCode ?? null) : null }
    if (way.kind === 'migration') {
      return bringAccount({ ...common, did: way.did, handle: wish.handle, proof: way.proof }, deps)
    }
    const handle = deps.handles.forNewAccount(wish.handle)
    const { recoveryKey } = wish
    const prepared = deps.identity.prepareIdentity({
      handle,
      ...(recoveryKey === undefined ? {} : { recoveryKey }),
    })
    await reserveCreation({ ...common, handle, prepared, way, recoveryKey: recoveryKey ?? null }, deps)
    await publish(prepared, deps)
    return finishCreation(prepared.did, deps)
  }
}

/** Checks e-mail and password, before anything is reserved. */
async function checkedSecrets(wish: AccountWish, deps: CreateAccountDeps) {
  const { password } = wish
  if (password !== undefined && password.length > newPasswordCharsMax) {
    throw refuse('InvalidRequest', `Password too long. Maximum length is ${newPasswordCharsMax} characters.`)
  }
  if (wish.way.kind === 'password' && (wish.email ?? '') === '')
    throw refuse('InvalidRequest', 'Email is required')
  const email = (wish.email ?? '') === '' ? null : normalizeEmail(wish.email ?? '')
  return {
    email,
    emailConfirmedAt: email !== null && wish.emailConfirmed === true ? deps.clock.now() : null,
    passwordHash: (password ?? '') === '' ? null : await deps.passwords.hash(password ?? ''),
  }
}

/** Sends the operation; when it is certain that the directory does not have it, the reservation is undone. */
async function publish(prepared: PreparedIdentity, deps: CreateAccountDeps): Promise<void> {
  const { did, operation } = prepared
  try {
    await deps.identity.publishIdentity(did, operation)
  } catch (error) {
    // The operation may have arrived though no answer came back.
    const published = await deps.identity.isPublished(did).catch(() => undefined)
    if (published === true) return
    if (published === false) await undoCreation(did, deps)
    deps.log.warn({ error, did, undone: published === false }, 'the directory did not take a new identity')
    if (error instanceof Refusal && error.code === 'invalid') throw error
    const then =
      published === false
        ? 'please try again'
        : 'in a few minutes the account is there, or its handle is free again'
    throw refuse('UpstreamFailure', `the identity directory could not be reached; ${then}`, error)
  }
}
