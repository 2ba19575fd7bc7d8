/** com.atproto.server.*: sessions and app passwords. */
import { get, post } from '../support/http.ts'
import { type Case, keepMembers, kept } from './case.ts'

const ns = 'com.atproto.server'
const logIn = (name: string, call: Case['call'], more: Partial<Case> = {}): Case => ({
  name: `createSession: ${name}`,
  call,
  ...more,
})

export const sessionCases: readonly Case[] = [
  logIn(
    'by handle',
    w => post(`${ns}.createSession`, { identifier: w.bob.handle, password: w.bob.password }),
    { keep: keepMembers('bob', 'accessJwt', 'refreshJwt') },
  ),
  logIn('by handle in capitals', w =>
    post(`${ns}.createSession`, { identifier: w.bob.handle.toUpperCase(), password: w.bob.password }),
  ),
  logIn('by DID', w => post(`${ns}.createSession`, { identifier: w.bob.did, password: w.bob.password })),
  logIn('by e-mail', w => post(`${ns}.createSession`, { identifier: w.bob.email, password: w.bob.password })),
  logIn(
    'a wrong password',
    w => post(`${ns}.createSession`, { identifier: w.bob.handle, password: 'wrong' }),
    {
      message: true,
    },
  ),
  logIn(
    'an unknown handle',
    () => post(`${ns}.createSession`, { identifier: 'nobody.test', password: 'wrong' }),
    {
      message: true,
    },
  ),
  logIn('no password', w => post(`${ns}.createSession`, { identifier: w.bob.handle })),
  logIn('a deactivated account', w =>
    post(`${ns}.createSession`, { identifier: w.carol.handle, password: w.carol.password }),
  ),
  logIn('a GET', () => get(`${ns}.createSession`, { identifier: 'x', password: 'y' })),
  { name: 'getSession', call: w => get(`${ns}.getSession`, {}, { token: w.alice.accessJwt }) },
  { name: 'getSession: deactivated', call: w => get(`${ns}.getSession`, {}, { token: w.carol.accessJwt }) },
  { name: 'getSession: no token', call: () => get(`${ns}.getSession`) },
  { name: 'getSession: a garbled token', call: () => get(`${ns}.getSession`, {}, { token: 'garbled' }) },
  {
    name: 'getSession: a token with a wrong signature',
    call: w => get(`${ns}.getSession`, {}, { token: `${w.alice.accessJwt.slice(0, -6)}AAAAAA` }),
  },
  {
    name: 'getSession: a refresh token',
    call: w => get(`${ns}.getSession`, {}, { token: w.alice.refreshJwt }),
  },
  {
    name: 'getSession: basic authorization',
    call: () => get(`${ns}.getSession`, {}, { headers: { authorization: 'Basic YWRtaW46d3Jvbmc=' } }),
  },
  {
    name: 'getSession: an empty bearer',
    call: () => get(`${ns}.getSession`, {}, { headers: { authorization: 'Bearer ' } }),
  },
  {
    name: 'getSession: an unknown scheme',
    call: () => get(`${ns}.getSession`, {}, { headers: { authorization: 'Whatever abc' } }),
  },
  {
    name: 'getSession: a POST',
    call: w => post(`${ns}.getSession`, undefined, { token: w.alice.accessJwt }),
  },
  {
    name: 'refreshSession',
    call: w => post(`${ns}.refreshSession`, undefined, { token: kept(w, 'bob.refreshJwt') }),
    keep: keepMembers('bob2', 'accessJwt', 'refreshJwt'),
  },
  {
    name: 'refreshSession: the old token once more, within the grace',
    call: w => post(`${ns}.refreshSession`, undefined, { token: kept(w, 'bob.refreshJwt') }),
  },
  {
    name: 'refreshSession: an access token',
    call: w => post(`${ns}.refreshSession`, undefined, { token: w.bob.accessJwt }),
  },
  { name: 'refreshSession: no token', call: () => post(`${ns}.refreshSession`) },
  {
    name: 'refreshSession: garbled',
    call: () => post(`${ns}.refreshSession`, undefined, { token: 'a.b.c' }),
  },
  {
    name: 'deleteSession: an access token',
    call: w => post(`${ns}.deleteSession`, undefined, { token: w.bob.accessJwt }),
  },
  {
    name: 'deleteSession',
    call: w => post(`${ns}.deleteSession`, undefined, { token: kept(w, 'bob2.refreshJwt') }),
  },
  {
    name: 'refreshSession: after the log-out',
    call: w => post(`${ns}.refreshSession`, undefined, { token: kept(w, 'bob2.refreshJwt') }),
  },
  { name: 'deleteSession: no token', call: () => post(`${ns}.deleteSession`) },
]

export const appPasswordCases: readonly Case[] = [
  {
    name: 'listAppPasswords: none',
    call: w => get(`${ns}.listAppPasswords`, {}, { token: w.alice.accessJwt }),
  },
  {
    name: 'createAppPassword',
    call: w => post(`${ns}.createAppPassword`, { name: 'phone' }, { token: w.alice.accessJwt }),
    keep: keepMembers('phone', 'password'),
  },
  {
    name: 'createAppPassword: the same name again',
    call: w => post(`${ns}.createAppPassword`, { name: 'phone' }, { token: w.alice.accessJwt }),
  },
  {
    name: 'createAppPassword: privileged',
    call: w =>
      post(`${ns}.createAppPassword`, { name: 'chat', privileged: true }, { token: w.alice.accessJwt }),
  },
  {
    name: 'createAppPassword: no name',
    call: w => post(`${ns}.createAppPassword`, {}, { token: w.alice.accessJwt }),
  },
  { name: 'createAppPassword: no token', call: () => post(`${ns}.createAppPassword`, { name: 'x' }) },
  { name: 'listAppPasswords', call: w => get(`${ns}.listAppPasswords`, {}, { token: w.alice.accessJwt }) },
  logIn(
    'with an app password',
    w => post(`${ns}.createSession`, { identifier: w.alice.handle, password: kept(w, 'phone.password') }),
    { keep: keepMembers('phone', 'accessJwt', 'refreshJwt') },
  ),
  {
    name: 'getSession: with an app password',
    call: w => get(`${ns}.getSession`, {}, { token: kept(w, 'phone.accessJwt') }),
  },
  {
    name: 'createAppPassword: with an app password',
    call: w => post(`${ns}.createAppPassword`, { name: 'nested' }, { token: kept(w, 'phone.accessJwt') }),
  },
  {
    name: 'createRecord: with an app password',
    call: w =>
      post(
        'com.atproto.repo.createRecord',
        {
          repo: w.alice.did,
          collection: 'app.bsky.feed.post',
          record: { text: 'from the phone', createdAt: new Date().toISOString() },
        },
        { token: kept(w, 'phone.accessJwt') },
      ),
  },
  {
    name: 'deactivateAccount: with an app password',
    call: w => post(`${ns}.deactivateAccount`, {}, { token: kept(w, 'phone.accessJwt') }),
  },
  {
    name: 'updateHandle: to the present one, with an app password',
    call: w =>
      post(
        'com.atproto.identity.updateHandle',
        { handle: 'alice.test' },
        { token: kept(w, 'phone.accessJwt') },
      ),
  },
  {
    name: 'revokeAppPassword',
    call: w => post(`${ns}.revokeAppPassword`, { name: 'phone' }, { token: w.alice.accessJwt }),
  },
  {
    name: 'revokeAppPassword: an unknown name',
    call: w => post(`${ns}.revokeAppPassword`, { name: 'nothing' }, { token: w.alice.accessJwt }),
  },
  {
    name: 'refreshSession: after the app password was revoked',
    call: w => post(`${ns}.refreshSession`, undefined, { token: kept(w, 'phone.refreshJwt') }),
  },
  logIn('with a revoked app password', w =>
    post(`${ns}.createSession`, { identifier: w.alice.handle, password: kept(w, 'phone.password') }),
  ),
]
