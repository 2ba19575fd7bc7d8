import assert from 'node:assert/strict'
import { it } from 'node:test'
import { alice, bytes, onBothEngines, queryOf, refusal, rowsOf, subscribe, until } from './test-house.ts'

const first = { id: 'node-1', address: 'http://first:3334' }
const second = { id: 'node-2', address: 'http://second:3334' }

onBothEngines('a stream that several nodes could serve', open => {
  it('is served by one, and the other says where', async () => {
    const { engine, create, again } = await open({ node: first })
    await engine.start()
    const other = again({ node: second })
    await other.engine.start()
    const stream = await create()
    await engine.append({ stream, caller: alice, events: [bytes('a')] })
    const answer = await refusal(other.engine.append({ stream, caller: alice, events: [bytes('b')] }))
    assert.deepEqual(
      [answer.code, answer.message],
      ['unavailable', 'The stream is served by another node: http://first:3334'],
    )
    assert.equal(await other.engine.head(stream), 1)
    assert.equal((await other.engine.readLog(stream, 0, 10, 100)).length, 1)
    assert.deepEqual(other.hosts.removed, [])
  })

  it('passes on when its node stops, with its log and its state', async () => {
    const { engine, create, again } = await open({ node: first })
    await engine.start()
    const stream = await create()
    await engine.append({ stream, caller: alice, events: [bytes('a')] })
    await engine.appendState({ stream, caller: alice, events: [bytes('s')] })
    const other = again({ node: second })
    await other.engine.start()
    await engine.stop()
    await other.engine.append({ stream, caller: alice, events: [bytes('b')] })
    await other.engine.appendState({ stream, caller: alice, events: [bytes('t')] })
    assert.deepEqual(other.hosts.logOf(stream), ['a', 'b'])
    assert.deepEqual(other.hosts.stateOf(stream), ['s', 't'])
    assert.deepEqual(other.hosts.removed, [stream])
  })

  it('keeps the state that is not in its journal any more when it passes on', async () => {
    const { engine, create, again, database } = await open({ node: first })
    await engine.start()
    const stream = await create()
    const events = Array.from({ length: 400 }, () => new Uint8Array(5000))
    for (let round = 0; round < 3; round += 1) await engine.appendState({ stream, caller: alice, events })
    const journal = async () =>
      (await database.read(tx => tx.get<{ n: number }>('SELECT count(*) AS n FROM streams_state_event')))?.n
    await until(async () => (await journal()) === 0)
    await engine.appendState({ stream, caller: alice, events: [bytes('last')] })
    await engine.stop()
    const other = again({ node: second })
    await other.engine.start()
    await other.engine.appendState({ stream, caller: alice, events: [bytes('more')] })
    assert.equal(other.hosts.stateOf(stream).length, 1202)
    assert.deepEqual(other.hosts.stateOf(stream).slice(-2), ['last', 'more'])
  })

  it('passes on when its node is silent for too long, and that one cannot add to it any more', async () => {
    const { engine, create, again, clock } = await open({ node: first })
    await engine.start()
    const stream = await create()
    await engine.append({ stream, caller: alice, events: [bytes('a')] })
    const reader = await subscribe(engine, stream, { query: queryOf('all', { start: 1 }) })
    await reader.until(1)
    // Nothing of the first node runs: its machine sleeps.
    clock.step(31_000)
    const other = again({ node: second })
    await other.engine.append({ stream, caller: alice, events: [bytes('b')] })
    const late = await refusal(engine.append({ stream, caller: alice, events: [bytes('c')] }))
    assert.equal(late.code, 'unavailable')
    assert.deepEqual(rowsOf((await other.engine.query(alice, stream, queryOf('all'))).drisl), ['a', 'b'])
    assert.equal(await other.engine.head(stream), 2)
    reader.end()
  })

  it('comes back to a node with what the other did meanwhile', async () => {
    const { engine, create, again, hosts } = await open({ node: first })
    await engine.start()
    const stream = await create()
    await engine.append({ stream, caller: alice, events: [bytes('a')] })
    await engine.stop()
    const other = again({ node: second })
    await other.engine.start()
    await other.engine.append({ stream, caller: alice, events: [bytes('b')] })
    await other.engine.stop()
    const back = again({ node: first })
    await back.engine.start()
    await back.engine.append({ stream, caller: alice, events: [bytes('c')] })
    assert.deepEqual(back.hosts.logOf(stream), ['a', 'b', 'c'])
    assert.deepEqual(hosts.logOf(stream), ['a'])
  })
})
