/** Blobs: upload, reference, download, what is missing. */
import { get, post } from '../support/http.ts'
import { type Case, kept, member, type World } from './case.ts'

const ns = 'com.atproto.repo'
const createdAt = '2026-01-01T00:00:00.000Z'
const missingBlob = 'bafkreibjfgx2gprinfvicegelk5kosd6y2frmqpqzwqkg7usac74l3t2v4'

/** A PNG of one transparent pixel. */
export const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const upload = (
  name: string,
  bytes: Uint8Array,
  type: string | undefined,
  more: Partial<Case> = {},
): Case => ({
  name: `uploadBlob: ${name}`,
  call: w =>
    post(`${ns}.uploadBlob`, bytes, {
      token: w.alice.accessJwt,
      headers: type === undefined ? {} : { 'content-type': type },
    }),
  ...more,
})

const imagePost = (image: unknown) => ({
  $type: 'app.bsky.feed.post',
  text: 'with an image',
  createdAt,
  embed: { $type: 'app.bsky.embed.images', images: [{ alt: 'a pixel', image }] },
})

const refer = (name: string, record: (w: World) => unknown, more: Partial<Case> = {}): Case => ({
  name: `createRecord: ${name}`,
  call: w =>
    post(
      `${ns}.createRecord`,
      { repo: w.alice.did, collection: 'app.bsky.feed.post', record: record(w) },
      { token: w.alice.accessJwt },
    ),
  ...more,
})

const blobHeaders = ['content-type', 'content-length', 'x-content-type-options', 'content-security-policy']
const blobOf = (w: World, name: string): Record<string, unknown> => kept(w, name)
const cidOf = (w: World, name: string) => (blobOf(w, name)['ref'] as { $link: string }).$link

export const blobCases: readonly Case[] = [
  upload('a PNG', pixel, 'image/png', {
    keep: (w, answer) => void w.kept.set('pixel', member(answer, 'blob')),
  }),
  upload('a text', Buffer.from('hello, blob'), 'text/plain', {
    keep: (w, answer) => void w.kept.set('text', member(answer, 'blob')),
  }),
  upload('any type', Buffer.from('hello, any'), '*/*'),
  upload('a PNG that calls itself a text', Buffer.concat([pixel, Buffer.from('1')]), 'text/plain', {
    keep: (w, answer) => void w.kept.set('liar', member(answer, 'blob')),
  }),
  upload('no content type', Buffer.from('untyped'), undefined),
  upload('nothing at all', new Uint8Array(0), 'text/plain'),
  {
    name: 'uploadBlob: no token',
    call: () => post(`${ns}.uploadBlob`, pixel, { headers: { 'content-type': 'image/png' } }),
  },
  {
    name: 'uploadBlob: a refresh token',
    call: w =>
      post(`${ns}.uploadBlob`, pixel, {
        token: w.alice.refreshJwt,
        headers: { 'content-type': 'image/png' },
      }),
  },
  {
    name: 'getBlob: temporary',
    call: w => get('com.atproto.sync.getBlob', { did: w.alice.did, cid: cidOf(w, 'pixel') }),
  },
  refer('a post with an image', w => imagePost(kept(w, 'pixel')), {
    keep: (w, answer) => void w.kept.set('imagePost', member(answer, 'uri')),
  }),
  {
    name: 'getBlob',
    call: w => get('com.atproto.sync.getBlob', { did: w.alice.did, cid: cidOf(w, 'pixel') }),
    headers: blobHeaders,
  },
  refer('an image with another type than was uploaded', w =>
    imagePost({ ...blobOf(w, 'pixel'), mimeType: 'image/jpeg' }),
  ),
  refer('an image with another size than was uploaded', w => imagePost({ ...blobOf(w, 'pixel'), size: 12 })),
  refer('a text where an image is wanted', w => imagePost(kept(w, 'text'))),
  refer('an image larger than its lexicon allows', w =>
    imagePost({ ...blobOf(w, 'pixel'), size: 5_000_000 }),
  ),
  refer('a blob that nobody uploaded', () =>
    imagePost({ $type: 'blob', ref: { $link: missingBlob }, mimeType: 'image/png', size: 10 }),
  ),
  refer('a blob without a reference', () => imagePost({ $type: 'blob', mimeType: 'image/png', size: 10 })),
  {
    name: 'createRecord: a blob in an unknown lexicon',
    call: w =>
      post(
        `${ns}.createRecord`,
        {
          repo: w.alice.did,
          collection: 'com.example.file',
          rkey: 'file',
          record: { file: kept(w, 'text') },
        },
        { token: w.alice.accessJwt },
      ),
  },
  {
    name: 'createRecord: a missing blob in an unknown lexicon',
    call: w =>
      post(
        `${ns}.createRecord`,
        {
          repo: w.alice.did,
          collection: 'com.example.file',
          record: { file: { $type: 'blob', ref: { $link: missingBlob }, mimeType: 'text/plain', size: 3 } },
        },
        { token: w.alice.accessJwt },
      ),
  },
  { name: 'listBlobs', call: w => get('com.atproto.sync.listBlobs', { did: w.alice.did }) },
  { name: 'listBlobs: one', call: w => get('com.atproto.sync.listBlobs', { did: w.alice.did, limit: 1 }) },
  {
    name: 'listBlobs: a limit that is too large',
    call: w => get('com.atproto.sync.listBlobs', { did: w.alice.did, limit: 1001 }),
  },
  {
    name: 'listBlobs: limit 0',
    call: w => get('com.atproto.sync.listBlobs', { did: w.alice.did, limit: 0 }),
  },
  {
    name: 'listBlobs: since the newest revision',
    call: w => get('com.atproto.sync.listBlobs', { did: w.alice.did, since: '3zzzzzzzzzzzz' }),
  },
  {
    name: 'listBlobs: unknown account',
    call: () => get('com.atproto.sync.listBlobs', { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }),
  },
  {
    name: 'getBlob: missing',
    call: w => get('com.atproto.sync.getBlob', { did: w.alice.did, cid: missingBlob }),
  },
  {
    name: 'getBlob: a CID that is none',
    call: w => get('com.atproto.sync.getBlob', { did: w.alice.did, cid: 'x' }),
  },
  {
    name: 'getBlob: unknown account',
    call: () =>
      get('com.atproto.sync.getBlob', { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', cid: missingBlob }),
  },
  { name: 'listMissingBlobs', call: w => get(`${ns}.listMissingBlobs`, {}, { token: w.alice.accessJwt }) },
  {
    name: 'listMissingBlobs: limit 0',
    call: w => get(`${ns}.listMissingBlobs`, { limit: 0 }, { token: w.alice.accessJwt }),
  },
  { name: 'listMissingBlobs: no token', call: () => get(`${ns}.listMissingBlobs`) },
  {
    name: 'deleteRecord: the last reference to a blob',
    call: w =>
      post(
        `${ns}.deleteRecord`,
        { repo: w.alice.did, collection: 'app.bsky.feed.post', rkey: kept(w, 'imagePost').split('/').at(-1) },
        { token: w.alice.accessJwt },
      ),
  },
]
