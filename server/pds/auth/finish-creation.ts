import type { Clock } from '../../kernel/clock.ts'
import type { Did } from '../../kernel/identity/types.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import { accountByDid, accountByEmail, insertAccount, type NewAccount } from '../database/accounts.ts'
import { insertIdentity } from '../database/identities.ts'
import { returnInvite } from '../database/invites.ts'
import { putOauthState } from '../database/oauth-state.ts'
import { deletePending, type PendingRow, pendingByDid } from '../database/pending.ts'
import type { Repositories } from '../repo/acts.ts'
import { repoLocks, type Sequencer } from '../sync/events.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { CreatedAccount } from './account-wish.ts'
import { decodePending, type PendingAccount } from './pending-account.ts'

export interface FinishDeps {
  readonly database: Database
  readonly clock: Clock
  readonly repositories: Pick<Repositories, 'createEmpty'>
  readonly sequencer: Pick<Sequencer, 'identity' | 'account'>
}

/**
 * The second half of a creation, once the directory has the DID: account, first commit, events, identity link, in one
 * transaction. Whoever comes second finds the account that the first made.
 */
export async function finishCreation(did: Did, deps: FinishDeps): Promise<CreatedAccount> {
  return deps.database.write(
    async tx => {
      const row = await pendingByDid(tx, did)
      if (row === undefined || !(await deletePending(tx, did))) return finished(tx, did)
      return finish(tx, row, deps)
    },
    { locks: repoLocks(did) },
  )
}

async function finished(tx: Tx, did: Did): Promise<CreatedAccount> {
  const account = await accountByDid(tx, did)
  // Undone by a sweep, because this took so long that it seemed to be cut off.
  if (account === undefined) throw refuse('UpstreamTimeout', 'this took too long; please try again')
  return { id: account.id, did, handle: account.handle ?? '' }
}

async function finish(tx: Tx, row: PendingRow, deps: FinishDeps): Promise<CreatedAccount> {
  const { did, handle } = row
  const pending = decodePending(row.data)
  const now = deps.clock.now()
  const id = await addAccount(tx, { ...(await accountOf(tx, row, pending)), createdAt: now }, deps, true)
  if (pending.identity !== null) {
    const { emailVerified, ...identity } = pending.identity
    const verified = emailVerified ? 1 : 0
    const dates = { linkedAt: now, lastUsedAt: now }
    await insertIdentity(tx, { ...identity, ...dates, account: id, emailVerified: verified })
  }
  return { id, did, handle }
}

async function accountOf(
  tx: Tx,
  row: PendingRow,
  pending: PendingAccount,
): Promise<Omit<NewAccount, 'createdAt'>> {
  // Somebody else's address by now: the account goes without, rather than not at all.
  const taken = pending.email !== null && (await accountByEmail(tx, pending.email)) !== undefined
  return {
    did: row.did,
    handle: row.handle,
    email: taken ? null : pending.email,
    emailConfirmedAt: taken ? null : pending.emailConfirmedAt,
    passwordHash: pending.passwordHash,
    status: 'active',
    signingKey: pending.signingKey,
    signingKeySealed: row.signingKeySealed,
    rotationKey: pending.rotationKey,
    rotationKeySealed: row.rotationKeySealed,
    recoveryKey: pending.recoveryKey,
    inviteCode: pending.inviteCode,
  }
}

/** The account's row, its first commit and, if announced, its events in the order that relays expect. */
export async function addAccount(
  tx: Tx,
  account: NewAccount,
  deps: FinishDeps,
  announce: boolean,
): Promise<number> {
  const { did, handle, signingKeySealed } = account
  const id = await insertAccount(tx, account)
  if (announce) {
    await deps.sequencer.identity(tx, { did, handle })
    await deps.sequencer.account(tx, { did, active: true })
  }
  await deps.repositories.createEmpty(tx, { id, did, signingKeySealed }, { announce })
  return id
}

/** Undoes a creation whose DID the directory does not have: handle, invite and registration are free again. */
export async function undoCreation(did: Did, deps: Pick<FinishDeps, 'database'>): Promise<void> {
  await deps.database.write(async tx => {
    const row = await pendingByDid(tx, did)
    if (row === undefined || !(await deletePending(tx, did))) return
    const { inviteCode, registration } = decodePending(row.data)
    if (inviteCode !== null) await returnInvite(tx, inviteCode)
    if (registration !== null) await putOauthState(tx, registration)
  })
}
