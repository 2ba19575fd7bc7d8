import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../../kernel/clock.ts'
import { quarantineMs } from './limits.ts'
import { createLocks } from './locks.ts'
import { createQuarantine } from './quarantine.ts'

test('who takes a lock waits for those before, in their order, and keys do not wait for one another', async () => {
  const locks = createLocks(10)
  const told: string[] = []
  const first = await locks.take('a')
  const second = locks.take('a').then(release => {
    told.push('second')
    return release
  })
  const third = locks.take('a').then(() => told.push('third'))
  await locks.take('b')
  told.push('b')
  first()
  first()
  const release = await second
  assert.deepEqual(told, ['b', 'second'])
  release()
  await third
  assert.deepEqual(told, ['b', 'second', 'third'])
})

test('too many who wait are refused', async () => {
  const locks = createLocks(1)
  await locks.take('a')
  void locks.take('a')
  await assert.rejects(locks.take('a'), { code: 'unavailable' })
})

test('what was killed twice is refused for a while, and then tried again', () => {
  const clock = createManualClock()
  const quarantine = createQuarantine(clock)
  quarantine.killed('x')
  quarantine.check('x')
  quarantine.killed('x')
  assert.throws(() => quarantine.check('x'), { code: 'unavailable', retryAfterMs: quarantineMs })
  quarantine.check('y')
  assert.equal(quarantine.count(), 1)
  clock.advance(quarantineMs)
  quarantine.check('x')
  assert.equal(quarantine.count(), 0)
})

test('two kills far apart are not held against it', () => {
  const clock = createManualClock()
  const quarantine = createQuarantine(clock)
  quarantine.killed('x')
  clock.advance(quarantineMs)
  quarantine.killed('x')
  quarantine.check('x')
})
