import assert from 'node:assert/strict'
import { hash, createHmac } from 'node:crypto'
import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { chainBegin, type ChainedEvent, ChainError, chainStart, linkBytes, verifyChain } from './chain.ts'

const streamDid = 'did:plc:abcdefghijklmnopqrstuvwx'
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(hash('sha256', bytes, 'buffer'))
const sign = (message: Uint8Array): Uint8Array =>
  new Uint8Array(createHmac('sha256', 'key').update(message).digest())
const tools = {
  sha256,
  verify: (message: Uint8Array, signature: Uint8Array) => Buffer.from(sign(message)).equals(signature),
}

/** A log in batches of these sizes. */
function logOf(batches: readonly number[]): ChainedEvent[] {
  const events: ChainedEvent[] = []
  let prevHash = chainStart
  for (const size of batches) {
    for (let index = 0; index < size; index += 1) {
      const event = {
        idx: events.length + 1,
        user: 'did:web:a',
        payload: new Uint8Array([index]),
        prevHash,
        headSignature: undefined,
      }
      prevHash = sha256(linkBytes(streamDid, event))
      events.push({ ...event, headSignature: index === size - 1 ? sign(prevHash) : undefined })
    }
  }
  return events
}

test('an event is hashed as DRISL of its name, stream, idx, predecessor, user and payload', () => {
  const [event] = logOf([1])
  assert.equal(
    Buffer.from(linkBytes(streamDid, event!)).toString('hex'),
    `866d${Buffer.from('leaf.event.v1').toString('hex')}7820${Buffer.from(streamDid).toString('hex')}015820${'00'.repeat(32)}69${Buffer.from('did:web:a').toString('hex')}4100`,
  )
})

test('a whole log verifies, in one piece or in pages', async () => {
  const log = logOf([3, 1, 2])
  const whole = await verifyChain(streamDid, log, tools)
  assert.equal(whole.idx, 6)
  assert.equal(whole.signedIdx, 6)
  const half = await verifyChain(streamDid, log.slice(0, 2), tools)
  assert.deepEqual([half.idx, half.signedIdx], [2, 0])
  assert.deepEqual(await verifyChain(streamDid, log.slice(2), tools, half), whole)
  assert.deepEqual(await verifyChain(streamDid, [], tools), chainBegin)
})

test('whatever is changed in a signed log is found', async () => {
  const change: readonly ((event: ChainedEvent) => ChainedEvent)[] = [
    event => ({ ...event, user: 'did:web:b' }),
    event => ({ ...event, payload: new Uint8Array([9, 9]) }),
    event => ({ ...event, prevHash: new Uint8Array(32).fill(1) }),
    event => ({ ...event, idx: event.idx + 1 }),
    event => ({ ...event, headSignature: new Uint8Array(64) }),
  ]
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
      fc.nat(),
      fc.constantFrom(...change),
      async (batches, at, alter) => {
        const log = logOf(batches)
        const index = at % log.length
        log[index] = alter(log[index]!)
        await assert.rejects(verifyChain(streamDid, log, tools), ChainError)
      },
    ),
  )
})

test('a log without one of its events, or of another stream, does not verify', async () => {
  const log = logOf([2, 2])
  await assert.rejects(verifyChain(streamDid, log.toSpliced(1, 1), tools), /event 3: expected event 2/)
  await assert.rejects(verifyChain('did:plc:zzzzzzzzzzzzzzzzzzzzzzzz', log, tools), ChainError)
})

test('the links and hashes are those of the vectors', () => {
  const path = new URL('../../../vectors/streams-chain.json', import.meta.url)
  const { stream, events } = JSON.parse(readFileSync(path, 'utf8'))
  for (const { idx, user, payload, prevHash, link, hash: expected } of events) {
    const event = {
      idx,
      user,
      payload: bytesOf(payload),
      prevHash: bytesOf(prevHash),
      headSignature: undefined,
    }
    assert.equal(Buffer.from(linkBytes(stream, event)).toString('hex'), link)
    assert.equal(Buffer.from(sha256(linkBytes(stream, event))).toString('hex'), expected)
  }
})
