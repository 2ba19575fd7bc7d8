/** Beneath the methods: verbs, bodies, content types, headers, unknown methods. */
import { gzipSync } from 'node:zlib'
import type { Call } from '../support/http.ts'
import { get, post } from '../support/http.ts'
import type { Case, World } from './case.ts'

const createRecord = 'com.atproto.repo.createRecord'
const row = (name: string, call: (w: World) => Call, more: Partial<Case> = {}): Case => ({
  name,
  call,
  ...more,
})
const noteOf = (w: World) =>
  JSON.stringify({ repo: w.alice.did, collection: 'com.example.note', record: { text: 'raw' } })
const raw = (w: World, body: string | Uint8Array | undefined, headers: Record<string, string>): Call => ({
  method: 'POST',
  path: `/xrpc/${createRecord}`,
  headers: { authorization: `Bearer ${w.alice.accessJwt}`, ...headers },
  ...(body === undefined ? {} : { body }),
})
const json = { 'content-type': 'application/json' }

export const httpCases: readonly Case[] = [
  row('_health', () => ({ method: 'GET', path: '/xrpc/_health' })),
  row('an unknown method', () => get('com.example.unknown')),
  row('an unknown method, with a token', w => get('com.example.unknown', {}, { token: w.alice.accessJwt })),
  row('an unknown procedure', w => post('com.example.unknown', {}, { token: w.alice.accessJwt })),
  row('a method name that is none', () => ({ method: 'GET', path: '/xrpc/not-an-nsid' })),
  row('no method name', () => ({ method: 'GET', path: '/xrpc/' })),
  row('a GET of a procedure', w => get(createRecord, {}, { token: w.alice.accessJwt })),
  row('a POST of a query', w => post('com.atproto.repo.getRecord', {}, { token: w.alice.accessJwt })),
  row('a PUT', () => ({ method: 'PUT', path: '/xrpc/com.atproto.server.describeServer' })),
  row('a DELETE', () => ({ method: 'DELETE', path: '/xrpc/com.atproto.server.describeServer' })),
  row('a HEAD of a query', () => ({ method: 'HEAD', path: '/xrpc/com.atproto.server.describeServer' })),
  row(
    'a CORS preflight',
    () => ({
      method: 'OPTIONS',
      path: `/xrpc/${createRecord}`,
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,atproto-proxy',
      },
    }),
    {
      headers: [
        'access-control-allow-origin',
        'access-control-allow-headers',
        'access-control-allow-methods',
        'access-control-max-age',
      ],
    },
  ),
  row('malformed JSON', w => raw(w, '{"repo":', json)),
  row('malformed JSON without a token', () => post('com.atproto.server.createSession', '{"identifier":')),
  row('a JSON string', w => raw(w, '"text"', json)),
  row('a JSON array', w => raw(w, '[]', json)),
  row('JSON null', w => raw(w, 'null', json)),
  row('an empty body', w => raw(w, '', json)),
  row('no body', w => raw(w, undefined, {})),
  row('a text body', w => raw(w, noteOf(w), { 'content-type': 'text/plain' })),
  row('a form body', w => raw(w, 'repo=x', { 'content-type': 'application/x-www-form-urlencoded' })),
  row('bytes without a content type', w => raw(w, Buffer.from(noteOf(w)), {})),
  row('JSON with a charset', w => raw(w, noteOf(w), { 'content-type': 'application/json; charset=utf-8' })),
  row('JSON in gzip', w => raw(w, gzipSync(noteOf(w)), { ...json, 'content-encoding': 'gzip' })),
  row('an unknown content encoding', w => raw(w, noteOf(w), { ...json, 'content-encoding': 'nothing' })),
  row('JSON that is no UTF-8', w => raw(w, Buffer.from([0x22, 0xff, 0xfe, 0x22]), json)),
  row('a body of a little more than 4 MiB', w =>
    raw(w, JSON.stringify({ text: 'x'.repeat(4_195_000) }), json),
  ),
  row('a body to a method that takes none', w =>
    post('com.atproto.server.refreshSession', { x: 1 }, { token: w.alice.refreshJwt }),
  ),
  row('a repeated parameter', w => ({
    method: 'GET',
    path: `/xrpc/com.atproto.repo.describeRepo?repo=${w.alice.did}&repo=${w.bob.did}`,
  })),
  row('an unknown parameter', w => get('com.atproto.repo.describeRepo', { repo: w.alice.did, other: 'x' })),
  row('a badly escaped parameter', () => ({
    method: 'GET',
    path: '/xrpc/com.atproto.repo.describeRepo?repo=%zz',
  })),
  row('an unknown path', () => ({ method: 'GET', path: '/nothing/here' })),
]
