/** Mail by SMTP. The library is loaded with the first letter. */
import type { Transporter } from 'nodemailer'
import { Refusal } from '../../kernel/errors.ts'
import type { Mail } from './mail.ts'

export interface SmtpDeps {
  /** `smtp[s]://user:password@host:port` */
  readonly url: string
  /** The sender. */
  readonly from: string
}

const connectMs = 10_000
const answerMs = 20_000

/** Sends mail through an SMTP server, one connection a letter. */
export function createSmtp({ url, from }: SmtpDeps): Mail {
  let transport: Promise<Transporter> | undefined
  return {
    send: async letter => {
      transport ??= openTransport(url)
      try {
        await (await transport).sendMail({ from, ...letter })
      } catch (cause) {
        throw new Refusal('upstream', 'the mail could not be sent; please try again later', { cause })
      }
    },
  }
}

async function openTransport(url: string): Promise<Transporter> {
  const { createTransport } = await import('nodemailer')
  const { hostname, port, protocol, username, password } = new URL(url)
  const secure = protocol === 'smtps:'
  const user = decodeURIComponent(username)
  return createTransport({
    host: hostname,
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    ...(user === '' ? {} : { auth: { user, pass: decodeURIComponent(password) } }),
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    socketTimeout: answerMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}
