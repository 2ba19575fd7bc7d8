import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createManualClock } from '../../kernel/clock.ts'
import { createMemoryLimiter } from '../../kernel/limit.ts'
import type { AnyXrpcMethod } from '../xrpc/call.ts'
import type { XrpcMethod } from '../xrpc/method.ts'
import { alice, openRepoHouse, type RepoHouse } from '../xrpc/test-house.ts'
import { parseWindows } from './ratelimit.ts'

const ns = 'com.atproto.repo'
const note = 'com.example.note'

test('windows are points per seconds', () => {
  assert.deepEqual(parseWindows('5000/3600, 35000/86400'), [
    { points: 5000, seconds: 3600 },
    { points: 35_000, seconds: 86_400 },
  ])
  assert.deepEqual(parseWindows(''), [])
  for (const text of ['5000', '5/0', '0/5', 'a/b', '5/5,', '5/5/5', '-1/5']) {
    assert.throws(() => parseWindows(text), /expected points\/seconds/, text)
  }
})

const updating: XrpcMethod = {
  nsid: 'com.atproto.identity.updateHandle',
  type: 'procedure',
  auth: { need: 'session' },
  rate: [{ class: 'auth' }],
  handle: async () => undefined,
}

describe('rate limits', () => {
  const write = (limited: RepoHouse, rkey: string) =>
    limited.call(`${ns}.putRecord`, { as: alice, json: { repo: alice, collection: note, rkey, record: {} } })
  const open = async (
    preset: 'reference' | 'seed',
    overrides: object = {},
    methods: readonly AnyXrpcMethod[] = [],
  ) => {
    const clock = createManualClock()
    const limiter = createMemoryLimiter({ clock, keysMax: 1000 })
    const limited = await openRepoHouse({ clock, limits: { preset, overrides, limiter }, methods })
    await limited.addAccount(alice, 'alice.test')
    return { limited, clock }
  }

  test('count points for writes, tell how things stand, and refuse', async t => {
    const { limited, clock } = await open('reference', { write: '5/3600' })
    t.after(() => limited.close())
    const first = await write(limited, 'a')
    assert.equal(first.headers.get('ratelimit-limit'), '5')
    assert.equal(first.headers.get('ratelimit-remaining'), '3')
    assert.equal(first.headers.get('ratelimit-policy'), '5;w=3600')
    assert.equal(Number(first.headers.get('ratelimit-reset')), Math.floor(clock.now() / 1000) + 3600)
    await write(limited, 'b')
    clock.advance(600_000)
    const third = await write(limited, 'c')
    assert.equal(third.status, 429)
    assert.equal(third.body.error, 'RateLimitExceeded')
    assert.equal(third.headers.get('retry-after'), '3000')
    clock.advance(3_000_001)
    assert.equal((await write(limited, 'd')).status, 200)
  })

  test('hold for everything that comes from one address', async t => {
    const { limited } = await open('reference', { standard: '2/300', write: '100/3600' })
    t.after(() => limited.close())
    const read = () => limited.call(`${ns}.describeRepo`, { params: { repo: alice } })
    // The tighter of the two is told.
    assert.equal((await write(limited, 'a')).headers.get('ratelimit-policy'), '2;w=300')
    assert.equal((await read()).headers.get('ratelimit-remaining'), '0')
    assert.equal((await read()).status, 429)
    assert.equal((await limited.call('com.example.unknown')).status, 429)
  })

  test('of several windows all hold, and the tightest is told', async t => {
    const { limited } = await open('reference', { write: '100/3600,5/86400' })
    t.after(() => limited.close())
    assert.equal((await write(limited, 'a')).headers.get('ratelimit-policy'), '5;w=86400')
    await write(limited, 'b')
    assert.equal((await write(limited, 'c')).status, 429)
  })

  test('of some methods are counted by themselves, unless their class is configured', async t => {
    const { limited } = await open('reference', { standard: '1000/300' }, [updating])
    t.after(() => limited.close())
    const update = (house: RepoHouse) =>
      house.call(updating.nsid, { as: alice, json: { handle: 'new.test' } })
    assert.equal((await update(limited)).headers.get('ratelimit-policy'), '10;w=300')
    const configured = await open('reference', { auth: '7/60' }, [updating])
    t.after(() => configured.limited.close())
    assert.equal((await update(configured.limited)).headers.get('ratelimit-policy'), '7;w=60')
  })

  test('of the seed are requests a minute, by class', async t => {
    const { limited } = await open('seed')
    t.after(() => limited.close())
    const answer = await write(limited, 'a')
    assert.equal(answer.headers.get('ratelimit-policy'), '30;w=60')
    assert.equal(answer.headers.get('ratelimit-remaining'), '29')
    const read = await limited.call(`${ns}.describeRepo`, { params: { repo: alice } })
    assert.equal(read.headers.get('ratelimit-policy'), '300;w=60')
  })
})
