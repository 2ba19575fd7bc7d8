/** Forms that change something are ours: a token bound to the session or the browser, and the Origin header. */
import { createHmac, createSecretKey, hkdfSync, timingSafeEqual } from 'node:crypto'
import { Refusal } from '../../kernel/errors.ts'

/** Tokens of forms. */
export interface Csrf {
  /** The token of a form. `binding`: `session:<id>` or `browser:<id>`. */
  token(binding: string): string
  /** Throws Refusal 'forbidden' unless the token is of this binding and the request came from a page of this server. */
  assert(form: FormProof): void
}

/** What a posted form brings to show that it is ours. */
export interface FormProof {
  readonly binding: string
  readonly token: string
  readonly origin: string | undefined
  /** The Host that was asked for, as the kernel knows it. */
  readonly host: string
}

export interface CsrfDeps {
  /** PDS_JWT_SECRET; a key of its own is derived from it. */
  readonly secret: string
  readonly publicUrl: string
  /** In development a page may be open under any name of this machine. */
  readonly production: boolean
}

/** Makes and checks the tokens of forms. */
export function createCsrf(deps: CsrfDeps): Csrf {
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', deps.secret, '', 'leaf csrf v1', 32)))
  const publicOrigin = new URL(deps.publicUrl).origin
  const mac = (binding: string) => createHmac('sha256', key).update(binding).digest()
  const isOurs = (origin: string, host: string) =>
    origin === publicOrigin || (!deps.production && origin === `http://${host}`)
  return {
    token: binding => mac(binding).toString('base64url'),
    assert: ({ binding, token, origin, host }) => {
      const given = Buffer.from(token, 'base64url')
      const expected = mac(binding)
      const right = given.length === expected.length && timingSafeEqual(given, expected)
      // Every browser of today sends Origin with a POST; a program that sends none still needs the token.
      if (!right || (origin !== undefined && !isOurs(origin, host))) {
        throw new Refusal(
          'forbidden',
          'this form is not, or no longer, one of this server; please load the page anew',
        )
      }
    },
  }
}
