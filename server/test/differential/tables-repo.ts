/** com.atproto.repo.*: writing and reading records. */
import { get, post } from '../support/http.ts'
import { type Case, keepMembers, kept, member, type World } from './case.ts'

const ns = 'com.atproto.repo'
const note = 'com.example.note'
const postType = 'app.bsky.feed.post'
const createdAt = '2026-01-01T00:00:00.000Z'
const bogusCid = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'

/** A write by Alice; `body` gets her repo added unless it names one. */
const write = (
  method: string,
  name: string,
  body: (world: World) => object,
  more: Partial<Case> = {},
): Case => ({
  name: `${method}: ${name}`,
  call: w => post(`${ns}.${method}`, { repo: w.alice.did, ...body(w) }, { token: w.alice.accessJwt }),
  ...more,
})
const create = (name: string, body: (world: World) => object, more?: Partial<Case>) =>
  write('createRecord', name, body, more)
const put = (name: string, body: (world: World) => object, more?: Partial<Case>) =>
  write('putRecord', name, body, more)
const remove = (name: string, body: (world: World) => object, more?: Partial<Case>) =>
  write('deleteRecord', name, body, more)
const apply = (name: string, writes: unknown, more?: Partial<Case>) =>
  write('applyWrites', name, () => ({ writes }), more)
const postOf = (text: string, more: object = {}) => ({ $type: postType, text, createdAt, ...more })

export const createCases: readonly Case[] = [
  create('a post', () => ({ collection: postType, record: postOf('hello') }), {
    keep: keepMembers('post', 'uri', 'cid', 'commit'),
  }),
  create('by handle', w => ({ repo: w.alice.handle, collection: postType, record: postOf('by handle') })),
  create('without $type', () => ({ collection: postType, record: { text: 'untyped', createdAt } })),
  create('a $type of another collection', () => ({
    collection: postType,
    record: { $type: 'app.bsky.feed.like', text: 'x', createdAt },
  })),
  create('an unknown lexicon', () => ({ collection: note, rkey: 'first', record: { text: 'one' } }), {
    keep: keepMembers('note', 'uri', 'cid', 'commit'),
  }),
  create('an unknown lexicon, validate true', () => ({
    collection: note,
    validate: true,
    record: { text: 'one' },
  })),
  create('an unknown lexicon, validate false', () => ({
    collection: note,
    rkey: 'second',
    validate: false,
    record: { text: 'two' },
  })),
  create('a known lexicon that does not hold', () => ({
    collection: postType,
    record: { text: 12, createdAt },
  })),
  create('a known lexicon that does not hold, validate false', () => ({
    collection: postType,
    rkey: 'anything',
    validate: false,
    record: { text: 12 },
  })),
  create('a known lexicon with a member missing', () => ({
    collection: postType,
    record: { text: 'no date' },
  })),
  create('a known lexicon with a datetime that is none', () => ({
    collection: postType,
    record: { text: 'x', createdAt: 'yesterday' },
  })),
  create('a post that is too long', () => ({ collection: postType, record: postOf('x'.repeat(3001)) })),
  create('a post of too many graphemes', () => ({ collection: postType, record: postOf('é'.repeat(301)) })),
  create('validate that is no boolean', () => ({ collection: note, validate: 'yes', record: {} })),
  create('an existing record key', () => ({ collection: note, rkey: 'first', record: { text: 'again' } })),
  create('a record key with a slash', () => ({ collection: note, rkey: 'a/b', record: { text: 'x' } })),
  create('a record key of a dot', () => ({ collection: note, rkey: '.', record: { text: 'x' } })),
  create('an empty record key', () => ({ collection: note, rkey: '', record: { text: 'x' } })),
  create('a record key of 513 letters', () => ({
    collection: note,
    rkey: 'k'.repeat(513),
    record: { text: 'x' },
  })),
  create('a post whose record key is no TID', () => ({
    collection: postType,
    rkey: 'not-a-tid',
    record: postOf('x'),
  })),
  create('a profile whose record key is not self', () => ({
    collection: 'app.bsky.actor.profile',
    rkey: 'other',
    record: { displayName: 'x' },
  })),
  create('a collection that is no NSID', () => ({ collection: 'not an nsid', record: { text: 'x' } })),
  create('a collection of one segment', () => ({ collection: 'note', record: { text: 'x' } })),
  create('no collection', () => ({ record: { text: 'x' } })),
  create('no record', () => ({ collection: note })),
  create('a record that is a string', () => ({ collection: note, record: 'text' })),
  create('a record that is an array', () => ({ collection: note, record: [] })),
  create('a record that is null', () => ({ collection: note, record: null })),
  create('a float', () => ({ collection: note, record: { number: 1.5 } })),
  create('a number beyond the safe integers', () => ({ collection: note, record: { number: 2 ** 60 } })),
  create('a bad $link', () => ({ collection: 'com.example.odd', record: { link: { $link: 'nothing' } } })),
  create('bytes', () => ({ collection: note, rkey: 'bytes', record: { data: { $bytes: 'aGVsbG8' } } })),
  create('bad $bytes', () => ({ collection: 'com.example.odd', record: { data: { $bytes: 12 } } })),
  create('a null member', () => ({ collection: note, rkey: 'null', record: { nothing: null } })),
  create('nested deeply', () => ({ collection: note, rkey: 'deep', record: nested(40) })),
  create('a record of 200 KB', () => ({
    collection: note,
    rkey: 'large',
    record: { text: 'x'.repeat(200_000) },
  })),
  create('a record of 1.2 MB', () => ({ collection: note, record: { text: 'x'.repeat(1_200_000) } })),
  create('a stale swapCommit', () => ({ collection: note, record: { text: 'x' }, swapCommit: bogusCid })),
  create('a swapCommit that is no CID', () => ({ collection: note, record: { text: 'x' }, swapCommit: 'x' })),
  create('into another repo', w => ({ repo: w.bob.did, collection: note, record: { text: 'x' } })),
  create('into an unknown repo', () => ({ repo: 'nobody.test', collection: note, record: { text: 'x' } })),
  create('a repo that is no identifier', () => ({
    repo: 'not valid',
    collection: note,
    record: { text: 'x' },
  })),
  {
    name: 'createRecord: no token',
    call: w => post(`${ns}.createRecord`, { repo: w.alice.did, collection: note, record: { text: 'x' } }),
  },
  {
    name: 'createRecord: a refresh token',
    call: w =>
      post(
        `${ns}.createRecord`,
        { repo: w.alice.did, collection: note, record: { text: 'x' } },
        { token: w.alice.refreshJwt },
      ),
  },
  create('a like', w => ({ collection: 'app.bsky.feed.like', record: likeOf(w) }), {
    keep: keepMembers('like', 'uri'),
  }),
  create('the same like again', w => ({ collection: 'app.bsky.feed.like', record: likeOf(w) })),
  {
    name: 'getRecord: the first of two equal likes is gone',
    call: w =>
      get(`${ns}.getRecord`, {
        repo: w.alice.did,
        collection: 'app.bsky.feed.like',
        rkey: kept(w, 'like.uri').split('/').at(-1),
      }),
  },
  create('a follow', w => ({
    collection: 'app.bsky.graph.follow',
    record: { subject: w.bob.did, createdAt },
  })),
]

function likeOf(w: World) {
  return { subject: { uri: kept(w, 'post.uri'), cid: kept(w, 'post.cid') }, createdAt }
}

function nested(depth: number): object {
  return depth === 0 ? {} : { inner: nested(depth - 1) }
}

export const putCases: readonly Case[] = [
  put('a new record', () => ({ collection: note, rkey: 'third', record: { text: 'three' } }), {
    keep: keepMembers('third', 'cid'),
  }),
  put('an update', () => ({ collection: note, rkey: 'third', record: { text: 'three, again' } }), {
    keep: keepMembers('third2', 'cid'),
  }),
  put('the identical record', () => ({ collection: note, rkey: 'third', record: { text: 'three, again' } })),
  put('a profile', () => ({
    collection: 'app.bsky.actor.profile',
    rkey: 'self',
    record: { displayName: 'Alice' },
  })),
  put('a profile that does not hold', () => ({
    collection: 'app.bsky.actor.profile',
    rkey: 'self',
    record: { displayName: 'x'.repeat(700) },
  })),
  put('the right swapRecord', w => ({
    collection: note,
    rkey: 'third',
    record: { text: 'three, swapped' },
    swapRecord: kept(w, 'third2.cid'),
  })),
  put('a stale swapRecord', w => ({
    collection: note,
    rkey: 'third',
    record: { text: 'x' },
    swapRecord: kept(w, 'third.cid'),
  })),
  put('swapRecord null on an existing record', () => ({
    collection: note,
    rkey: 'third',
    record: { text: 'x' },
    swapRecord: null,
  })),
  put('swapRecord null on no record', () => ({
    collection: note,
    rkey: 'fourth',
    record: { text: 'four' },
    swapRecord: null,
  })),
  put('swapRecord on no record', () => ({
    collection: note,
    rkey: 'fifth',
    record: { text: 'x' },
    swapRecord: bogusCid,
  })),
  put('a stale swapCommit', () => ({
    collection: note,
    rkey: 'third',
    record: { text: 'x' },
    swapCommit: bogusCid,
  })),
  put('no record key', () => ({ collection: note, record: { text: 'x' } })),
  put('a bad record key', () => ({ collection: note, rkey: '..', record: { text: 'x' } })),
  put('into another repo', w => ({ repo: w.bob.did, collection: note, rkey: 'x', record: { text: 'x' } })),
  put('a float', () => ({ collection: note, rkey: 'float', record: { number: 0.1 } })),
  {
    name: 'putRecord: no token',
    call: w => post(`${ns}.putRecord`, { repo: w.alice.did, collection: note, rkey: 'x', record: {} }),
  },
]

export const deleteCases: readonly Case[] = [
  remove('a stale swapRecord', () => ({ collection: note, rkey: 'fourth', swapRecord: bogusCid })),
  remove('a stale swapCommit', () => ({ collection: note, rkey: 'fourth', swapCommit: bogusCid })),
  remove('a record', () => ({ collection: note, rkey: 'fourth' })),
  remove('the same record again', () => ({ collection: note, rkey: 'fourth' })),
  remove('no record key', () => ({ collection: note })),
  remove('a collection that is no NSID', () => ({ collection: 'x', rkey: 'fourth' })),
  remove('from another repo', w => ({ repo: w.bob.did, collection: note, rkey: 'fourth' })),
  {
    name: 'deleteRecord: no token',
    call: w => post(`${ns}.deleteRecord`, { repo: w.alice.did, collection: note, rkey: 'third' }),
  },
]

const writeType = (action: string) => `com.atproto.repo.applyWrites#${action}`
const creation = (rkey: string, value: unknown = { text: rkey }) => ({
  $type: writeType('create'),
  collection: note,
  rkey,
  value,
})

export const applyCases: readonly Case[] = [
  apply('creations', [creation('a1'), creation('a2'), creation('a3')]),
  apply('create, update and delete', [
    creation('a4'),
    { $type: writeType('update'), collection: note, rkey: 'a1', value: { text: 'new' } },
    { $type: writeType('delete'), collection: note, rkey: 'a2' },
  ]),
  apply('a creation without a record key', [
    { $type: writeType('create'), collection: note, value: { text: 'keyless' } },
  ]),
  apply('none', []),
  apply('no array', 'nothing'),
  apply('an unknown $type', [{ $type: 'com.example.other', collection: note, rkey: 'x', value: {} }]),
  apply('no $type', [{ collection: note, rkey: 'x', value: {} }]),
  apply('deletion of a missing record', [{ $type: writeType('delete'), collection: note, rkey: 'missing' }]),
  apply('update of a missing record', [
    { $type: writeType('update'), collection: note, rkey: 'missing', value: { text: 'x' } },
  ]),
  apply('creation of an existing record', [creation('a1')]),
  apply('one bad among good ones', [creation('b1'), creation('b/2'), creation('b3')]),
  {
    name: 'getRecord: nothing of a refused applyWrites',
    call: w => get(`${ns}.getRecord`, { repo: w.alice.did, collection: note, rkey: 'b1' }),
  },
  apply(
    '200 writes',
    Array.from({ length: 200 }, (_, n) => creation(`many-${n}`)),
  ),
  apply(
    '201 writes',
    Array.from({ length: 201 }, (_, n) => creation(`more-${n}`)),
  ),
  apply('a record that does not hold', [
    { $type: writeType('create'), collection: postType, value: { text: 12, createdAt } },
  ]),
  write('applyWrites', 'an unknown lexicon, validate true', () => ({
    validate: true,
    writes: [creation('c1')],
  })),
  write('applyWrites', 'a stale swapCommit', () => ({ swapCommit: bogusCid, writes: [creation('c2')] })),
  write('applyWrites', 'into another repo', w => ({ repo: w.bob.did, writes: [creation('c3')] })),
  {
    name: 'applyWrites: no token',
    call: w => post(`${ns}.applyWrites`, { repo: w.alice.did, writes: [creation('c4')] }),
  },
]

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
