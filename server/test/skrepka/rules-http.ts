/** What the runtime answers before a handler is asked: routes, bodies, fields, types, limits. */
import assert from 'node:assert/strict'
import { assertRefused, blobOf, createPerson, logIn } from './client.ts'
import type { Rule } from './subject.ts'

const key = createPerson('anybody').key

export const httpRules: readonly Rule[] = [
  {
    title: 'a path that is no route is 404 not found',
    run: async relay => assertRefused(await relay.call('/skrepka-nowhere', {}), 404, 'not found'),
  },
  {
    title: 'a route asked with another method is 404 not found',
    run: async relay => assertRefused(await relay.call('/poll', '', { method: 'GET' }), 404, 'not found'),
  },
  {
    title: 'empty segments of a path and its query are not looked at',
    run: async relay => {
      const answer = await relay.call('//auth//challenge/?x=1', { pubkey: key })
      assert.equal(answer.status, 200, answer.text)
    },
  },
  {
    title: 'a body that is no JSON is 400 invalid JSON body',
    run: async relay => assertRefused(await relay.call('/poll', '{"cursor":'), 400, /^invalid JSON body: /),
  },
  {
    title: 'an empty body is 400 invalid JSON body',
    run: async relay => assertRefused(await relay.call('/poll', ''), 400, /^invalid JSON body: /),
  },
  {
    title: 'JSON that is no object counts as every field missing',
    run: async relay => {
      for (const body of ['[]', '7', 'null', '"text"', '[{"pubkey":1}]']) {
        const answer = await relay.call('/auth/challenge', body)
        assertRefused(answer, 400, "missing required body field 'pubkey'")
      }
    },
  },
  {
    title: 'fields are missed in the order of their declaration',
    run: async relay => {
      const missing = async (path: string, body: unknown, name: string) =>
        assertRefused(await relay.call(path, body), 400, `missing required body field '${name}'`)
      await missing('/auth/verify', { pubkey: key }, 'challenge')
      await missing('/auth/verify', { pubkey: key, challenge: 'x' }, 'signature')
      await missing('/federation/gossip', { fromServer: 'a.example' }, 'events')
      await missing('/federation/gossip', { events: [] }, 'fromServer')
      await missing('/federation/forward', { encryptedBlob: 'ab' }, 'toKey')
      await missing('/federation/forward', { toKey: key }, 'encryptedBlob')
    },
  },
  {
    title: 'fields that nobody declared are ignored',
    run: async relay => {
      const answer = await relay.call('/auth/challenge', { pubkey: key, padding: [1, { a: null }] })
      assert.equal(answer.status, 200, answer.text)
    },
  },
  {
    title: 'a key is exactly 64 lower-case hex digits',
    run: async relay => {
      for (const pubkey of ['', 'ab', key.toUpperCase(), `${key}ab`, key.slice(1), `g${key.slice(1)}`]) {
        const answer = await relay.call('/auth/challenge', { pubkey })
        assertRefused(answer, 400, "validation error: field 'pubkey' does not satisfy 'PubkeyHex' constraint")
      }
    },
  },
  {
    title: 'a signature is exactly 128 lower-case hex digits',
    run: async relay => {
      for (const signature of ['', 'ab'.repeat(63), 'AB'.repeat(64), 'zz'.repeat(64)]) {
        const body = { pubkey: key, challenge: 'x', signature, revokeOthers: false }
        const text = "validation error: field 'signature' does not satisfy 'SignatureHex' constraint"
        assertRefused(await relay.call('/auth/verify', body), 400, text)
      }
    },
  },
  {
    title: 'a field of another JSON type is 400',
    run: async relay => {
      const fault = async (path: string, body: unknown) =>
        assert.equal((await relay.call(path, body)).status, 400, JSON.stringify(body))
      await fault('/auth/challenge', { pubkey: 7 })
      await fault('/poll', { cursor: '7' })
      await fault('/messages', { messages: {} })
      await fault('/federation/gossip', { events: 'none', fromServer: 'a.example' })
      await fault('/federation/gossip', { events: [], fromServer: 7 })
    },
  },
  {
    title: 'bodies are checked before the session',
    run: async relay => {
      assert.equal((await relay.call('/poll', { cursor: [] })).status, 400)
      assert.equal((await relay.call('/messages', {})).status, 400)
    },
  },
  {
    title: 'a message with a bad key or a bad blob is 400 invalid_message, and nothing of its batch is kept',
    run: async relay => {
      const [anna, bert] = [createPerson(), createPerson()]
      const session = await logIn(relay, anna)
      const good = { to: bert.key, encryptedBlob: 'abcd' }
      const bad = [
        { to: bert.key.toUpperCase(), encryptedBlob: 'ab' },
        { to: bert.key, encryptedBlob: '' },
        { to: bert.key, encryptedBlob: 'abc' },
        { to: bert.key, encryptedBlob: 'AB' },
        { to: bert.key, encryptedBlob: 'xy' },
        { to: bert.key },
        { encryptedBlob: 'ab' },
        7,
        null,
      ]
      for (const one of bad) {
        const answer = await relay.call('/messages', { messages: [good, one] }, session.options)
        assertRefused(answer, 400, 'invalid_message')
      }
      const hers = await logIn(relay, bert)
      const page = relay.begin('/poll', { cursor: 0 }, hers.options)
      await relay.pass(200)
      assert.equal(page.answer(), undefined)
    },
  },
  {
    title: 'the smallest blob has two digits',
    run: async relay => {
      const session = await logIn(relay, createPerson())
      const body = { messages: [{ to: createPerson().key, encryptedBlob: '00' }] }
      assert.equal((await relay.call('/messages', body, session.options)).status, 200)
    },
  },
  {
    title: 'a blob has at most maxBlobLen digits',
    virtual: true,
    constants: { maxBlobLen: 64 },
    run: async relay => {
      const session = await logIn(relay, createPerson())
      const send = (encryptedBlob: string) =>
        relay.call('/messages', { messages: [{ to: createPerson().key, encryptedBlob }] }, session.options)
      assert.equal((await send('ab'.repeat(32))).status, 200)
      assertRefused(await send('ab'.repeat(33)), 400, 'invalid_message')
      const forward = { toKey: key, encryptedBlob: 'ab'.repeat(33) }
      const text = "validation error: field 'encryptedBlob' does not satisfy 'BlobHex' constraint"
      assertRefused(await relay.call('/federation/forward', forward), 400, text)
    },
  },
  {
    title: 'requests need no content type, and answers are application/json',
    run: async relay => {
      const good = await relay.call('/auth/challenge', { pubkey: key })
      const bad = await relay.call('/auth/challenge', {})
      for (const answer of [good, bad])
        assert.match(answer.headers['content-type'] ?? '', /^application\/json/)
    },
  },
  {
    title: 'the keys of an answer are in alphabetical order',
    run: async relay => {
      const [anna, bert] = [createPerson(), createPerson()]
      const session = await logIn(relay, anna)
      await relay.call(
        '/messages',
        { messages: [{ to: bert.key, encryptedBlob: blobOf('x') }] },
        session.options,
      )
      const page = await relay.call('/poll', { cursor: 0 }, (await logIn(relay, bert)).options)
      const challenge = await relay.call('/auth/challenge', { pubkey: key })
      for (const { json } of [page, challenge]) {
        const names = Object.keys(json ?? {})
        assert.deepEqual(names, names.toSorted())
      }
      assert.match(page.text, /^\{"cursor":\d+,"events":\[\{"encryptedBlob":"78"\}\]\}$/)
    },
  },
  {
    title: 'past its budget a session is 429 with Retry-After in whole seconds, and its budget comes back',
    virtual: true,
    run: async relay => {
      const session = await logIn(relay, createPerson())
      const send = () => relay.call('/messages', { messages: [] }, session.options)
      for (let count = 0; count < 60; count += 1) assert.equal((await send()).status, 200)
      let refused = await send()
      while (refused.status === 200) refused = await send() // the bucket refills while these are under way
      assertRefused(refused, 429, 'Rate limit exceeded')
      assert.match(refused.headers['retry-after'] ?? '', /^[1-9]\d*$/)
      await relay.pass(Number(refused.headers['retry-after']) * 1000)
      assert.equal((await send()).status, 200)
    },
  },
  {
    title: 'a body is checked before the budget is, and takes nothing of it',
    virtual: true,
    run: async relay => {
      const session = await logIn(relay, createPerson())
      for (let count = 0; count < 100; count += 1)
        assert.equal((await relay.call('/messages', { messages: [7] }, session.options)).status, 400)
      assert.equal((await relay.call('/messages', { messages: [] }, session.options)).status, 200)
    },
  },
  {
    title: 'the eleventh challenge for a key within a minute is 429',
    virtual: true,
    run: async relay => {
      const ask = () => relay.call('/auth/challenge', { pubkey: key }, { address: '198.51.100.7' })
      for (let count = 0; count < 10; count += 1) assert.equal((await ask()).status, 200)
      assertRefused(await ask(), 429, 'Rate limit exceeded')
    },
  },
  {
    title:
      'the sixty-first gossip of an address within a minute is 429, and another address has its own budget',
    virtual: true,
    run: async relay => {
      const tell = (address: string) =>
        relay.call('/federation/gossip', { events: [], fromServer: 'a.example' }, { address })
      let last = await tell('203.0.113.50')
      for (let count = 0; count < 65 && last.status === 200; count += 1) last = await tell('203.0.113.50')
      assertRefused(last, 429, 'Rate limit exceeded')
      assert.equal((await tell('203.0.113.51')).status, 200)
    },
  },
]
