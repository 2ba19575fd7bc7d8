import { Refusal } from '../../kernel/errors.ts'
import type { Mail } from './mail.ts'

/** In production without SMTP: what needs mail says that there is none. */
export const noMail: Mail = {
  send: async () => {
    throw new Refusal('unavailable', 'this server cannot send mail; whoever runs it can set it up', {
      name: 'MailNotConfigured',
    })
  },
}
