import type { Database } from '../../../../kernel/storage/database.ts'
import type { Credentials } from '../../../auth/credentials.ts'
import { type Account, accountById } from '../../../database/accounts.ts'
import { refuse } from '../../refuse.ts'
import { sessionOf } from './session-of.ts'

/** The account of a method whose rule needs a session. */
export async function accountOf(
  call: { readonly credentials: Credentials },
  database: Database,
): Promise<Account> {
  const { account: id } = sessionOf(call)
  const account = await database.read(tx => accountById(tx, id))
  if (account === undefined) throw refuse('AccountNotFound', 'Account not found')
  return account
}
