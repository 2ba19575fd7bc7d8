import assert from 'node:assert/strict'
import { it } from 'node:test'
import { noRedis, startRedis } from '../../test/support/redis.ts'
import { systemClock } from '../clock.ts'
import { silentLogger } from '../log.ts'
import { openRedis } from './redis.ts'

it('scripts run on a Redis that is there, and a stop ends them', async t => {
  const server = await startRedis()
  if (server === undefined) {
    t.skip(noRedis)
    return
  }
  const redis = await openRedis({ url: server.url, clock: systemClock, log: silentLogger })
  t.after(() => redis.close())
  await redis.check()
  assert.equal(await redis.eval('return tonumber(ARGV[1]) + 1', 0, 41), 42)
  await server.stop()
  await assert.rejects(redis.check(), /redis does not answer/)
})

it('a client whose Redis went away unnoticed still closes', async t => {
  const server = await startRedis()
  if (server === undefined) {
    t.skip(noRedis)
    return
  }
  const redis = await openRedis({ url: server.url, clock: systemClock, log: silentLogger })
  // Not awaited: the client still takes the connection for a good one.
  const stopping = server.stop()
  await redis.close()
  await stopping
})

it('a Redis that is not there fails at once and keeps nothing waiting', async () => {
  const warned: string[] = []
  const log = { ...silentLogger, warn: (_fields: unknown, message: string) => void warned.push(message) }
  const redis = await openRedis({ url: 'redis://127.0.0.1:1', clock: systemClock, log })
  await assert.rejects(redis.check(), /redis does not answer/)
  await assert.rejects(redis.eval('return 1', 0))
  assert.ok(warned.includes('redis does not answer: going on without it until it does'))
  await redis.close()
})
