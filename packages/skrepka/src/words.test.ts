import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { identityFromSeed } from './identity.ts'
import { readAddress, relayUrl, toLink } from './link.ts'
import { fromWords, toWords } from './words.ts'

const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const ana = identityFromSeed(new Uint8Array(32).fill(2))

test('words are those of Urbit’s tables', () => {
  const key = new Uint8Array(32)
  key.set([0, 0, 1, 1, 124, 124, 255, 255, 16, 32])
  assert.ok(toWords(key).startsWith('dozzod-marnec-nis'))
  assert.equal(toWords(key).split('-')[3], 'fipfes')
  // As Urbit names them: ~zod is 00, ~marzod 0100, ~binzod 0200, ~marbud 0102.
  assert.equal(
    toWords(Uint8Array.from([1, 0, 2, 0, 1, 2, ...new Uint8Array(26)])).slice(0, 20),
    'marzod-binzod-marbud',
  )
})

test('every key comes back from its words', () => {
  fc.assert(fc.property(key32, key => assert.deepEqual(fromWords(toWords(key)), key)))
})

test('words are read as people type them', () => {
  const words = toWords(ana.publicKey)
  for (const text of [
    words.toUpperCase(),
    `~${words}`,
    ` ${words.replaceAll('-', ' ')}\n`,
    words.replace('-', '\n'),
  ]) {
    assert.deepEqual(fromWords(text), ana.publicKey, text)
  }
})

test('a word that is none is named', () => {
  const words = toWords(ana.publicKey).split('-')
  assert.throws(() => fromWords([...words.slice(0, 15), 'nicfes'].join('-')), /place 16, got "nicfes"/)
  assert.throws(() => fromWords(words.slice(1).join('-')), /expected 16 words, got 15/)
  assert.throws(() => fromWords('x'.repeat(500)), /expected 16 words/)
})

test('an address is read from a link, a page’s address, hex or words', () => {
  const address = { key: ana.key, relays: ['relay.example', 'localhost:3334'] }
  const link = toLink(address)
  assert.equal(link, `skrepka://${ana.key}@relay.example,localhost:3334`)
  for (const text of [
    link,
    `https://chat.example/#add=${link}`,
    `https://chat.example/#add=${encodeURIComponent(link)}`,
    ` ${link}/ `,
  ]) {
    assert.deepEqual(readAddress(text), address, text)
  }
  const bare = { key: ana.key, relays: [] }
  const base64 = Buffer.from(ana.publicKey).toString('base64url')
  for (const text of [
    ana.key,
    ana.key.toUpperCase(),
    toWords(ana.publicKey),
    `skrepka://${ana.key}`,
    `skrepka://${base64}`,
  ]) {
    assert.deepEqual(readAddress(text), bare, text)
  }
})

test('what is no address is refused with what was expected', () => {
  assert.throws(() => readAddress('hello there'), /expected 16 words, got 2/)
  assert.throws(() => readAddress('0'.repeat(64)), /nobody can own/)
  assert.throws(() => readAddress(`skrepka://${ana.key}@evil/../x`), /expected a relay's name/)
  assert.throws(() => readAddress('x'.repeat(3000)), /expected an address/)
})

test('relays are spoken to over TLS, but for those on this machine', () => {
  assert.equal(relayUrl('relay.example'), 'https://relay.example')
  assert.equal(relayUrl('relay.example:8443'), 'https://relay.example:8443')
  assert.equal(relayUrl('localhost:3334'), 'http://localhost:3334')
  assert.equal(relayUrl('127.0.0.1:8080'), 'http://127.0.0.1:8080')
  assert.equal(relayUrl('127.0.0.1.example'), 'https://127.0.0.1.example')
})
