/** com.atproto.server.*: what goes by mail, and the end of an account. */
import { get, post } from '../support/http.ts'
import { type Case, keepMembers, kept, type World } from './case.ts'

const ns = 'com.atproto.server'
const email = 'dora@example.com'
const password = 'the password of dora'
const wrongCode = 'AAAAA-BBBBB'

/** A call by Dora, with the token of her first session. */
const dora = (method: string, name: string, body?: unknown): Case => ({
  name: `${method}: ${name}`,
  call: w => post(`${ns}.${method}`, body, { token: kept(w, 'dora.accessJwt') }),
})
/** The same, with the code that came by mail. */
const withCode = (method: string, name: string, body: (code: string, w: World) => unknown): Case => ({
  name: `${method}: ${name}`,
  call: async w =>
    post(`${ns}.${method}`, body(await w.mailToken(email), w), { token: kept(w, 'dora.accessJwt') }),
})
const noToken = (method: string, body?: unknown): Case => ({
  name: `${method}: no token`,
  call: () => post(`${ns}.${method}`, body),
})

export const mailCases: readonly Case[] = [
  {
    name: 'createAccount: one that will end',
    call: () => post(`${ns}.createAccount`, { handle: 'dora.test', email, password }),
    keep: keepMembers('dora', 'did', 'accessJwt', 'refreshJwt'),
  },
  noToken('requestEmailConfirmation'),
  dora('confirmEmail', 'a wrong code', { email, token: wrongCode }),
  dora('requestEmailConfirmation', 'a letter'),
  dora('confirmEmail', 'no code', { email }),
  withCode('confirmEmail', 'another address', code => ({ email: 'other@example.com', token: code })),
  withCode('confirmEmail', 'the code', code => ({ email, token: code })),
  withCode('confirmEmail', 'the same code again', code => ({ email, token: code })),
  noToken('confirmEmail', { email, token: wrongCode }),
  noToken('requestEmailUpdate'),
  dora('updateEmail', 'no code where one is needed', { email: 'dora2@example.com' }),
  dora('requestEmailUpdate', 'a letter'),
  dora('updateEmail', 'a wrong code', { email: 'dora2@example.com', token: wrongCode }),
  dora('updateEmail', 'no address', {}),
  withCode('updateEmail', 'a taken address', code => ({ email: 'alice@example.com', token: code })),
  withCode('updateEmail', 'a bad address', code => ({ email: 'nowhere', token: code })),
  noToken('updateEmail', { email: 'x@example.com' }),
  {
    name: 'requestPasswordReset: unknown',
    call: () => post(`${ns}.requestPasswordReset`, { email: 'no@example.com' }),
  },
  { name: 'requestPasswordReset: no address', call: () => post(`${ns}.requestPasswordReset`, {}) },
  { name: 'requestPasswordReset: a letter', call: () => post(`${ns}.requestPasswordReset`, { email }) },
  {
    name: 'resetPassword: a wrong code',
    call: () => post(`${ns}.resetPassword`, { token: wrongCode, password: 'another password' }),
  },
  {
    name: 'resetPassword: the code',
    call: async w => post(`${ns}.resetPassword`, { token: await w.mailToken(email), password }),
  },
  {
    name: 'getSession: after the password was reset',
    call: w => get(`${ns}.getSession`, {}, { token: kept(w, 'dora.accessJwt') }),
  },
  {
    name: 'refreshSession: after the password was reset',
    call: w => post(`${ns}.refreshSession`, undefined, { token: kept(w, 'dora.refreshJwt') }),
  },
  {
    name: 'createSession: after the password was reset',
    call: () => post(`${ns}.createSession`, { identifier: 'dora.test', password }),
    keep: keepMembers('dora', 'accessJwt', 'refreshJwt'),
  },
  noToken('requestAccountDelete'),
  dora('requestAccountDelete', 'a letter'),
  {
    name: 'deleteAccount: a wrong code',
    call: w => post(`${ns}.deleteAccount`, { did: kept(w, 'dora.did'), password, token: wrongCode }),
  },
  {
    name: 'deleteAccount: a wrong password',
    call: async w =>
      post(`${ns}.deleteAccount`, {
        did: kept(w, 'dora.did'),
        password: 'wrong',
        token: await w.mailToken(email),
      }),
  },
  {
    name: 'deleteAccount: an unknown account',
    call: () =>
      post(`${ns}.deleteAccount`, { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', password, token: wrongCode }),
  },
  { name: 'deleteAccount: nothing said', call: () => post(`${ns}.deleteAccount`, {}) },
  {
    name: 'deleteAccount: the code',
    call: async w =>
      post(`${ns}.deleteAccount`, { did: kept(w, 'dora.did'), password, token: await w.mailToken(email) }),
  },
  {
    name: 'getSession: of a deleted account',
    call: w => get(`${ns}.getSession`, {}, { token: kept(w, 'dora.accessJwt') }),
  },
  {
    name: 'createSession: of a deleted account',
    call: () => post(`${ns}.createSession`, { identifier: 'dora.test', password }),
  },
  {
    name: 'sync.getRepo: of a deleted account',
    call: w => get('com.atproto.sync.getRepo', { did: kept(w, 'dora.did') }),
  },
  {
    name: 'sync.getRepoStatus: of a deleted account',
    call: w => get('com.atproto.sync.getRepoStatus', { did: kept(w, 'dora.did') }),
  },
  {
    name: 'resolveHandle: of a deleted account',
    call: () => get('com.atproto.identity.resolveHandle', { handle: 'dora.test' }),
  },
  {
    name: 'createAccount: the handle of a deleted account',
    call: () => post(`${ns}.createAccount`, { handle: 'dora.test', email, password }),
  },
]
