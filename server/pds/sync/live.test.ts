import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLive, type LiveEvent } from './live.ts'
import { createEventLog } from './log.ts'
import { createPruning } from './pruning.ts'
import { alice, bob, lastSeq, openSyncHouse } from './test-house.ts'
import { openRepoHouse } from './test-repos.ts'
import { silentLogger } from '../../kernel/log.ts'
import { eventsAfter } from '../database/sequencer.ts'

describe('the live view of the firehose', () => {
  it('begins with the newest events and goes on with what comes, of one account or of all', async () => {
    const house = await openRepoHouse()
    await house.addAccount(alice)
    await house.addAccount(bob)
    await house.post(alice, 'first', { text: 'hello' })
    const log = createEventLog({ database: house.database, clock: house.clock })
    const live = createLive({ database: house.database, log, lastSeq })
    const collect = async (count: number, did?: string) => {
      const events: LiveEvent[] = []
      const controller = new AbortController()
      const options = { signal: controller.signal, ...(did === undefined ? {} : { did }) }
      for await (const event of live(options)) {
        events.push(event)
        if (events.length === count) controller.abort()
      }
      return events
    }
    const [alices, all] = [collect(4, alice), collect(7)]
    await house.post(bob, 'other')
    await house.post(alice, 'second', { text: 'again' })
    assert.deepEqual(
      (await alices).map(event => [event.type, event.ops?.[0]?.path]),
      [
        ['commit', undefined],
        ['sync', undefined],
        ['commit', 'com.example.note/first'],
        ['commit', 'com.example.note/second'],
      ],
    )
    assert.equal((await all).at(-1)?.did, alice)
    const [, , first] = await alices
    assert.deepEqual(JSON.parse(JSON.stringify(first?.ops?.[0]?.record)), {
      $type: 'com.example.note',
      text: 'hello',
    })
    log.close()
    await house.close()
  })
})

describe('pruning', () => {
  it('removes what is past the window, but for the newest of it', async () => {
    const house = await openSyncHouse()
    const { database, clock } = house
    const pruning = createPruning({ database, clock, logger: silentLogger, windowMs: 72 * 3_600_000 })
    await house.append(450)
    clock.advance(74 * 3_600_000)
    await house.append(3)
    assert.equal(await pruning.prune(), 449)
    const left = await database.read(tx => eventsAfter(tx, 0, { limit: 100, bytesMax: 1e6 }))
    assert.deepEqual(
      left.map(event => event.seq),
      [450, 451, 452, 453],
    )
    assert.equal(await pruning.prune(), 0)
    const subscriber = house.connect('?cursor=3')
    await subscriber.until(4)
    assert.equal(subscriber.messages[0]?.body['name'], 'OutdatedCursor')
    assert.deepEqual(subscriber.seqs(), [451, 452, 453])
    await house.close()
  })
})
