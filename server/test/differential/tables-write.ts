/** com.atproto.repo.putRecord, deleteRecord and applyWrites. */
import { get, post } from '../support/http.ts'
import { type Case, keepMembers, kept, type World } from './case.ts'
import { bogusCid, createdAt, note, ns, postType, write } from './repo-write.ts'

const put = (name: string, body: (world: World) => object, more?: Partial<Case>) =>
  write('putRecord', name, body, more)
const remove = (name: string, body: (world: World) => object, more?: Partial<Case>) =>
  write('deleteRecord', name, body, more)
const apply = (name: string, writes: unknown, more?: Partial<Case>) =>
  write('applyWrites', name, () => ({ writes }), more)

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
