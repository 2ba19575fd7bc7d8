import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from './clock.ts'
import { createLifecycle, type Part } from './lifecycle.ts'
import { silentLogger } from './log.ts'

function houseOf(...names: string[]) {
  const clock = createManualClock()
  const done: string[] = []
  const lifecycle = createLifecycle({ clock, log: silentLogger, deadlineMs: 10_000 })
  const part = (name: string): Part => ({
    name,
    start: async () => void done.push(`start ${name}`),
    quiesce: () => void done.push(`quiesce ${name}`),
    stop: async () => void done.push(`stop ${name}`),
  })
  for (const name of names) lifecycle.add(part(name))
  return { clock, done, lifecycle, part }
}

test('parts start in order and stop in reverse, after all have been told to take on nothing new', async () => {
  const { done, lifecycle } = houseOf('database', 'server')
  await lifecycle.start()
  assert.equal(lifecycle.stopping(), false)
  assert.deepEqual(await lifecycle.stop(), [])
  assert.equal(lifecycle.stopping(), true)
  assert.deepEqual(done, [
    'start database',
    'start server',
    'quiesce database',
    'quiesce server',
    'stop server',
    'stop database',
  ])
})

test('when a part fails to start, what was started is stopped and the error is thrown', async () => {
  const { done, lifecycle, part } = houseOf('database')
  lifecycle.add({ ...part('server'), start: () => Promise.reject(new Error('port taken')) })
  lifecycle.add(part('never'))
  await assert.rejects(lifecycle.start(), /port taken/)
  assert.deepEqual(
    done.filter(one => !one.startsWith('quiesce')),
    ['start database', 'stop server', 'stop database'],
  )
})

test('a part that fails to stop, or takes too long, is named, and the others are stopped all the same', async () => {
  const { clock, done, lifecycle, part } = houseOf('database')
  const stuck = Promise.withResolvers<number>()
  lifecycle.add({ ...part('broken'), stop: () => Promise.reject(new Error('no')) })
  lifecycle.add({
    ...part('stuck'),
    stop: leftMs => {
      stuck.resolve(leftMs)
      return new Promise(() => undefined)
    },
  })
  await lifecycle.start()
  const stopped = lifecycle.stop()
  assert.equal(await stuck.promise, 10_000)
  clock.advance(10_000)
  assert.deepEqual(await stopped, ['stuck', 'broken'])
  assert.equal(done.at(-1), 'stop database')
})

test('stopping twice stops once', async () => {
  const { done, lifecycle } = houseOf('database')
  await lifecycle.start()
  await Promise.all([lifecycle.stop(), lifecycle.stop()])
  assert.equal(done.filter(one => one === 'stop database').length, 1)
})

test('a stop while it starts ends the start', async () => {
  const { done, lifecycle, part } = houseOf()
  lifecycle.add({ ...part('slow'), start: async () => void (await lifecycle.stop()) })
  lifecycle.add(part('never'))
  await assert.rejects(lifecycle.start(), /stopped before everything had started/)
  assert.ok(!done.includes('start never'))
})
