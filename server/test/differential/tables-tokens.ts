/** Tokens that look right and are not: re-signed with the server's own secret, so that only one thing is wrong. */
import { createHmac } from 'node:crypto'
import { get, post } from '../support/http.ts'
import { type Case, keepMembers, kept, type World } from './case.ts'

type Claims = Record<string, unknown>

/** What both servers sign their tokens with. */
export const jwtSecret = 'the-secret-of-both-servers-in-the-differential-test'

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (part: string | undefined) =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Claims
const seconds = (offset: number) => Math.floor(Date.now() / 1000) + offset

/** `token` with other claims or another header, signed well. */
function altered(token: string, claims: Claims, header: Claims = {}): string {
  const [head, body] = token.split('.')
  const input = `${encode({ ...decode(head), ...header })}.${encode({ ...decode(body), ...claims })}`
  return `${input}.${createHmac('sha256', jwtSecret).update(input).digest('base64url')}`
}

const session = (name: string, token: (w: World) => string, more: Partial<Case> = {}): Case => ({
  name: `getSession: ${name}`,
  call: w => get('com.atproto.server.getSession', {}, { token: token(w) }),
  ...more,
})
const refresh = (name: string, token: (w: World) => string, more: Partial<Case> = {}): Case => ({
  name: `refreshSession: ${name}`,
  call: w => post('com.atproto.server.refreshSession', undefined, { token: token(w) }),
  ...more,
})

export const tokenCases: readonly Case[] = [
  session('a token that was signed again without a change', w => altered(w.alice.accessJwt, {})),
  session('an expired token', w => altered(w.alice.accessJwt, { iat: seconds(-7200), exp: seconds(-60) })),
  session('a token for another audience', w =>
    altered(w.alice.accessJwt, { aud: 'did:web:other.example.com' }),
  ),
  session('a token of an unknown scope', w =>
    altered(w.alice.accessJwt, { scope: 'com.atproto.everything' }),
  ),
  session('a token of an unknown account', w =>
    altered(w.alice.accessJwt, { sub: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }),
  ),
  session('a token whose subject is no DID', w => altered(w.alice.accessJwt, { sub: 'alice' })),
  session(
    'a token without a signature',
    w => `${altered(w.alice.accessJwt, {}, { alg: 'none' }).replace(/[^.]+$/, '')}`,
  ),
  session('a token that says alg none', w => altered(w.alice.accessJwt, {}, { alg: 'none' })),
  session('a token of another type', w => altered(w.alice.accessJwt, {}, { typ: 'dpop+jwt' })),
  session('a token of four parts', w => `${w.alice.accessJwt}.more`),
  session('a very long token', () => 'x'.repeat(9000)),
  refresh('an expired token', w =>
    altered(w.alice.refreshJwt, { iat: seconds(-9_000_000), exp: seconds(-60) }),
  ),
  refresh('a token for another audience', w =>
    altered(w.alice.refreshJwt, { aud: 'did:web:other.example.com' }),
  ),
  {
    name: 'createSession: one to spoil',
    call: w =>
      post('com.atproto.server.createSession', { identifier: w.alice.handle, password: w.alice.password }),
    keep: keepMembers('spoiled', 'refreshJwt'),
  },
  // Leaf takes it for theft, and ends the session.
  refresh('a token of an unknown session', w => altered(kept(w, 'spoiled.refreshJwt'), { jti: 'unknown' })),
]
