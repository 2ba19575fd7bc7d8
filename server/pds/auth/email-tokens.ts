/** Tokens sent by mail that prove that somebody reads it: used once, for 15 minutes, with few attempts. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import type { Account } from '../database/accounts.ts'
import {
  countEmailTokenAttempt,
  deleteEmailToken,
  emailToken,
  emailTokenByHash,
  type EmailTokenRow,
  putEmailToken,
} from '../database/email-tokens.ts'
import type { Mail } from '../mail/mail.ts'
import { refuse } from '../xrpc/refuse.ts'
import { randomWord } from './random-word.ts'

/** What a mailed token is good for. */
export type EmailPurpose =
  | 'confirm_email'
  | 'update_email'
  | 'reset_password'
  | 'delete_account'
  | 'plc_operation'

/** How long a token is good. */
export const emailTokenMs = 15 * 60_000
/** Wrong ones after which it is good no more. */
const attemptsMax = 10

/** Issues and redeems tokens sent by mail. */
export interface EmailTokens {
  /** Sends a new token to the account's address. Throws InvalidRequest when it has none. */
  issue(account: Pick<Account, 'id' | 'email' | 'handle'>, purpose: EmailPurpose): Promise<void>
  /**
   * Uses a token up within the transaction; false when it is wrong or too old. A wrong one is counted only if the
   * transaction commits.
   */
  redeem(tx: Tx, account: number, purpose: EmailPurpose, token: string): Promise<boolean>
  /** Uses a token up in a transaction of its own. Throws InvalidToken or ExpiredToken. */
  spend(account: number, purpose: EmailPurpose, token: string): Promise<void>
  /** Uses up a token that somebody brings who said nothing else; gives the account. Throws as `spend`. */
  spendUnnamed(purpose: EmailPurpose, token: string): Promise<number>
}

export interface EmailTokensDeps {
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly mail: Mail
  /** Named in letters. */
  readonly hostname: string
}

/** Issues and redeems tokens sent by mail. */
export function createEmailTokens(deps: EmailTokensDeps): EmailTokens {
  const { database, clock, random, mail, hostname } = deps
  const judge = async (tx: Tx, row: EmailTokenRow | undefined, hash: string): Promise<Verdict> => {
    if (row === undefined || row.attempts >= attemptsMax) return 'invalid'
    if (!timingSafeEqual(Buffer.from(hash), Buffer.from(row.tokenHash))) {
      await countEmailTokenAttempt(tx, row.account, row.purpose)
      return 'invalid'
    }
    await deleteEmailToken(tx, row.account, row.purpose)
    return row.createdAt + emailTokenMs > clock.now() ? 'good' : 'expired'
  }
  return {
    issue: async ({ id, email, handle }, purpose) => {
      if (email === null) throw refuse('InvalidRequest', 'account does not have an email address')
      const token = randomWord(random).toUpperCase()
      const row = { account: id, purpose, tokenHash: hashOf(purpose, token), createdAt: clock.now() }
      await database.write(tx => putEmailToken(tx, row))
      await mail.send({ to: email, ...letterOf(purpose, { token, handle: handle ?? email, hostname }) })
    },
    redeem: async (tx, account, purpose, token) => {
      const row = await emailToken(tx, account, purpose)
      return (await judge(tx, row, hashOf(purpose, token))) === 'good'
    },
    spend: async (account, purpose, token) => {
      const hash = hashOf(purpose, token)
      assertGood(await database.write(async tx => judge(tx, await emailToken(tx, account, purpose), hash)))
    },
    spendUnnamed: async (purpose, token) => {
      const hash = hashOf(purpose, token)
      const { row, verdict } = await database.write(async tx => {
        const found = await emailTokenByHash(tx, purpose, hash)
        return { row: found, verdict: await judge(tx, found, hash) }
      })
      assertGood(verdict)
      return row?.account ?? 0
    },
  }
}

type Verdict = 'good' | 'expired' | 'invalid'

function assertGood(verdict: Verdict): void {
  if (verdict === 'expired') throw refuse('ExpiredToken', 'Token is expired')
  if (verdict === 'invalid') throw refuse('InvalidToken', 'Token is invalid')
}

/** People may type it in lower case, or with blanks around it. */
function hashOf(purpose: EmailPurpose, token: string): string {
  return createHash('sha256').update(`${purpose} ${token.trim().toUpperCase()}`).digest('hex')
}

interface LetterFacts {
  readonly token: string
  readonly handle: string
  readonly hostname: string
}

const subjects: Readonly<Record<EmailPurpose, string>> = {
  confirm_email: 'Confirm your e-mail address',
  update_email: 'Change your e-mail address',
  reset_password: 'Choose a new password',
  delete_account: 'Delete your account',
  plc_operation: 'Change your identity',
}

const reasons: Readonly<Record<EmailPurpose, string>> = {
  confirm_email: 'confirm that this e-mail address is yours',
  update_email: 'change the e-mail address of your account',
  reset_password: 'choose a new password',
  delete_account: 'delete your account and everything in it, for good',
  plc_operation: 'sign a change to your identity, for example to move to another server',
}

function letterOf(purpose: EmailPurpose, { token, handle, hostname }: LetterFacts) {
  const text = `Hello ${handle},

this is the code to ${reasons[purpose]} on ${hostname}:

    ${token}

It is good for 15 minutes and can be used once. If you did not ask for it, you need do nothing: without the code nothing
happens.
`
  return { subject: `${subjects[purpose]} (${hostname})`, text }
}
