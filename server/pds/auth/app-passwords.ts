/**
 * App passwords: `xxxx-xxxx-xxxx-xxxx`, one for each app, good for everything but the account itself. They are 80 random
 * bits, so a plain hash keeps them.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database, ReadTx } from '../../kernel/storage/database.ts'
import {
  appPasswordByHash,
  appPasswordsOf,
  countAppPasswords,
  deleteAppPassword,
  insertAppPassword,
} from '../database/app-passwords.ts'
import { deleteSessionsOfAppPassword } from '../database/sessions.ts'
import { refuse } from '../xrpc/refuse.ts'
import { randomBase32 } from './random-word.ts'

/** App passwords that an account has at most. */
export const appPasswordsMax = 100
const nameCharsMax = 100

/** An app password without its secret. */
export interface AppPassword {
  readonly name: string
  readonly privileged: boolean
  readonly createdAt: number
}

/** The app passwords of accounts. */
export interface AppPasswords {
  /** Makes one; its password is told only now. Throws InvalidRequest for a name that is taken or none. */
  create(
    account: number,
    wish: { readonly name: string; readonly privileged: boolean },
  ): Promise<AppPassword & { readonly password: string }>
  list(account: number): Promise<readonly AppPassword[]>
  /** Takes one back and ends the sessions it opened. */
  revoke(account: number, name: string): Promise<void>
}

/** Makes, lists and takes back app passwords. */
export function createAppPasswords(deps: {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
}): AppPasswords {
  const { database, clock, random } = deps
  return {
    create: async (account, wish) => {
      const { name, privileged } = wish
      if (name.trim() === '' || name.length > nameCharsMax || name.includes('\0')) {
        throw refuse('InvalidRequest', `expected a name of 1 to ${nameCharsMax} characters`)
      }
      const password = (randomBase32(random, 16).match(/.{4}/g) ?? []).join('-')
      const createdAt = clock.now()
      const outcome = await database.write(async tx => {
        if ((await countAppPasswords(tx, account)) >= appPasswordsMax) return 'full'
        const hash = hashOf(account, password)
        const row = { account, name, hash, privileged: privileged ? 1 : 0, createdAt }
        return (await insertAppPassword(tx, row)) ? 'made' : 'taken'
      })
      if (outcome === 'full')
        throw refuse('InvalidRequest', `an account has at most ${appPasswordsMax} app passwords`)
      if (outcome === 'taken')
        throw refuse('InvalidRequest', `there is an app password of this name already: ${name}`)
      return { name, password, privileged, createdAt }
    },
    list: async account => {
      const rows = await database.read(tx => appPasswordsOf(tx, account, appPasswordsMax))
      return rows.map(row => ({ name: row.name, privileged: row.privileged === 1, createdAt: row.createdAt }))
    },
    revoke: async (account, name) => {
      await database.write(async tx => {
        await deleteAppPassword(tx, account, name)
        await deleteSessionsOfAppPassword(tx, account, name)
      })
    },
  }
}

/** The app password that this is, if it is one. */
export async function findAppPassword(
  tx: ReadTx,
  account: number,
  password: string,
): Promise<AppPassword | undefined> {
  if (!/^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/.test(password)) return undefined
  const row = await appPasswordByHash(tx, account, hashOf(account, password))
  return row && { name: row.name, privileged: row.privileged === 1, createdAt: row.createdAt }
}

function hashOf(account: number, password: string): string {
  return createHash('sha256').update(`leaf app password\n${account}\n${password}`).digest('hex')
}
