/** Signing in with an identifier and a password, of the account or of an app. */
import type { Database } from '../../kernel/storage/database.ts'
import { type Account, accountByEmail, accountByIdentifier } from '../database/accounts.ts'
import type { SessionKind } from '../database/sessions.ts'
import { refuse } from '../xrpc/refuse.ts'
import { findAppPassword } from './app-passwords.ts'
import { oldPasswordCharsMax, type Passwords } from './password.ts'

/** Who signed in, and what for. */
export interface LoggedIn {
  readonly account: Account
  readonly kind: Exclude<SessionKind, 'page'>
  readonly appPassword?: string
}

/** Who this is. Throws 401 AuthenticationRequired, in the same words and time whatever was wrong. */
export type LogIn = (wish: {
  /** A handle, a DID or an e-mail address. */
  readonly identifier: string
  readonly password: string
  /** Also the account's own password of an account that was taken down. */
  readonly allowTakendown: boolean
}) => Promise<LoggedIn>

const identifierCharsMax = 2_048

/** Checks identifiers and passwords. */
export function createLogIn(deps: { readonly database: Database; readonly passwords: Passwords }): LogIn {
  const { database, passwords } = deps
  return async ({ identifier, password, allowTakendown }) => {
    if (password.length > oldPasswordCharsMax) {
      throw refuse('AuthenticationRequired', 'Password too long. Consider resetting your password.')
    }
    const account = await findAccount(database, identifier)
    const takendown = account?.status === 'takendown' || account?.status === 'suspended'
    if (account !== undefined && !takendown) {
      const found = await database.read(tx => findAppPassword(tx, account.id, password))
      if (found !== undefined) {
        return { account, kind: found.privileged ? 'appPassPrivileged' : 'appPass', appPassword: found.name }
      }
    }
    // Also where nobody was found: an answer must not tell by its time whether there is such an account.
    const right = await passwords.verify(password, account?.passwordHash)
    if (account === undefined || !right) {
      throw refuse('AuthenticationRequired', 'Invalid identifier or password')
    }
    if (takendown && !allowTakendown) throw refuse('AccountTakedown', 'Account has been taken down')
    return { account, kind: takendown ? 'takendown' : 'access' }
  }
}

async function findAccount(database: Database, given: string): Promise<Account | undefined> {
  const identifier = given.trim().toLowerCase().replace(/^@/, '')
  if (identifier === '' || identifier.length > identifierCharsMax || identifier.includes('\0'))
    return undefined
  return database.read(tx =>
    identifier.includes('@') ? accountByEmail(tx, identifier) : accountByIdentifier(tx, identifier),
  )
}
