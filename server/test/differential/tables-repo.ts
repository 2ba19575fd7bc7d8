/** com.atproto.repo.*: reading records, and the import of whole repositories. */
import { get, post } from '../support/http.ts'
import { type Case, kept, member, type World } from './case.ts'
import { bogusCid, note, ns } from './repo-write.ts'

const record = (
  name: string,
  query: (world: World) => Record<string, string>,
  more: Partial<Case> = {},
): Case => ({
  name: `getRecord: ${name}`,
  call: w => get(`${ns}.getRecord`, query(w)),
  ...more,
})
const list = (name: string, query: (world: World) => Record<string, string | number | boolean>): Case => ({
  name: `listRecords: ${name}`,
  call: w => get(`${ns}.listRecords`, query(w)),
})

export const readCases: readonly Case[] = [
  record('a record', w => ({ repo: w.alice.did, collection: note, rkey: 'first' })),
  record('by handle', w => ({ repo: w.alice.handle, collection: note, rkey: 'first' })),
  record('with its CID', w => ({
    repo: w.alice.did,
    collection: note,
    rkey: 'first',
    cid: kept(w, 'note.cid'),
  })),
  record('with another CID', w => ({ repo: w.alice.did, collection: note, rkey: 'first', cid: bogusCid })),
  record('with a CID that is none', w => ({ repo: w.alice.did, collection: note, rkey: 'first', cid: 'x' })),
  record('a missing record', w => ({ repo: w.alice.did, collection: note, rkey: 'missing' }), {}),
  record('an unknown repo', () => ({ repo: 'nobody.test', collection: note, rkey: 'first' })),
  record('an unknown DID', () => ({
    repo: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
    collection: note,
    rkey: 'first',
  })),
  record('a bad repo', () => ({ repo: 'not valid', collection: note, rkey: 'first' })),
  record('a bad collection', w => ({ repo: w.alice.did, collection: 'x', rkey: 'first' })),
  record('a bad record key', w => ({ repo: w.alice.did, collection: note, rkey: 'a/b' })),
  record('no record key', w => ({ repo: w.alice.did, collection: note })),
  record('of a deactivated account', w => ({ repo: w.carol.did, collection: note, rkey: 'first' })),
  record('bytes and null', w => ({ repo: w.alice.did, collection: note, rkey: 'bytes' })),
  list('a collection', w => ({ repo: w.alice.did, collection: note })),
  list('three', w => ({ repo: w.alice.did, collection: note, limit: 3 })),
  list('reversed', w => ({ repo: w.alice.did, collection: note, limit: 3, reverse: true })),
  list('past a cursor', w => ({ repo: w.alice.did, collection: note, limit: 3, cursor: 'many-150' })),
  list('past the last', w => ({ repo: w.alice.did, collection: note, cursor: '0' })),
  list('a collection without records', w => ({ repo: w.alice.did, collection: 'com.example.nothing' })),
  list('limit 0', w => ({ repo: w.alice.did, collection: note, limit: 0 })),
  list('limit 100', w => ({ repo: w.alice.did, collection: note, limit: 100 })),
  list('limit 101', w => ({ repo: w.alice.did, collection: note, limit: 101 })),
  list('a limit that is no number', w => ({ repo: w.alice.did, collection: note, limit: 'ten' })),
  list('reverse that is no boolean', w => ({ repo: w.alice.did, collection: note, reverse: 'maybe' })),
  list('an empty cursor', w => ({ repo: w.alice.did, collection: note, limit: 2, cursor: '' })),
  list('a bad collection', w => ({ repo: w.alice.did, collection: 'x' })),
  list('no collection', w => ({ repo: w.alice.did })),
  list('an unknown repo', () => ({ repo: 'nobody.test', collection: note })),
  { name: 'describeRepo', call: w => get(`${ns}.describeRepo`, { repo: w.alice.did }) },
  { name: 'describeRepo: by handle', call: w => get(`${ns}.describeRepo`, { repo: w.alice.handle }) },
  { name: 'describeRepo: unknown', call: () => get(`${ns}.describeRepo`, { repo: 'nobody.test' }) },
  { name: 'describeRepo: no repo', call: () => get(`${ns}.describeRepo`) },
  {
    name: 'getRecord: a missing record, in words that clients look for',
    call: w => get(`${ns}.getRecord`, { repo: w.alice.did, collection: note, rkey: 'missing' }),
    message: true,
  },
]

export const importCases: readonly Case[] = [
  {
    name: 'importRepo: no token',
    call: () =>
      post(`${ns}.importRepo`, Buffer.from('x'), { headers: { 'content-type': 'application/vnd.ipld.car' } }),
  },
  {
    name: 'importRepo: bytes that are no CAR',
    call: w =>
      post(`${ns}.importRepo`, Buffer.from('this is no car'), {
        token: w.bob.accessJwt,
        headers: { 'content-type': 'application/vnd.ipld.car' },
      }),
  },
  {
    name: 'importRepo: the wrong content type',
    call: w => post(`${ns}.importRepo`, '{}', { token: w.bob.accessJwt }),
  },
  {
    name: 'importRepo: an empty body',
    call: w =>
      post(`${ns}.importRepo`, new Uint8Array(0), {
        token: w.bob.accessJwt,
        headers: { 'content-type': 'application/vnd.ipld.car' },
      }),
  },
  {
    name: "importRepo: somebody else's repo",
    call: async w =>
      post(`${ns}.importRepo`, await carOf(w, w.alice.did), {
        token: w.bob.accessJwt,
        headers: { 'content-type': 'application/vnd.ipld.car' },
      }),
  },
  {
    name: "importRepo: one's own repo",
    call: async w =>
      post(`${ns}.importRepo`, await carOf(w, w.bob.did), {
        token: w.bob.accessJwt,
        headers: { 'content-type': 'application/vnd.ipld.car' },
      }),
  },
  {
    name: 'getLatestCommit: after the import',
    call: w => get('com.atproto.sync.getLatestCommit', { did: w.bob.did }),
    keep: (w, answer) => void w.kept.set('bob.rev', member(answer, 'rev')),
  },
]

async function carOf(w: World, did: string): Promise<Uint8Array> {
  const response = await fetch(`${w.url}/xrpc/com.atproto.sync.getRepo?did=${did}`)
  return new Uint8Array(await response.arrayBuffer())
}
