/** com.atproto.server.*: accounts, service auth, account status. */
import { get, post } from '../support/http.ts'
import { type Case, keepMembers, kept, member } from './case.ts'

const ns = 'com.atproto.server'
const wish = (handle: string, more: object = {}) => ({
  handle,
  email: `${handle.split('.')[0]}@example.com`,
  password: 'a good long password',
  ...more,
})
const signUp = (name: string, body: object, more: Partial<Case> = {}): Case => ({
  name: `createAccount: ${name}`,
  call: () => post(`${ns}.createAccount`, body),
  ...more,
})

export const accountCases: readonly Case[] = [
  {
    name: 'describeServer',
    call: () => get(`${ns}.describeServer`),
    headers: ['access-control-allow-origin'],
  },
  signUp('a good one', wish('erin.test'), { keep: keepMembers('erin', 'did', 'accessJwt', 'refreshJwt') }),
  signUp('a taken handle', wish('alice.test', { email: 'other@example.com' })),
  signUp('a taken handle in capitals', wish('ALICE.test', { email: 'other@example.com' })),
  signUp('a taken e-mail', wish('alice2.test', { email: 'alice@example.com' })),
  signUp('a bad e-mail', wish('mallory.test', { email: 'not an address' })),
  signUp('no e-mail', { handle: 'noemail.test', password: 'a good long password' }),
  signUp('no password', { handle: 'nopassword.test', email: 'nopassword@example.com' }),
  signUp('no handle', { email: 'nohandle@example.com', password: 'a good long password' }),
  signUp('a handle that is a number', {
    handle: 12,
    email: 'n@example.com',
    password: 'a good long password',
  }),
  signUp('a handle with an underscore', wish('under_score.test')),
  signUp('a handle that starts with a hyphen', wish('-hyphen.test')),
  signUp('a handle with a dot inside its name', wish('two.parts.test')),
  signUp('a handle of two letters', wish('ab.test')),
  signUp('a handle of nineteen letters', wish('abcdefghijklmnopqrs.test')),
  signUp('a handle without a domain', wish('justname')),
  signUp('a handle of a foreign domain', wish('mallory.example.com')),
  signUp('a reserved handle', wish('admin.test')),
  signUp('a handle with a bad top-level domain', wish('mallory.onion')),
  signUp('an invite code where none is needed', wish('invited.test', { inviteCode: 'test-abcde' })),
  signUp('a recovery key that is none', wish('keykeeper.test', { recoveryKey: 'not a did:key' })),
  signUp(
    'an existing DID without service auth',
    wish('moved.test', { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }),
  ),
  signUp('a password that is too long', wish('longpass.test', { password: 'x'.repeat(2000) })),
]

/** For servers that want an invite code. */
export const inviteCases: readonly Case[] = [
  { name: 'describeServer: invites', call: () => get(`${ns}.describeServer`) },
  signUp('no invite code', wish('uninvited.test')),
  signUp('an unknown invite code', wish('uninvited.test', { inviteCode: 'test-aaaaa-bbbbb' })),
]

const serviceAuth = (
  name: string,
  query: Record<string, string | number>,
  more: Partial<Case> = {},
): Case => ({
  name: `getServiceAuth: ${name}`,
  call: w => get(`${ns}.getServiceAuth`, query, { token: w.alice.accessJwt }),
  ...more,
})
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds

export const serviceAuthCases: readonly Case[] = [
  serviceAuth('an audience', { aud: 'did:web:api.example.com' }),
  serviceAuth('a method', { aud: 'did:web:api.example.com', lxm: 'app.bsky.feed.getTimeline' }),
  serviceAuth('no audience', {}),
  serviceAuth('an audience that is no DID', { aud: 'nobody' }),
  serviceAuth('a method that is no NSID', { aud: 'did:web:api.example.com', lxm: 'x' }),
  serviceAuth('a method that may not be delegated', {
    aud: 'did:web:api.example.com',
    lxm: 'com.atproto.server.createAppPassword',
  }),
  serviceAuth('an expiry in the past', { aud: 'did:web:api.example.com', exp: inSeconds(-60) }),
  serviceAuth('a long expiry without a method', { aud: 'did:web:api.example.com', exp: inSeconds(600) }),
  serviceAuth('half an hour with a method', {
    aud: 'did:web:api.example.com',
    lxm: 'com.atproto.repo.uploadBlob',
    exp: inSeconds(1800),
  }),
  serviceAuth('two hours with a method', {
    aud: 'did:web:api.example.com',
    lxm: 'com.atproto.repo.uploadBlob',
    exp: inSeconds(7200),
  }),
  serviceAuth('an expiry that is no number', { aud: 'did:web:api.example.com', exp: 'soon' }),
  {
    name: 'getServiceAuth: no token',
    call: () => get(`${ns}.getServiceAuth`, { aud: 'did:web:api.example.com' }),
  },
]

const asErin = (path: string, body?: unknown) => (w: Parameters<Case['call']>[0]) =>
  post(`${ns}.${path}`, body, { token: kept(w, 'erin.accessJwt') })

export const statusCases: readonly Case[] = [
  {
    name: 'checkAccountStatus',
    call: w => get(`${ns}.checkAccountStatus`, {}, { token: w.alice.accessJwt }),
  },
  { name: 'checkAccountStatus: no token', call: () => get(`${ns}.checkAccountStatus`) },
  { name: 'deactivateAccount: no token', call: () => post(`${ns}.deactivateAccount`, {}) },
  { name: 'deactivateAccount', call: asErin('deactivateAccount', {}) },
  { name: 'deactivateAccount: again', call: asErin('deactivateAccount', {}) },
  {
    name: 'deactivateAccount: a date that is none',
    call: asErin('deactivateAccount', { deleteAfter: 'tomorrow' }),
  },
  {
    name: 'checkAccountStatus: deactivated',
    call: w => get(`${ns}.checkAccountStatus`, {}, { token: kept(w, 'erin.accessJwt') }),
  },
  {
    name: 'createRecord: by a deactivated account',
    call: w =>
      post(
        'com.atproto.repo.createRecord',
        { repo: kept(w, 'erin.did'), collection: 'com.example.note', record: { text: 'x' } },
        { token: kept(w, 'erin.accessJwt') },
      ),
  },
  {
    name: 'uploadBlob: by a deactivated account',
    call: w =>
      post('com.atproto.repo.uploadBlob', Buffer.from('hello'), {
        token: kept(w, 'erin.accessJwt'),
        headers: { 'content-type': 'text/plain' },
      }),
  },
  {
    name: 'describeRepo: deactivated',
    call: w => get('com.atproto.repo.describeRepo', { repo: kept(w, 'erin.did') }),
  },
  {
    name: 'listRecords: deactivated',
    call: w =>
      get('com.atproto.repo.listRecords', { repo: kept(w, 'erin.did'), collection: 'com.example.note' }),
  },
  {
    name: 'resolveHandle: deactivated',
    call: () => get('com.atproto.identity.resolveHandle', { handle: 'erin.test' }),
  },
  {
    name: 'getRepoStatus: deactivated',
    call: w => get('com.atproto.sync.getRepoStatus', { did: kept(w, 'erin.did') }),
  },
  { name: 'getRepo: deactivated', call: w => get('com.atproto.sync.getRepo', { did: kept(w, 'erin.did') }) },
  {
    name: 'getLatestCommit: deactivated',
    call: w => get('com.atproto.sync.getLatestCommit', { did: kept(w, 'erin.did') }),
  },
  { name: 'activateAccount', call: asErin('activateAccount') },
  { name: 'activateAccount: again', call: asErin('activateAccount') },
  { name: 'activateAccount: no token', call: () => post(`${ns}.activateAccount`) },
  {
    name: 'getRepoStatus: active again',
    call: w => get('com.atproto.sync.getRepoStatus', { did: kept(w, 'erin.did') }),
    keep: (w, answer) => void w.kept.set('erin.rev', member(answer, 'rev')),
  },
]
