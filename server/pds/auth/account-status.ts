/** An account comes to life, rests, or goes: one transaction each, with its events. */
import type { Clock } from '../../kernel/clock.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import { type Account, accountById, deleteAccount, setDeleteAfter, setStatus } from '../database/accounts.ts'
import { deleteAppPasswordsOf } from '../database/app-passwords.ts'
import { deleteEmailTokensOf } from '../database/email-tokens.ts'
import { deleteIdentitiesOf } from '../database/identities.ts'
import { deleteEventsOf } from '../database/sequencer.ts'
import { deleteSessionsOf } from '../database/sessions.ts'
import type { AssertServedHere } from '../identity/served-here.ts'
import type { Repositories } from '../repo/acts.ts'
import { repoLocks, type Sequencer } from '../sync/events.ts'
import { refuse } from '../xrpc/refuse.ts'

/** Activation, deactivation and deletion of accounts. */
export interface AccountStatusActs {
  /** Throws InvalidRequest unless the account's DID names this server and its key. An active account stays as it is. */
  activate(accountId: number): Promise<void>
  /** `deleteAfter` (milliseconds) is kept as the person's wish; nothing is deleted by itself. */
  deactivate(accountId: number, deleteAfter: number | null): Promise<void>
  /** Everything goes: repository, blobs, sessions, ways in. The DID is the person's and is not touched. */
  remove(accountId: number): Promise<void>
}

export interface AccountStatusDeps {
  readonly database: Database
  readonly clock: Clock
  readonly assertServedHere: AssertServedHere
  readonly repositories: Pick<Repositories, 'recommit' | 'removeAll'>
  readonly sequencer: Pick<Sequencer, 'account' | 'identity'>
  /** Drops what is kept in memory of an account. */
  readonly forget: (account: Pick<Account, 'id' | 'did'>) => void
}

/** Activation, deactivation, deletion. */
export function createAccountStatus(deps: AccountStatusDeps): AccountStatusActs {
  const { database, clock } = deps
  const load = async (id: number): Promise<Account> => {
    const account = await database.read(tx => accountById(tx, id))
    if (account === undefined) throw refuse('AccountNotFound', 'user not found')
    return account
  }
  /** Runs `change` on the account as it is within the transaction. */
  const change = async (id: number, act: (tx: Tx, account: Account) => Promise<void>) => {
    const { did } = await load(id)
    await database.write(
      async tx => {
        const account = await accountById(tx, id)
        if (account === undefined) throw refuse('AccountNotFound', 'user not found')
        await act(tx, account)
      },
      { locks: repoLocks(did) },
    )
  }
  return {
    activate: async id => {
      await deps.assertServedHere(await load(id))
      await change(id, (tx, account) => activate(tx, account, deps))
    },
    deactivate: (id, deleteAfter) =>
      change(id, async (tx, account) => {
        await setDeleteAfter(tx, id, deleteAfter)
        // A takedown is not lifted by resting.
        if (account.status !== 'active') return
        await setStatus(tx, id, 'deactivated', clock.now())
        await deps.sequencer.account(tx, { did: account.did, active: false, status: 'deactivated' })
      }),
    remove: async id => {
      const account = await load(id)
      await change(id, tx => remove(tx, account, deps))
      deps.forget(account)
    },
  }
}

/** The events come in the order that relays need: that it lives, who it is, and a commit signed with today's key. */
async function activate(tx: Tx, account: Account, deps: AccountStatusDeps): Promise<void> {
  const { id, did, handle, status } = account
  if (status === 'active') return
  if (status !== 'deactivated') throw refuse('AccountTakedown', 'Account has been taken down')
  await setStatus(tx, id, 'active', null)
  await setDeleteAfter(tx, id, null)
  await deps.sequencer.account(tx, { did, active: true })
  await deps.sequencer.identity(tx, { did, ...(handle === null ? {} : { handle }) })
  await deps.repositories.recommit(tx, id)
}

async function remove(tx: Tx, { id, did }: Account, deps: AccountStatusDeps): Promise<void> {
  await deps.repositories.removeAll(tx, id)
  await deleteSessionsOf(tx, id, '')
  await deleteAppPasswordsOf(tx, id)
  await deleteIdentitiesOf(tx, id)
  await deleteEmailTokensOf(tx, id)
  await deleteAccount(tx, id)
  const seq = await deps.sequencer.account(tx, { did, active: false, status: 'deleted' })
  // Its last word stays; what it wrote before does not.
  await deleteEventsOf(tx, did, seq)
}
