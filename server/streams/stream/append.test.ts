import assert from 'node:assert/strict'
import { it } from 'node:test'
import { hash } from 'node:crypto'
import { verifyChain } from '@leaf/streams/chain'
import type { PlcClient } from '../../kernel/identity/types.ts'
import { verifySignature } from '../../kernel/keys.ts'
import { Refusal } from '../../kernel/errors.ts'
import { batchBytes } from './chain.ts'
import { denied } from './test-hosts.ts'
import {
  alice,
  bob,
  bytes,
  nobody,
  onBothEngines,
  queryOf,
  refusal,
  rowsOf,
  server,
  until,
} from './test-house.ts'

async function verifierOf(plc: PlcClient, stream: string) {
  const key = (await plc.data(stream as 'did:plc:x'))?.verificationMethods['leaf_server'] ?? ''
  return (message: Uint8Array, signature: Uint8Array) => verifySignature(key, message, signature)
}

const sha256 = (data: Uint8Array) => new Uint8Array(hash('sha256', data, 'buffer'))

onBothEngines('an append', open => {
  it('numbers events densely from 1, and a refused batch leaves no trace', async () => {
    const { engine, create, hosts } = await open()
    const stream = await create()
    const send = (...events: string[]) => engine.append({ stream, caller: alice, events: events.map(bytes) })
    const answers = await Promise.allSettled([send('a', 'b'), send('c', 'deny'), send('d')])
    assert.deepEqual(answers[0], { status: 'fulfilled', value: { firstIdx: 1, lastIdx: 2 } })
    assert.equal((answers[1] as PromiseRejectedResult).reason.message, denied)
    assert.deepEqual(answers[2], { status: 'fulfilled', value: { firstIdx: 3, lastIdx: 3 } })
    assert.deepEqual(hosts.logOf(stream), ['a', 'b', 'd'])
    assert.deepEqual(
      (await engine.readLog(stream, 0, 10, 1000)).map(event => event.idx),
      [1, 2, 3],
    )
    assert.equal(await engine.head(stream), 3)
  })

  it('is in the chain that the key of the stream signs', async () => {
    const { engine, create, plc } = await open()
    const stream = await create()
    await Promise.all([
      engine.append({ stream, caller: alice, events: [bytes('a'), bytes('b')] }),
      engine.append({ stream, caller: bob, events: [bytes('c')] }),
    ])
    await engine.append({ stream, caller: bob, events: [new Uint8Array(0)] })
    const verify = await verifierOf(plc, stream)
    const log = await engine.readLog(stream, 0, 100, 100_000)
    const head = await verifyChain(stream, log, { sha256, verify })
    assert.deepEqual([head.idx, head.signedIdx], [4, 4])
    assert.deepEqual(
      [0, 3].map(at => log[at]?.headSignature !== undefined),
      [false, true],
    )
  })

  it('carries the signature of its batch, which covers what is stored together with it', async () => {
    const { engine, create, plc } = await open()
    const stream = await create()
    const [ab, c] = [
      { user: alice.did!, payloads: [bytes('a'), bytes('b')] },
      { user: bob.did!, payloads: [bytes('c')] },
    ]
    const sendAb = () => engine.append({ stream, caller: alice, events: ab.payloads })
    const sendC = () => engine.append({ stream, caller: bob, events: c.payloads })
    await sendAb()
    await Promise.all([sendAb(), sendC()])
    const verify = await verifierOf(plc, stream)
    const log = await engine.readLog(stream, 0, 100, 100_000)
    assert.ok(verify(batchBytes(ab), log[0]!.signature))
    assert.deepEqual(log[1]!.signature, log[0]!.signature)
    assert.ok(verify(batchBytes(ab, c), log[2]!.signature))
    assert.deepEqual([log[3]!.signature, log[4]!.signature], [log[2]!.signature, log[2]!.signature])
  })

  it('shares no signature with what was refused', async () => {
    const { engine, create, hosts, plc } = await open()
    const stream = await create()
    const send = (...events: string[]) => engine.append({ stream, caller: alice, events: events.map(bytes) })
    const verify = await verifierOf(plc, stream)
    const one = (text: string) => batchBytes({ user: alice.did!, payloads: [bytes(text)] })
    await send('a')
    await Promise.allSettled([send('deny'), send('b')])
    await Promise.allSettled([send('c'), send('deny'), send('d')])
    const log = await engine.readLog(stream, 0, 100, 100_000)
    assert.deepEqual(
      log.map(({ payload, signature }) => verify(one(new TextDecoder().decode(payload)), signature)),
      [true, true, true, true],
    )
    assert.deepEqual(hosts.logOf(stream), ['a', 'b', 'c', 'd'])
    // The second group knew already that the module refuses.
    assert.equal(hosts.executed.prepares, 4)
  })

  it('comes along with others that wait for a host', async () => {
    const { engine, create, hosts } = await open()
    const stream = await create()
    const send = (text: string) => engine.append({ stream, caller: alice, events: [bytes(text)] })
    const free = Promise.withResolvers<void>()
    let isWaiting = false
    hosts.hooks.take = () => {
      isWaiting = true
      return free.promise
    }
    const first = send('a')
    await until(() => isWaiting)
    const others = [send('b'), send('c')]
    const apart = engine.append({ stream, caller: alice, events: [bytes('d')], expectedIdx: 3 })
    // They are in the queue as soon as the stream was looked up.
    let turns = 0
    await until(() => (turns += 1) > 10)
    free.resolve()
    assert.deepEqual(
      (await Promise.all([first, ...others, apart])).map(answer => answer.lastIdx),
      [1, 2, 3, 4],
    )
    assert.equal(hosts.executed.prepares, 2)
  })

  it('goes on with the chain after a restart', async () => {
    const { engine, create, again, plc } = await open()
    const stream = await create()
    await engine.append({ stream, caller: alice, events: [bytes('a')] })
    const second = again().engine
    await second.append({ stream, caller: alice, events: [bytes('b')] })
    const verify = await verifierOf(plc, stream)
    const head = await verifyChain(stream, await second.readLog(stream, 0, 10, 1000), { sha256, verify })
    assert.equal(head.signedIdx, 2)
  })

  it('is refused with the texts of the protocol', async () => {
    const { engine, create } = await open()
    const stream = await create()
    const events = [bytes('a')]
    const texts = [
      await refusal(engine.append({ stream, caller: nobody, events })),
      await refusal(engine.appendState({ stream, caller: nobody, events })),
      await refusal(engine.append({ stream, caller: alice, events, userOverride: 'did:web:x' })),
      await refusal(engine.clearState(nobody, stream)),
      await refusal(engine.clearState(bob, stream)),
    ].map(({ message }) => message)
    assert.deepEqual(texts, [
      'Only authenticated users can send events',
      'Only authenticated users can send state events',
      'user_override is only allowed for trusted (unsafe_auth_token) connections',
      'Only authenticated users can clear state',
      'Only a stream owner can set its handle',
    ])
    assert.equal(await engine.head(stream), 0)
  })

  it('of a trusted connection may name another user', async () => {
    const { engine, create } = await open()
    const stream = await create()
    await engine.append({ stream, caller: server, events: [bytes('a')], userOverride: 'did:web:x' })
    assert.equal((await engine.readLog(stream, 0, 1, 1000))[0]?.user, 'did:web:x')
  })

  it('without events does nothing', async () => {
    const { engine, create } = await open()
    const stream = await create()
    assert.deepEqual(await engine.append({ stream, caller: alice, events: [] }), { firstIdx: 0, lastIdx: 0 })
    assert.equal(await engine.head(stream), 0)
  })

  it('to a stream that nobody created is refused, and creates nothing', async () => {
    const { engine, database } = await open()
    const stream = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
    const events = [bytes('a')]
    const answer = await refusal(engine.append({ stream, caller: alice, events }))
    assert.deepEqual([answer.code, answer.message], ['missing', `Stream not found: ${stream}`])
    assert.equal((await refusal(engine.query(alice, stream, queryOf('all')))).code, 'missing')
    assert.equal((await refusal(engine.info(stream))).code, 'missing')
    assert.deepEqual(await database.read(tx => tx.all('SELECT id FROM streams_stream')), [])
  })

  it('that expects another head is a conflict', async () => {
    const { engine, create } = await open()
    const stream = await create()
    const send = (text: string, expectedIdx: number) =>
      engine.append({ stream, caller: alice, events: [bytes(text)], expectedIdx })
    const [first, second, third] = await Promise.allSettled([send('a', 0), send('b', 0), send('c', 1)])
    assert.equal(first?.status, 'fulfilled')
    assert.equal((second as PromiseRejectedResult).reason.code, 'conflict')
    assert.equal(third?.status, 'fulfilled')
  })

  it('with an id that was taken answers as it did then, also at the same time and after a restart', async () => {
    const { engine, create, again } = await open()
    const stream = await create()
    const send = (to: typeof engine, batchId: string) =>
      to.append({ stream, caller: alice, events: [bytes('a'), bytes('b')], batchId })
    const answers = await Promise.all([send(engine, 'one'), send(engine, 'one'), send(engine, 'two')])
    assert.deepEqual(answers.map(({ firstIdx }) => firstIdx).toSorted(), [1, 1, 3])
    assert.deepEqual(await send(again().engine, 'one'), { firstIdx: 1, lastIdx: 2 })
    assert.equal(await engine.head(stream), 4)
  })

  it('is bounded in events, bytes and the quota of the stream’s owner', async () => {
    const limits = {
      moduleBytesMax: 1000,
      batchEventsMax: 3,
      batchBytesMax: 100,
      quota: { streams: 1, bytes: 300 },
    }
    const { engine, create } = await open({ settings: { limits } })
    const stream = await create()
    const send = (...events: Uint8Array[]) => engine.append({ stream, caller: bob, events })
    assert.equal((await refusal(send(...Array(4).fill(bytes('a'))))).code, 'too-large')
    assert.equal((await refusal(send(new Uint8Array(101)))).code, 'too-large')
    await send(new Uint8Array(100))
    const full = await refusal(send(new Uint8Array(100)))
    assert.match(full.message, /may store 300 bytes, and has 164: 164 more do not fit/)
    await engine.setQuota(alice.did ?? '', { streams: 1, bytes: 1000 })
    await send(new Uint8Array(100))
    const { quota, used } = await engine.quotaOf(alice.did ?? '')
    assert.deepEqual([quota.bytes, used.bytes, used.streams], [1000, 328, 1])
    assert.match((await refusal(create('second'))).message, /may have 1 streams, and have 1/)
  })

  it('to a frozen stream is refused until it is thawed, and reading goes on', async () => {
    const { engine, create } = await open()
    const stream = await create()
    const send = () => engine.append({ stream, caller: alice, events: [bytes('a')] })
    await send()
    await engine.freeze(stream, true)
    assert.equal((await refusal(send())).code, 'forbidden')
    assert.equal(
      (await refusal(engine.appendState({ stream, caller: alice, events: [bytes('a')] }))).code,
      'forbidden',
    )
    assert.deepEqual(rowsOf((await engine.query(nobody, stream, queryOf('all'))).drisl), ['a'])
    await engine.freeze(stream, false)
    assert.deepEqual(await send(), { firstIdx: 2, lastIdx: 2 })
  })

  it('whose host fails is told so, and the next one goes on', async () => {
    const { engine, create, hosts } = await open()
    const stream = await create()
    const send = (text: string) => engine.append({ stream, caller: alice, events: [bytes(text)] })
    await send('a')
    hosts.hooks.prepare = () => Promise.reject(new Refusal('unavailable', 'the host was killed'))
    assert.equal((await refusal(send('b'))).message, 'the host was killed')
    delete hosts.hooks.prepare
    assert.deepEqual(await send('c'), { firstIdx: 2, lastIdx: 2 })
  })
})

onBothEngines('the state', open => {
  it('takes events and clearing in one journal, in order', async () => {
    const { engine, create, hosts } = await open()
    const stream = await create()
    const send = (text: string) => engine.appendState({ stream, caller: bob, events: [bytes(text)] })
    await Promise.all([send('a'), send('b')])
    await assert.rejects(send('deny'))
    await engine.clearState(alice, stream)
    await send('c')
    assert.deepEqual(hosts.stateOf(stream), ['a', 'b', 'clear', 'c'])
    assert.equal(await engine.head(stream), 0)
  })

  it('is in its journal until a checkpoint, then what is durable goes', async () => {
    const house = await open()
    const { engine, create, database, clock } = house
    const stream = await create()
    const events = Array.from({ length: 500 }, () => bytes('x'))
    await engine.appendState({ stream, caller: bob, events })
    const journal = async () =>
      (await database.read(tx => tx.get<{ n: number }>('SELECT count(*) AS n FROM streams_state_event')))?.n
    assert.equal(await journal(), 500)
    await engine.start()
    await engine.appendState({ stream, caller: bob, events })
    const seen = until(async () => (await journal()) === 0)
    clock.advance(60_000)
    await seen
    await engine.appendState({ stream, caller: bob, events: [bytes('y')] })
    assert.equal(await journal(), 1)
  })
})
