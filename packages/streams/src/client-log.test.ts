import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeDrisl } from '@leaf/codec/drisl'
import { generateSigningKey } from '../../../server/kernel/keys.ts'
import { systemRandom } from '../../../server/kernel/random.ts'
import { type ChainedEvent, ChainError, chainStart, linkBytes } from './chain.ts'
import { createLogReader } from './client-log.ts'
import { type Authenticator, clientDefaults } from './client-types.ts'
import { nodePlatform } from './node/client.ts'
import { sha256, verifyDidKey } from './node/crypto.ts'

const did = 'did:plc:abcdefghijklmnopqrstuvwx'
const key = generateSigningKey(systemRandom)

/** A log whose every second event ends a batch. */
function logOf(length: number): (ChainedEvent & { readonly signature: Uint8Array })[] {
  const events: (ChainedEvent & { readonly signature: Uint8Array })[] = []
  let prevHash = chainStart
  for (let idx = 1; idx <= length; idx += 1) {
    const event = {
      idx,
      user: 'did:web:a',
      payload: new Uint8Array([idx]),
      prevHash,
      headSignature: undefined,
    }
    prevHash = sha256(linkBytes(did, event))
    const headSignature = idx % 2 === 0 ? key.sign(prevHash) : undefined
    events.push({ ...event, headSignature, signature: new Uint8Array(64) })
  }
  return events
}

/** A reader of a server that has this log, in pages of at most five. */
function readerOf(log: ReturnType<typeof logOf>, authenticator?: Authenticator, keyType = 'Multikey') {
  const asked: string[] = []
  const answer = (address: URL, init: RequestInit): Response => {
    asked.push(`${address.pathname}${address.search}`)
    if (address.pathname.endsWith('/data'))
      return Response.json({ verificationMethods: { leaf_server: key.didKey } })
    if (address.host === 'plc.test') {
      const publicKeyMultibase = key.didKey.slice('did:key:'.length)
      return Response.json({
        verificationMethod: [{ id: `${did}#leaf_server`, type: keyType, publicKeyMultibase }],
      })
    }
    if (new Headers(init.headers).get('authorization') === null)
      return Response.json({ error: 'Forbidden', message: 'the log is for its owners' }, { status: 403 })
    const after = Number(address.searchParams.get('after'))
    const events = log.slice(after, after + 5)
    const upToDate = after + events.length >= log.length
    return new Response(Buffer.from(encodeDrisl({ events: events.map(event => ({ ...event })) })), {
      headers: { 'stream-up-to-date': String(upToDate) },
    })
  }
  const reader = createLogReader({
    url: 'https://leaf.test',
    authenticator,
    options: { ...clientDefaults, plcDirectory: 'https://plc.test' },
    platform: { ...nodePlatform, fetch: async (input, init) => answer(new URL(String(input)), init ?? {}) },
  })
  return { reader, asked }
}

const owner = async () => 'token'

test('a log is read in pages, and a refusal has the server’s words', async () => {
  const { reader, asked } = readerOf(logOf(7), owner)
  const first = await reader.readLog(did)
  assert.deepEqual([first.events.length, first.next, first.upToDate], [5, 5, false])
  const second = await reader.readLog(did, { after: first.next, limit: 9, wait: true })
  assert.deepEqual([second.events.length, second.next, second.upToDate], [2, 7, true])
  assert.equal(asked[1], `/streams/${did}/events?after=5&limit=9&live=long-poll`)
  await assert.rejects(readerOf(logOf(1)).reader.readLog(did), {
    code: 'refused',
    message: 'the log is for its owners',
  })
})

test('a whole log is verified against the key of the stream’s document', async () => {
  const { reader, asked } = readerOf(logOf(7), owner)
  const head = await reader.verifyChain(did)
  assert.deepEqual([head.idx, head.signedIdx], [7, 6])
  assert.equal(asked[0], `/${did}`)
  assert.deepEqual(await reader.verifyChain(did, { didKey: key.didKey, from: head }), head)
})

test('where the document has a key of an older kind, the directory’s data tells the key', async () => {
  const { reader, asked } = readerOf(logOf(7), owner, 'EcdsaSecp256k1VerificationKey2019')
  assert.equal((await reader.verifyChain(did)).signedIdx, 6)
  assert.equal(asked[1], `/${did}/data`)
})

test('a log that was altered, or signed by another key, is found', async () => {
  const log = logOf(7)
  log[5] = { ...log[5]!, payload: new Uint8Array([99]) }
  await assert.rejects(readerOf(log, owner).reader.verifyChain(did), ChainError)
  const other = generateSigningKey(systemRandom).didKey
  await assert.rejects(readerOf(logOf(7), owner).reader.verifyChain(did, { didKey: other }), {
    name: 'ChainError',
    idx: 2,
  })
})

test('a key verifies what it signed, and nothing malformed throws', () => {
  const message = new Uint8Array([1, 2, 3])
  const signature = key.sign(message)
  assert.equal(verifyDidKey(key.didKey, message, signature), true)
  assert.equal(verifyDidKey(key.didKey, new Uint8Array([1, 2]), signature), false)
  assert.equal(verifyDidKey(key.didKey, message, signature.subarray(1)), false)
  for (const wrong of [
    '',
    'did:key:z',
    'did:key:z0',
    `${key.didKey}1`,
    'did:key:zQ3sh',
    `did:key:z${'1'.repeat(99)}`,
  ])
    assert.equal(verifyDidKey(wrong, message, signature), false, wrong)
})
