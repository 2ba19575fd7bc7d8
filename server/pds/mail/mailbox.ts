/** Development's mail: it goes nowhere but into a table that a page shows. */
import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { insertMail, listMail, type MailRow } from '../database/mail.ts'
import type { Mail } from './mail.ts'

/** Letters that are kept. */
export const mailboxLettersMax = 100

/** Mail that can be looked at. */
export interface Mailbox extends Mail {
  /** The kept letters, newest first. */
  list(): Promise<readonly MailRow[]>
}

/** A mailbox for everybody. */
export function createMailbox(deps: { readonly database: Database; readonly clock: Clock }): Mailbox {
  const { database, clock } = deps
  return {
    send: async ({ to, subject, text }) => {
      const row = { recipient: to, subject, body: text, createdAt: clock.now() }
      await database.write(tx => insertMail(tx, row, mailboxLettersMax))
    },
    list: () => database.read(tx => listMail(tx, mailboxLettersMax)),
  }
}
