/** com.atproto.repo.createRecord. */
import { get, post } from '../support/http.ts'
import { type Case, keepMembers, kept, type World } from './case.ts'
import { bogusCid, createdAt, note, ns, postType, write } from './repo-write.ts'

const create = (name: string, body: (world: World) => object, more?: Partial<Case>) =>
  write('createRecord', name, body, more)
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
