import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decode } from '@atcute/cbor'
import { jsonToLex, Lexicons } from '@atproto/lexicon'
import * as fc from 'fast-check'
import { Refusal } from '../../kernel/errors.ts'
import { createLexiconFiles } from './lexicon-files.ts'
import { createLexicons } from './lexicons.ts'
import { prepareRecord } from './record.ts'

const read = createLexiconFiles()
const lexicons = createLexicons(read)
const rules = { lexicons, recordBytesMax: 1_000_000 }
const createdAt = '2026-01-01T00:00:00.000Z'
const post = 'app.bsky.feed.post'
const tid = '3jzfcijpj2z2a'
const cid = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
const rawCid = 'bafkreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
const blob = { $type: 'blob', ref: { $link: rawCid }, mimeType: 'image/png', size: 1234 }

const prepare = (record: unknown, more: { collection?: string; rkey?: string; validate?: boolean } = {}) =>
  prepareRecord({ collection: post, rkey: tid, validate: undefined, ...more, record }, rules)
const messageOf = (record: unknown, more?: Parameters<typeof prepare>[1]): string => {
  try {
    prepare(record, more)
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error))
    assert.equal(error.wireName, 'InvalidRequest')
    return error.message
  }
  return 'accepted'
}

describe('a record', () => {
  test('gets the $type of its collection when it has none', () => {
    const { block, status } = prepare({ text: 'hello', createdAt })
    assert.deepEqual(decode(block.bytes), { $type: post, text: 'hello', createdAt })
    assert.equal(status, 'valid')
  })

  test('of another $type is refused', () => {
    assert.match(
      messageOf({ $type: 'app.bsky.feed.like', text: 'x', createdAt }),
      /^Invalid \$type: expected/,
    )
  })

  test('of an unknown lexicon is accepted unless it must be known', () => {
    const collection = 'com.example.note'
    assert.equal(prepare({ a: 1 }, { collection }).status, 'unknown')
    assert.equal(prepare({ a: 1 }, { collection, validate: false }).status, undefined)
    assert.equal(
      messageOf({ a: 1 }, { collection, validate: true }),
      'Unknown lexicon type: com.example.note',
    )
  })

  test('that does not hold is refused with the place where', () => {
    assert.equal(messageOf({ createdAt }), `Invalid ${post} record: Missing required key "text" at $.record`)
    assert.match(
      messageOf({ text: 'x', createdAt: 'yesterday' }),
      /Invalid datetime \(got "yesterday"\) at \$\.record\.createdAt$/,
    )
    assert.equal(messageOf({ text: 12 }, { validate: false }), 'accepted')
  })

  test('is refused for a record key that its lexicon does not allow', () => {
    assert.match(messageOf({ text: 'x', createdAt }, { rkey: 'not-a-tid' }), /^Invalid record key/)
    const profile = { collection: 'app.bsky.actor.profile' }
    assert.match(messageOf({}, { ...profile, rkey: 'other' }), /^Invalid record key/)
    assert.equal(messageOf({}, { ...profile, rkey: 'self' }), 'accepted')
    assert.match(messageOf({ text: 'x' }, { rkey: 'a/b', validate: false }), /^Invalid record key/)
    assert.match(messageOf({}, { collection: 'nothing' }), /^Invalid collection/)
  })

  test('holds only what the data model has', () => {
    const loose = { collection: 'com.example.note', validate: false }
    for (const record of [
      { n: 1.5 },
      { n: 2 ** 60 },
      { link: { $link: 'nothing' } },
      { link: { $link: cid, more: 1 } },
      { data: { $bytes: 12 } },
      { data: { $bytes: '***' } },
      JSON.parse('{"__proto__":{"a":1}}'),
      'text',
      null,
      [],
    ]) {
      assert.notEqual(messageOf(record, loose), 'accepted', JSON.stringify(record))
    }
    assert.equal(
      messageOf({ n: 1, link: { $link: cid }, data: { $bytes: 'aGVsbG8' }, nothing: null }, loose),
      'accepted',
    )
  })

  test('is bounded in depth and size', () => {
    const loose = { collection: 'com.example.note', validate: false }
    let deep: object = {}
    for (let n = 0; n < 200; n += 1) deep = { deep }
    assert.match(messageOf(deep, loose), /nested deeper than 128/)
    assert.match(messageOf({ text: 'x'.repeat(1_000_001) }, loose), /exceeds 1000000/)
  })

  test('tells the blobs that it refers to, wherever they stand', () => {
    const embed = { $type: 'app.bsky.embed.images', images: [{ alt: '', image: blob }] }
    assert.deepEqual(prepare({ text: 'x', createdAt, embed }).blobs, [blob])
    assert.deepEqual(prepare({ deep: [{ blob }] }, { collection: 'com.example.note' }).blobs, [blob])
  })

  test('refers to no blob that its lexicon does not accept, and to none in the old form', () => {
    const withImage = (image: unknown) =>
      messageOf({
        text: 'x',
        createdAt,
        embed: { $type: 'app.bsky.embed.images', images: [{ alt: '', image }] },
      })
    assert.match(withImage({ ...blob, mimeType: 'video/mp4' }), /mimeType/)
    assert.match(withImage({ ...blob, size: 3_000_000 }), /blob too big/)
    assert.match(
      messageOf({ old: { cid: rawCid, mimeType: 'image/png' } }, { collection: 'com.example.note' }),
      /Legacy/,
    )
  })
})

// The oracle mutates the documents that it is given.
const oracle = new Lexicons(
  documentsOf([post, 'app.bsky.feed.like', 'app.bsky.graph.follow', 'app.bsky.actor.profile']),
)

function documentsOf(nsids: readonly string[]): never[] {
  const found = new Map<string, unknown>()
  const visit = (nsid: string) => {
    const document = read(nsid)
    if (document === undefined || found.has(nsid)) return
    const copy = structuredClone(document)
    found.set(nsid, copy)
    for (const [, name] of JSON.stringify(document).matchAll(
      /"([a-z]+(?:\.[a-zA-Z0-9]+){2,})(?:#[a-zA-Z]+)?"/g,
    )) {
      if (name !== undefined) visit(name)
    }
  }
  for (const nsid of nsids) visit(nsid)
  return [...found.values()] as never[]
}

function oracleAccepts(collection: string, record: object): boolean {
  try {
    oracle.assertValidRecord(collection, jsonToLex({ ...record, $type: collection } as never))
    return true
  } catch {
    return false
  }
}

describe('against @atproto/lexicon', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 40, unit: 'grapheme' }),
    fc.constantFrom('', 'x'.repeat(3001), 'é'.repeat(301), '👩‍👩‍👧‍👧'.repeat(200), '👩‍👩‍👧‍👧'.repeat(100)),
  )
  const wrong = fc.constantFrom<unknown>(
    null,
    12,
    true,
    [],
    {},
    'x',
    { $type: 'com.example.unknown' },
    { $link: cid },
  )
  const or = (arbitrary: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 8, arbitrary }, { weight: 1, arbitrary: wrong })
  const uri = fc.constantFrom(
    'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3jzfcijpj2z2a',
    'at://x',
    'https://a.test',
  )
  const strongRef = or(
    fc.record({ uri: or(uri), cid: or(fc.constantFrom(cid, 'nothing')) }, { requiredKeys: ['uri'] }),
  )
  const facet = fc.record({
    index: or(fc.record({ byteStart: or(fc.integer()), byteEnd: or(fc.integer()) })),
    features: or(
      fc.array(
        or(
          fc.oneof(
            fc.record({ $type: fc.constant('app.bsky.richtext.facet#link'), uri: or(uri) }),
            fc.record({
              $type: fc.constant('app.bsky.richtext.facet#mention'),
              did: or(fc.constant('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')),
            }),
            fc.record({ $type: fc.constant('app.bsky.richtext.facet#tag'), tag: or(text) }),
          ),
        ),
        { maxLength: 3 },
      ),
    ),
  })
  const embed = fc.oneof(
    fc.record({
      $type: fc.constant('app.bsky.embed.images'),
      images: or(
        fc.array(or(fc.record({ alt: or(text), image: or(fc.constant(blob)) }, { requiredKeys: [] })), {
          maxLength: 6,
        }),
      ),
    }),
    fc.record({ $type: fc.constant('app.bsky.embed.record'), record: strongRef }),
    fc.record({
      $type: fc.constant('app.bsky.embed.external'),
      external: or(fc.record({ uri: or(uri), title: or(text), description: or(text) })),
    }),
  )
  const anyPost = fc.record(
    {
      text: or(text),
      createdAt: or(fc.constant(createdAt)),
      langs: or(fc.array(fc.constantFrom('en', 'pt-BR', 'a language'), { maxLength: 4 })),
      facets: or(fc.array(or(facet), { maxLength: 3 })),
      reply: or(fc.record({ root: strongRef, parent: strongRef })),
      embed: or(embed),
      tags: or(fc.array(or(text), { maxLength: 10 })),
    },
    { requiredKeys: ['text', 'createdAt'] },
  )
  const anyProfile = fc.record(
    { displayName: or(text), description: or(text), avatar: or(fc.constant(blob)) },
    { requiredKeys: [] },
  )

  const agree = (collection: string, rkey: string) => (made: object) => {
    const record = JSON.parse(JSON.stringify(made))
    const ours = messageOf(record, { collection, rkey })
    assert.equal(ours === 'accepted', oracleAccepts(collection, record), ours)
  }

  test('any post is valid in both or in none', () => {
    fc.assert(fc.property(anyPost, agree(post, tid)), { numRuns: 1000 })
  })

  test('any profile is valid in both or in none', () => {
    fc.assert(fc.property(anyProfile, agree('app.bsky.actor.profile', 'self')), { numRuns: 300 })
  })

  test('any like and any follow is valid in both or in none', () => {
    const like = fc.record(
      { subject: strongRef, createdAt: or(fc.constant(createdAt)) },
      { requiredKeys: [] },
    )
    fc.assert(fc.property(like, agree('app.bsky.feed.like', tid)), { numRuns: 300 })
    const follow = fc.record(
      { subject: or(fc.constant('did:web:example.com')), createdAt: or(fc.constant(createdAt)) },
      { requiredKeys: [] },
    )
    fc.assert(fc.property(follow, agree('app.bsky.graph.follow', tid)), { numRuns: 300 })
  })

  test('any JSON is accepted or refused, and what is accepted comes back the same', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), json => {
        const record: unknown = JSON.parse(json)
        try {
          const { block, value } = prepare(record, { collection: 'com.example.any', validate: false })
          assert.deepEqual(JSON.parse(JSON.stringify(decode(block.bytes))), JSON.parse(JSON.stringify(value)))
        } catch (error) {
          assert.ok(error instanceof Refusal, String(error))
        }
      }),
      { numRuns: 1000 },
    )
  })
})
