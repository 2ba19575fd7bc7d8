/** com.atproto.sync.*: what relays ask. */
import { get } from '../support/http.ts'
import { type Case, keepMembers, kept, type World } from './case.ts'

const ns = 'com.atproto.sync'
const note = 'com.example.note'
const unknownDid = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const bogusCid = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'

type Query = Record<string, string | number | readonly string[]>
const ask = (method: string, name: string, query: (w: World) => Query, more: Partial<Case> = {}): Case => ({
  name: `sync.${method}: ${name}`,
  call: w => get(`${ns}.${method}`, query(w)),
  ...more,
})

export const syncCases: readonly Case[] = [
  ask('getLatestCommit', 'an account', w => ({ did: w.alice.did }), {
    keep: keepMembers('head', 'cid', 'rev'),
  }),
  ask('getLatestCommit', 'unknown', () => ({ did: unknownDid })),
  ask('getLatestCommit', 'a DID that is none', () => ({ did: 'alice' })),
  ask('getLatestCommit', 'none', () => ({})),
  ask('getLatestCommit', 'a handle', () => ({ did: 'alice.test' })),
  ask('getRepoStatus', 'active', w => ({ did: w.alice.did })),
  ask('getRepoStatus', 'deactivated', w => ({ did: w.carol.did })),
  ask('getRepoStatus', 'unknown', () => ({ did: unknownDid })),
  ask('getRepo', 'whole', w => ({ did: w.alice.did }), { headers: ['content-type'] }),
  ask('getRepo', 'since the head', w => ({ did: w.alice.did, since: kept(w, 'head.rev') })),
  ask('getRepo', 'since the beginning', w => ({ did: w.alice.did, since: '2222222222222' })),
  ask('getRepo', 'since something that is no revision', w => ({ did: w.alice.did, since: 'yesterday' })),
  ask('getRepo', 'unknown', () => ({ did: unknownDid })),
  ask('getRepo', 'deactivated', w => ({ did: w.carol.did })),
  ask('getRepo', 'none', () => ({})),
  ask('getBlocks', 'the head', w => ({ did: w.alice.did, cids: [kept(w, 'head.cid')] })),
  ask('getBlocks', 'a missing one', w => ({ did: w.alice.did, cids: [bogusCid] })),
  ask('getBlocks', 'a CID that is none', w => ({ did: w.alice.did, cids: ['x'] })),
  ask('getBlocks', 'no CIDs', w => ({ did: w.alice.did })),
  ask('getBlocks', 'unknown account', w => ({ did: unknownDid, cids: [kept(w, 'head.cid')] })),
  ask('getRecord', 'a record', w => ({ did: w.alice.did, collection: note, rkey: 'first' }), {
    headers: ['content-type'],
  }),
  ask('getRecord', 'a missing record', w => ({ did: w.alice.did, collection: note, rkey: 'missing' })),
  ask('getRecord', 'unknown account', () => ({ did: unknownDid, collection: note, rkey: 'first' })),
  ask('getRecord', 'deactivated', w => ({ did: w.carol.did, collection: note, rkey: 'first' })),
  ask('getRecord', 'a bad collection', w => ({ did: w.alice.did, collection: 'x', rkey: 'first' })),
  ask('getRecord', 'a bad record key', w => ({ did: w.alice.did, collection: note, rkey: 'a/b' })),
  ask('listRepos', 'all', () => ({})),
  ask('listRepos', 'two', () => ({ limit: 2 }), { keep: keepMembers('repos', 'cursor') }),
  ask('listRepos', 'past a cursor', w => ({ limit: 2, cursor: kept(w, 'repos.cursor') })),
  ask('listRepos', 'a cursor that is none', () => ({ cursor: 'nowhere' })),
  ask('listRepos', 'limit 0', () => ({ limit: 0 })),
  ask('listRepos', 'limit 1001', () => ({ limit: 1001 })),
  ask('getHead', 'an account', w => ({ did: w.alice.did })),
  ask('getHead', 'unknown', () => ({ did: unknownDid })),
  ask('getHead', 'deactivated', w => ({ did: w.carol.did })),
  ask('getCheckout', 'an account', w => ({ did: w.alice.did })),
  ask('getCheckout', 'unknown', () => ({ did: unknownDid })),
]
