import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { noRedis, startRedis } from '../test/support/redis.ts'
import { createManualClock, systemClock } from './clock.ts'
import { describeLimiter } from './limit-suite.ts'
import { createMemoryLimiter, createRedisLimiter, type LimitRule } from './limit.ts'
import { silentLogger } from './log.ts'
import { openRedis } from './storage/redis.ts'

describeLimiter(
  'in memory',
  async () => {
    const clock = createManualClock()
    const limiter = createMemoryLimiter({ clock, keysMax: 100 })
    return { limiter, endWindow: async rule => clock.advance(rule.windowMs), stop: () => limiter.close() }
  },
  false,
)

const redis = await startRedis()
after(() => redis?.stop())
let houses = 0

describeLimiter(
  'in Redis',
  async () => {
    const connection = await openRedis({ url: redis?.url ?? '', clock: systemClock, log: silentLogger })
    const prefix = `test-${++houses}:`
    const fallback = createMemoryLimiter({ clock: createManualClock(), keysMax: 1 })
    const limiter = createRedisLimiter({
      redis: connection,
      fallback,
      clock: systemClock,
      log: silentLogger,
      prefix,
    })
    return {
      limiter,
      endWindow: async (rule, key) =>
        void (await connection.eval("redis.call('DEL', KEYS[1])", 1, `${prefix}${rule.name}:${key}`)),
      stop: () => connection.close(),
    }
  },
  redis === undefined ? noRedis : false,
)

const rule: LimitRule = { name: 'write', points: 2, windowMs: 1000 }

test('in Redis: every counter has an end', { skip: redis === undefined ? noRedis : false }, async t => {
  const connection = await openRedis({ url: redis?.url ?? '', clock: systemClock, log: silentLogger })
  t.after(() => connection.close())
  const fallback = createMemoryLimiter({ clock: systemClock, keysMax: 10 })
  const limiter = createRedisLimiter({
    redis: connection,
    fallback,
    clock: systemClock,
    log: silentLogger,
    prefix: 'end:',
  })
  await limiter.consume(rule, 'alice')
  await limiter.restore(rule, 'alice', 1)
  const left = await connection.eval("return redis.call('PTTL', KEYS[1])", 1, 'end:write:alice')
  assert.ok(Number(left) > 0 && Number(left) <= 1000)
})

test('in memory: no more keys are kept than allowed, and the oldest are forgotten first', async () => {
  const clock = createManualClock()
  const limiter = createMemoryLimiter({ clock, keysMax: 10 })
  await limiter.consume(rule, 'first', 2)
  for (let i = 0; i < 9; i++) await limiter.consume(rule, `key ${i}`, 2)
  assert.equal((await limiter.consume(rule, 'first')).exceeded, true)
  await limiter.consume(rule, 'one more')
  assert.equal((await limiter.consume(rule, 'key 8')).exceeded, true)
  assert.equal((await limiter.consume(rule, 'first')).exceeded, false)
})

test('in memory: counters that are over make room for new ones', async () => {
  const clock = createManualClock()
  const limiter = createMemoryLimiter({ clock, keysMax: 10 })
  for (let i = 0; i < 5; i++) await limiter.consume(rule, `old ${i}`)
  clock.advance(500)
  await limiter.consume(rule, 'young', 2)
  clock.advance(500)
  for (let i = 0; i < 8; i++) await limiter.consume(rule, `new ${i}`)
  assert.equal((await limiter.consume(rule, 'young')).exceeded, true)
})

test('while Redis fails, limits are counted in memory, and nobody waits for it a second time', async () => {
  const clock = createManualClock()
  let asked = 0
  const warnings: string[] = []
  const limiter = createRedisLimiter({
    redis: {
      eval: () => {
        asked += 1
        return Promise.reject(new Error('gone'))
      },
    },
    fallback: createMemoryLimiter({ clock, keysMax: 10 }),
    clock,
    log: { ...silentLogger, warn: (_fields, message) => void warnings.push(message) },
  })
  await limiter.consume(rule, 'alice')
  await limiter.consume(rule, 'alice')
  assert.equal((await limiter.consume(rule, 'alice')).exceeded, true)
  assert.equal(asked, 1)
  assert.equal(warnings.length, 1)
  clock.advance(1000)
  await limiter.consume(rule, 'alice')
  assert.equal(asked, 2)
})

test('a Redis that does not answer in time counts as failed', async () => {
  const clock = createManualClock()
  const limiter = createRedisLimiter({
    redis: { eval: () => new Promise(() => undefined) },
    fallback: createMemoryLimiter({ clock, keysMax: 10 }),
    clock,
    log: silentLogger,
  })
  const waiting = limiter.consume(rule, 'alice')
  clock.advance(250)
  assert.equal((await waiting).remaining, 1)
})
