import type { ReadTx } from '../../../../kernel/storage/database.ts'
import type { Credentials } from '../../../auth/credentials.ts'
import { type Account, type AccountStatus, accountByDid } from '../../../database/accounts.ts'
import { refuse } from '../../refuse.ts'

const refusals = {
  deactivated: ['RepoDeactivated', 'Repo has been deactivated'],
  suspended: ['RepoSuspended', 'Repo has been suspended'],
  takendown: ['RepoTakendown', 'Repo has been takendown'],
} as const

/**
 * The account whose repository may be read: an active one by everybody, any by its owner and the operator. Throws
 * RepoNotFound, RepoDeactivated, RepoSuspended, RepoTakendown.
 */
export async function readableAccount(tx: ReadTx, did: string, credentials: Credentials): Promise<Account> {
  const account = await accountByDid(tx, did)
  if (account === undefined) throw refuse('RepoNotFound', `Could not find repo for DID: ${did}`)
  const own = credentials.kind === 'admin' || (credentials.kind === 'session' && credentials.did === did)
  if (account.status === 'active' || own) return account
  const [name, sentence] = refusals[account.status]
  throw refuse(name, `${sentence}: ${did}`)
}

/** `active`, and why not, as the wire has it. */
export function statusOf(status: AccountStatus): { readonly active: boolean; readonly status?: string } {
  return status === 'active' ? { active: true } : { active: false, status }
}

/** Like the last but for a missing repository, where the wire has no word for it but RepoNotFound. */
export function noRepo(did: string): Error {
  return refuse('RepoNotFound', `Could not find root for DID: ${did}`)
}

export const carType = 'application/vnd.ipld.car'
