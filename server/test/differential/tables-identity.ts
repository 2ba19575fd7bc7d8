/** com.atproto.identity.*: handles and PLC operations. */
import { get, post } from '../support/http.ts'
import { type Case, keepMembers, kept } from './case.ts'

const ns = 'com.atproto.identity'

const update = (name: string, body: object, more: Partial<Case> = {}): Case => ({
  name: `updateHandle: ${name}`,
  call: w => post(`${ns}.updateHandle`, body, { token: w.bob.accessJwt }),
  ...more,
})
const resolve = (name: string, query: Record<string, string>): Case => ({
  name: `resolveHandle: ${name}`,
  call: () => get(`${ns}.resolveHandle`, query),
})

export const identityCases: readonly Case[] = [
  resolve('a local one', { handle: 'alice.test' }),
  resolve('in capitals', { handle: 'ALICE.test' }),
  resolve('an unknown local one', { handle: 'nobody.test' }),
  resolve('a bad one', { handle: 'not a handle' }),
  resolve('none', {}),
  update('a good one', { handle: 'robert.test' }),
  resolve('the new handle', { handle: 'robert.test' }),
  resolve('the old handle', { handle: 'bob.test' }),
  update('the same again', { handle: 'robert.test' }),
  update('a taken one', { handle: 'alice.test' }),
  update('a bad one', { handle: 'no good' }),
  update('a reserved one', { handle: 'admin.test' }),
  update('too short', { handle: 'ab.test' }),
  update('with a dot inside its name', { handle: 'a.b.test' }),
  update('none', {}),
  update('back', { handle: 'bob.test' }),
  { name: 'updateHandle: no token', call: () => post(`${ns}.updateHandle`, { handle: 'x.test' }) },
  {
    name: 'getRecommendedDidCredentials',
    call: w => get(`${ns}.getRecommendedDidCredentials`, {}, { token: w.bob.accessJwt }),
    keep: keepMembers('credentials', 'rotationKeys', 'verificationMethods', 'alsoKnownAs', 'services'),
  },
  { name: 'getRecommendedDidCredentials: no token', call: () => get(`${ns}.getRecommendedDidCredentials`) },
  {
    name: 'requestPlcOperationSignature: no token',
    call: () => post(`${ns}.requestPlcOperationSignature`),
  },
  {
    name: 'signPlcOperation: no mail token',
    call: w => post(`${ns}.signPlcOperation`, {}, { token: w.bob.accessJwt }),
  },
  {
    name: 'signPlcOperation: a wrong mail token',
    call: w => post(`${ns}.signPlcOperation`, { token: 'AAAAA-BBBBB' }, { token: w.bob.accessJwt }),
  },
  {
    name: 'requestPlcOperationSignature',
    call: w => post(`${ns}.requestPlcOperationSignature`, undefined, { token: w.bob.accessJwt }),
  },
  {
    name: 'signPlcOperation',
    call: async w =>
      post(
        `${ns}.signPlcOperation`,
        {
          token: await w.mailToken(w.bob.email),
          rotationKeys: kept(w, 'credentials.rotationKeys'),
          alsoKnownAs: kept(w, 'credentials.alsoKnownAs'),
          verificationMethods: kept(w, 'credentials.verificationMethods'),
          services: kept(w, 'credentials.services'),
        },
        { token: w.bob.accessJwt },
      ),
    keep: keepMembers('signed', 'operation'),
  },
  {
    name: 'submitPlcOperation: no token',
    call: w => post(`${ns}.submitPlcOperation`, { operation: kept(w, 'signed.operation') }),
  },
  {
    name: 'submitPlcOperation: no operation',
    call: w => post(`${ns}.submitPlcOperation`, {}, { token: w.bob.accessJwt }),
  },
  {
    name: "submitPlcOperation: without the server's rotation key",
    call: w =>
      post(
        `${ns}.submitPlcOperation`,
        { operation: { ...kept<object>(w, 'signed.operation'), rotationKeys: ['did:key:zQ3shp'] } },
        { token: w.bob.accessJwt },
      ),
  },
  {
    name: 'submitPlcOperation: with another signing key',
    call: w =>
      post(
        `${ns}.submitPlcOperation`,
        {
          operation: {
            ...kept<object>(w, 'signed.operation'),
            verificationMethods: { atproto: 'did:key:zQ3shunBKsXixLxKtC5qeSG9E4J5RkGN57im31pcTzbNQnm5w' },
          },
        },
        { token: w.bob.accessJwt },
      ),
  },
  {
    name: 'submitPlcOperation: another service',
    call: w =>
      post(
        `${ns}.submitPlcOperation`,
        {
          operation: {
            ...kept<object>(w, 'signed.operation'),
            services: {
              atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://other.example.com' },
            },
          },
        },
        { token: w.bob.accessJwt },
      ),
  },
  {
    name: 'submitPlcOperation: another handle',
    call: w =>
      post(
        `${ns}.submitPlcOperation`,
        { operation: { ...kept<object>(w, 'signed.operation'), alsoKnownAs: ['at://other.test'] } },
        { token: w.bob.accessJwt },
      ),
  },
  {
    name: 'submitPlcOperation: a broken signature',
    call: w =>
      post(
        `${ns}.submitPlcOperation`,
        { operation: { ...kept<object>(w, 'signed.operation'), sig: 'AAAA' } },
        { token: w.bob.accessJwt },
      ),
  },
  {
    name: 'submitPlcOperation',
    call: w =>
      post(
        `${ns}.submitPlcOperation`,
        { operation: kept(w, 'signed.operation') },
        { token: w.bob.accessJwt },
      ),
  },
]
