import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createManualClock } from '../../kernel/clock.ts'
import { type LogFields, silentLogger } from '../../kernel/log.ts'
import { noMetrics } from '../../kernel/metrics.ts'
import { createThrottle, type Permit, type Refused, type ThrottleOptions } from './throttle.ts'

function open(options: Partial<ThrottleOptions> = {}) {
  const clock = createManualClock()
  const throttle = createThrottle({
    clock,
    log: silentLogger,
    metrics: noMetrics,
    windowMs: 30_000,
    limits: { creates: 2, subscribes: 3, active: 2 },
    overrides: new Map(),
    addressFactor: 10,
    ...options,
  })
  return { clock, throttle }
}
const alice = { key: 'did:plc:alice', address: undefined }
const isPermit = (result: Permit | Refused): result is Permit => 'release' in result
const refusal = (result: Permit | Refused | undefined): Record<string, unknown> => {
  assert.ok(result !== undefined && 'text' in result, 'expected a refusal')
  return JSON.parse(result.text)
}

test('a refusal is compact JSON with the seed’s keys in their order, and then the reason', () => {
  const { clock, throttle } = open()
  throttle.create(alice)
  throttle.create(alice)
  clock.advance(10_000)
  assert.equal(
    throttle.create(alice)?.text,
    '{"activeSubscriptions":0,"attemptsInWindow":3,"code":"rate_limited","endpoint":"stream/create","limit":2,"maxActiveSubscriptions":2,"retryAfterMs":20000,"reason":"window"}',
  )
})

test('the window begins with the first attempt, and both counters begin anew after it', () => {
  const { clock, throttle } = open()
  clock.advance(12_345)
  throttle.create(alice)
  throttle.create(alice)
  clock.advance(29_999)
  assert.equal(refusal(throttle.create(alice))['attemptsInWindow'], 3)
  clock.advance(1)
  assert.equal(throttle.create(alice), undefined)
})

test('refused attempts count too', () => {
  const { throttle } = open()
  for (let attempt = 0; attempt < 5; attempt += 1) throttle.create(alice)
  assert.equal(refusal(throttle.create(alice))['attemptsInWindow'], 6)
})

test('creations and subscriptions share the window, not the count', () => {
  const { clock, throttle } = open()
  throttle.create(alice)
  clock.advance(20_000)
  assert.ok(isPermit(throttle.subscribe(alice)))
  throttle.create(alice)
  assert.equal(refusal(throttle.create(alice))['retryAfterMs'], 10_000)
})

test('active subscriptions are bounded, and their number is given back once for each', () => {
  const { clock, throttle } = open()
  const first = throttle.subscribe(alice)
  const second = throttle.subscribe(alice)
  assert.ok(isPermit(first) && isPermit(second))
  clock.advance(30_000)
  assert.partialDeepStrictEqual(refusal(throttle.subscribe(alice)), {
    activeSubscriptions: 2,
    attemptsInWindow: 1,
    limit: 3,
    maxActiveSubscriptions: 2,
    reason: 'active',
  })
  first.release()
  first.release()
  assert.equal(throttle.active(), 1)
  assert.ok(isPermit(throttle.subscribe(alice)))
  assert.ok(!isPermit(throttle.subscribe(alice)))
})

test('limits of zero are limits of one', () => {
  const { throttle } = open({ limits: { creates: 0, subscribes: 0, active: 0 } })
  assert.equal(throttle.create(alice), undefined)
  assert.equal(refusal(throttle.create(alice))['limit'], 1)
  assert.ok(isPermit(throttle.subscribe(alice)))
})

test('an operator may give an actor other limits, or none', () => {
  const overrides = new Map([
    ['did:plc:alice', { creates: 5, subscribes: 5, active: 5 }],
    ['did:web:bridge', { creates: undefined, subscribes: undefined, active: undefined }],
  ])
  const { throttle } = open({ overrides })
  for (let attempt = 0; attempt < 5; attempt += 1) assert.equal(throttle.create(alice), undefined)
  assert.equal(refusal(throttle.create(alice))['limit'], 5)
  const bridge = { key: 'did:web:bridge', address: undefined }
  for (let attempt = 0; attempt < 1000; attempt += 1) assert.ok(isPermit(throttle.subscribe(bridge)))
})

test('anonymous connections of one address are counted together as well', () => {
  const { throttle } = open({ addressFactor: 2 })
  const from = (connection: number, address = '192.0.2.1') => ({ key: `anonymous:${connection}`, address })
  for (let connection = 0; connection < 4; connection += 1)
    assert.equal(throttle.create(from(connection)), undefined)
  assert.partialDeepStrictEqual(refusal(throttle.create(from(5))), { limit: 4, reason: 'address-window' })
  assert.equal(throttle.create(from(6, '192.0.2.2')), undefined)
  for (let connection = 0; connection < 4; connection += 1)
    assert.ok(isPermit(throttle.subscribe(from(10 + connection))))
  assert.equal(refusal(throttle.subscribe(from(20)))['reason'], 'address-active')
})

test('refusals are told in the log with their running number, and never with a payload', () => {
  const lines: LogFields[] = []
  const log = { ...silentLogger, warn: (fields: LogFields) => void lines.push(fields) }
  const { throttle } = open({ log })
  for (let attempt = 0; attempt < 4; attempt += 1) throttle.create(alice)
  assert.deepEqual(
    lines.map(line => line['limited_requests_total']),
    [1, 2],
  )
})

test('actors that came once are forgotten, those with subscriptions are not', () => {
  const { clock, throttle } = open({ actorsMax: 50, limits: { creates: 1, subscribes: 1, active: 1 } })
  assert.ok(isPermit(throttle.subscribe(alice)))
  for (let actor = 0; actor < 10_000; actor += 1) {
    throttle.create({ key: `anonymous:${actor}`, address: undefined })
    if (actor % 100 === 0) clock.advance(1000)
  }
  assert.equal(refusal(throttle.subscribe(alice))['reason'], 'active')
})

test('whatever order of attempts, releases and time: never more than the limits, and all is given back', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('subscribe' as const), actor: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ kind: fc.constant('release' as const), actor: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ kind: fc.constant('wait' as const), actor: fc.integer({ min: 0, max: 40_000 }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const { clock, throttle } = open()
      const held = new Map<number, Permit[]>()
      for (const { kind, actor } of steps) {
        const permits = held.get(actor) ?? []
        if (kind === 'wait') clock.advance(actor)
        else if (kind === 'release') permits.shift()?.release()
        else {
          const result = throttle.subscribe({ key: `did:${actor}`, address: undefined })
          if (isPermit(result)) held.set(actor, [...permits, result])
          assert.ok((held.get(actor)?.length ?? 0) <= 2)
        }
      }
      for (const permits of held.values()) for (const permit of permits) permit.release()
      assert.equal(throttle.active(), 0)
    }),
  )
})
