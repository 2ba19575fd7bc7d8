import assert from 'node:assert/strict'
import { it } from 'node:test'
import { alice, bob, bytes, nobody, onBothEngines, refusal, server } from './test-house.ts'

onBothEngines('the log', open => {
  it('is read past a cursor, bounded in items and bytes, at least one at a time', async () => {
    const { engine, create } = await open()
    const [before, stream, after] = [await create('a'), await create('b'), await create('c')]
    for (const one of [before, stream, after]) {
      const events = [10, 20, 30, 40].map(size => new Uint8Array(size))
      await engine.append({ stream: one, caller: alice, events })
    }
    const read = async (cursor: number, items: number, size: number) =>
      (await engine.readLog(stream, cursor, items, size)).map(event => event.idx)
    assert.deepEqual(await read(0, 100, 1000), [1, 2, 3, 4])
    assert.deepEqual(await read(0, 2, 1000), [1, 2])
    assert.deepEqual(await read(0, 100, 59), [1, 2])
    assert.deepEqual(await read(0, 100, 60), [1, 2, 3])
    assert.deepEqual(await read(1, 100, 1), [2])
    assert.deepEqual(await read(4, 100, 1000), [])
    assert.deepEqual(await read(40, 100, 1000), [])
    await refusal(engine.readLog(stream, -1, 10, 10))
  })

  it('is waited for, also while nothing comes', async () => {
    const { engine, create } = await open()
    const stream = await create()
    const { signal } = new AbortController()
    const waiting = engine.waitPast(stream, 1, signal)
    await engine.append({ stream, caller: alice, events: [bytes('a')] })
    await engine.append({ stream, caller: alice, events: [bytes('b')] })
    assert.equal(await waiting, 2)
    assert.equal(await engine.waitPast(stream, 1, signal), 2)
    const ending = new AbortController()
    const given = engine.waitPast(stream, 2, ending.signal)
    ending.abort()
    assert.equal(await given, 2)
    const deleted = refusal(engine.waitPast(stream, 2, signal))
    await engine.delete(stream)
    assert.match((await deleted).message, /was deleted/)
  })

  it('is everybody’s where the module says so, else its owners’', async () => {
    const { engine, create } = await open()
    const closed = await create('closed')
    const opened = await create('open', alice, { publicLog: true })
    const may = (stream: string) =>
      Promise.all([nobody, bob, alice, server].map(caller => engine.mayReadLog(caller, stream)))
    assert.deepEqual(await may(closed), [false, false, true, true])
    assert.deepEqual(await may(opened), [true, true, true, true])
  })
})
