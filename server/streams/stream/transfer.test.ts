import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { it } from 'node:test'
import { verifyChain } from '@leaf/streams/chain'
import { signingKeyFrom, verifySignature } from '../../kernel/keys.ts'
import type { LogEvent } from '../host/contract.ts'
import { moduleCidOf } from '../module/upload.ts'
import { alice, bob, bytes, moduleOf, nobody, onBothEngines, queryOf, refusal, rowsOf } from './test-house.ts'
import type { StreamToImport } from './transfer.ts'

const did = 'did:plc:importedimportedimported'
const secret = new Uint8Array(32).fill(7)
const key = signingKeyFrom(secret)
const eventsOf = (from: number, to: number): readonly LogEvent[] =>
  Array.from({ length: to - from + 1 }, (_, at) => ({
    idx: from + at,
    user: bob.did ?? '',
    payload: bytes(String(from + at)),
    signature: new Uint8Array(64),
  }))

const streamOf = (given: Partial<StreamToImport> = {}): StreamToImport => ({
  did,
  owners: [alice.did ?? ''],
  module: moduleOf('imported'),
  moduleCid: moduleCidOf(moduleOf('imported')),
  clientStamp: null,
  key: { secret },
  events: [eventsOf(1, 1500), eventsOf(1501, 2500)],
  ...given,
})

onBothEngines('a stream that is brought in', open => {
  it('has its events, a chain that its key signs, and goes on from there', async () => {
    const { engine } = await open()
    assert.deepEqual(await engine.transfer.import(streamOf()), { events: 2500 })
    await engine.append({ stream: did, caller: alice, events: [bytes('new')] })
    const log = await engine.readLog(did, 0, 10_000, 1e7)
    const head = await verifyChain(did, log, {
      sha256: data => new Uint8Array(hash('sha256', data, 'buffer')),
      verify: (message, signature) => verifySignature(key.didKey, message, signature),
    })
    assert.deepEqual([head.idx, head.signedIdx], [2501, 2501])
    const query = queryOf('all', { start: 2500, limit: 10 })
    assert.deepEqual(rowsOf((await engine.query(nobody, did, query)).drisl), ['2500', 'new'])
    assert.deepEqual((await engine.list({ limit: 1 }))[0]?.owners, [alice.did])
  })

  it('goes on where it was cut off, and takes nothing else before it is whole', async () => {
    const { engine } = await open()
    const holed = streamOf({ events: [eventsOf(1, 100), eventsOf(102, 103)] })
    assert.match((await refusal(engine.transfer.import(holed))).message, /expected event 101, got 102/)
    assert.equal(await engine.head(did), 100)
    const append = () => engine.append({ stream: did, caller: alice, events: [bytes('x')] })
    assert.equal((await refusal(append())).code, 'forbidden')
    assert.equal((await refusal(engine.freeze(did, false))).code, 'missing')
    assert.deepEqual(await engine.transfer.import(streamOf({ events: [eventsOf(50, 300)] })), { events: 300 })
    assert.deepEqual(await append(), { firstIdx: 301, lastIdx: 301 })
    assert.equal((await refusal(engine.transfer.import(streamOf()))).code, 'conflict')
  })

  it('needs its module, and the bytes that its CID names', async () => {
    const { engine } = await open()
    const { module: _, ...without } = streamOf()
    assert.equal((await refusal(engine.transfer.import(without))).code, 'missing')
    const wrong = streamOf({ module: moduleOf('another') })
    assert.equal((await refusal(engine.transfer.import(wrong))).code, 'invalid')
    assert.equal((await engine.counts()).streams, 0)
  })

  it('can be taken out of one house and into another, with its key and its state', async () => {
    const [from, to] = [await open(), await open()]
    const stream = await from.create()
    await from.engine.append({ stream, caller: alice, events: [bytes('a'), bytes('b')] })
    await from.engine.appendState({ stream, caller: bob, events: [bytes('s')] })
    const { sealedKey, ...described } = await from.engine.transfer.describe(stream)
    const state = await from.engine.transfer.copyState(stream)
    assert.ok(sealedKey !== null && state !== undefined)
    await to.engine.transfer.import({
      ...described,
      module: moduleOf('first'),
      key: { sealed: sealedKey },
      state,
      events: [await from.engine.readLog(stream, 0, 100, 1e6)],
    })
    await to.engine.append({ stream, caller: bob, events: [bytes('c')] })
    await to.engine.appendState({ stream, caller: bob, events: [bytes('t')] })
    assert.deepEqual(to.hosts.stateOf(stream), ['s', 't'])
    const [before, after] = [
      await from.engine.readLog(stream, 0, 100, 1e6),
      await to.engine.readLog(stream, 0, 100, 1e6),
    ]
    assert.deepEqual(
      after.slice(0, 2).map(({ prevHash, signature }) => [prevHash, signature]),
      before.map(({ prevHash, signature }) => [prevHash, signature]),
    )
    assert.equal(after.length, 3)
  })
})
