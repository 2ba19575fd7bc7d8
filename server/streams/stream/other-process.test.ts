import assert from 'node:assert/strict'
import { it } from 'node:test'
import { markDeleted } from '../database/deleted.ts'
import { setFrozen, streamByDid } from '../database/streams.ts'
import { alice, bytes, nobody, onBothEngines, queryOf, refusal, until } from './test-house.ts'

onBothEngines('what another process does to a stream in the database', open => {
  it('is noticed: frozen at the next append, unfrozen at the next as well', async () => {
    const { engine, database, create } = await open()
    const stream = await create()
    const append = () => engine.append({ stream, caller: alice, events: [bytes('a')] })
    await append()
    await database.write(tx => setFrozen(tx, stream, true))
    assert.equal((await refusal(append())).code, 'unavailable')
    assert.equal((await refusal(append())).code, 'forbidden')
    await database.write(tx => setFrozen(tx, stream, false))
    assert.deepEqual(await append(), { firstIdx: 2, lastIdx: 2 })
  })

  it('is noticed: deleted within a minute, for those who have it open, too', async () => {
    const { engine, database, create, clock, hosts } = await open()
    const stream = await create()
    await engine.append({ stream, caller: alice, events: [bytes('a')] })
    await engine.start()
    const record = await streamByDid(database.direct, stream)
    assert.ok(record !== undefined)
    await database.write(tx => markDeleted(tx, record, clock.now()))
    clock.advance(60_000)
    await until(() => hosts.removed.includes(stream))
    assert.match((await refusal(engine.query(nobody, stream, queryOf('all')))).message, /was deleted/)
  })
})
