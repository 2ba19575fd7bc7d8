import type { Did, Handle } from '../../kernel/identity/types.ts'
import { accountByDid } from '../database/accounts.ts'
import { pendingByDid } from '../database/pending.ts'
import { insertUsedToken } from '../database/used-tokens.ts'
import { repoLocks } from '../sync/events.ts'
import type { IdentityCreation } from '../identity/creation.ts'
import type { Handles } from '../identity/handles.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { CreatedAccount } from './account-wish.ts'
import { addAccount, type FinishDeps } from './finish-creation.ts'
import { assertEmailFree, assertHandleFree, assertInviteTaken, creationLocks } from './reserve-creation.ts'

/** An account for a DID that moves in. */
export interface BringWish {
  readonly did: Did
  /** As it was typed. */
  readonly handle: string
  readonly email: string | null
  readonly emailConfirmedAt: number | null
  readonly passwordHash: string | null
  readonly inviteCode: string | null
  /** The service token that proves the DID; good for one account. */
  readonly proof: { readonly hash: string; readonly expiresAt: number }
}

export interface BringDeps extends FinishDeps {
  readonly identity: Pick<IdentityCreation, 'validateExistingDid' | 'prepareKeys'>
  readonly handles: Pick<Handles, 'forUpdate' | 'isOurs'>
  /** What the outside says about a handle that is not ours. */
  readonly resolveHandle: (handle: Handle) => Promise<Did | undefined>
}

/**
 * An account for a DID that exists elsewhere: deactivated, and nothing is announced until it is activated here. The
 * directory is not touched, so one transaction does it.
 */
export async function bringAccount(wish: BringWish, deps: BringDeps): Promise<CreatedAccount> {
  const { did, email, emailConfirmedAt, passwordHash, inviteCode, proof } = wish
  await deps.identity.validateExistingDid(did)
  const handle = await handleOf(wish, deps)
  const keys = deps.identity.prepareKeys(did)
  const createdAt = deps.clock.now()
  return deps.database.write(
    async tx => {
      if ((await accountByDid(tx, did)) !== undefined || (await pendingByDid(tx, did)) !== undefined) {
        throw refuse('InvalidRequest', `there is an account of ${did} here already`)
      }
      await assertHandleFree(tx, handle)
      await assertEmailFree(tx, email)
      await assertInviteTaken(tx, inviteCode)
      if (!(await insertUsedToken(tx, proof.hash, proof.expiresAt))) {
        throw refuse('AuthenticationRequired', 'this service token was used already')
      }
      const account = { ...keys, did, handle, email, emailConfirmedAt, passwordHash, inviteCode, createdAt }
      const id = await addAccount(tx, { ...account, status: 'deactivated', recoveryKey: null }, deps, false)
      return { id, did, handle }
    },
    { locks: [...repoLocks(did), ...creationLocks(handle, email)] },
  )
}

/** Under our domains the usual rules hold; elsewhere the handle must already be the DID's. */
async function handleOf(wish: BringWish, deps: BringDeps): Promise<string> {
  const handle = deps.handles.forUpdate(wish.handle)
  if (!deps.handles.isOurs(handle) && (await deps.resolveHandle(handle)) !== wish.did) {
    throw refuse('InvalidRequest', 'External handle did not resolve to DID')
  }
  return handle
}
