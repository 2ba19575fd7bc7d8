import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { BytesWrapper, CidLinkWrapper, decode, encode } from '@atcute/cbor'
import { cidOf, encodeDrisl, float, rawDrisl } from '@leaf/codec/drisl'
import { MalformedError } from '@leaf/codec/errors'
import fc from 'fast-check'
import {
  decodeEventBatch,
  decodeInfo,
  decodeModuleExists,
  decodeModuleUpload,
  decodeReply,
  decodeRows,
  decodeSetHandle,
  decodeSqlValue,
  decodeStreamCreate,
  decodeStreamOnly,
  decodeStreamQuery,
  decodeSubscriptionResponse,
  decodeUnsubscribe,
  decodeUpdateModule,
  encodeEventBatch,
  encodeListStreams,
  encodeModuleExists,
  encodeModuleUpload,
  encodeSetHandle,
  encodeSqlValue,
  encodeStreamCreate,
  encodeStreamQuery,
  encodeSubscriptionResponse,
  encodeUpdateModule,
  err,
  FieldError,
  ok,
  parseThrottleRefusal,
  type SqlParam,
} from './wire.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const streamDid = 'did:plc:abcdefghijklmnopqrstuvwx'
const cid = cidOf(new Uint8Array(Buffer.from(`01711220${'ab'.repeat(32)}`, 'hex')))
const link = new CidLinkWrapper(cid.bytes)
const moduleCid = link.$link

test('every request of the published client is read', () => {
  const blob = new BytesWrapper(new Uint8Array([1, 2]))
  const module = { $type: 'muni.town.leaf.module.basic.v0', extra: 1 }
  assert.deepEqual(decodeModuleUpload(encode({ module })), { module: encodeDrisl(module) })
  assert.deepEqual(decodeModuleExists(encode({ moduleCid: { $link: moduleCid } })), { moduleCid })
  assert.deepEqual(decodeStreamCreate(encode({ moduleCid: link })), { moduleCid, clientStamp: null })
  assert.deepEqual(decodeStreamOnly(encode({ streamDid })), { streamDid })
  assert.deepEqual(decodeUpdateModule(encode({ moduleCid: link, streamDid })), { streamDid, moduleCid })
  assert.deepEqual(decodeEventBatch(encode({ streamDid, events: [blob], userOverride: 'did:web:a' })), {
    streamDid,
    events: [new Uint8Array([1, 2])],
    userOverride: 'did:web:a',
  })
  const params = { room: { $type: 'muni.town.sqliteValue.text', value: 'r' } }
  assert.deepEqual(
    decodeStreamQuery(encode({ streamDid, query: { name: 'q', params, start: 3, limit: 9 } })),
    {
      streamDid,
      query: { name: 'q', params: new Map([['room', { kind: 'text', value: 'r' }]]), start: 3, limit: 9 },
    },
  )
  const subscriptionId = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
  assert.deepEqual(decodeUnsubscribe(encode({ subscriptionId })), { subscriptionId })
  assert.deepEqual(decodeSetHandle(encode({ streamDid, handle: null })), { streamDid, handle: null })
})

test('our requests have the bytes of the published client', () => {
  assert.equal(hex(encodeModuleExists({ moduleCid })), hex(encode({ moduleCid: link })))
  assert.equal(hex(encodeStreamCreate({ moduleCid })), hex(encode({ moduleCid: link })))
  assert.equal(hex(encodeSetHandle({ streamDid, handle: null })), hex(encode({ streamDid, handle: null })))
  assert.equal(hex(encodeUpdateModule({ streamDid, moduleCid })), hex(encode({ streamDid, moduleCid: link })))
  assert.equal(hex(encodeListStreams()), hex(encode({})))
  const events = [new Uint8Array([7])]
  assert.equal(
    hex(encodeEventBatch({ streamDid, events })),
    hex(encode({ streamDid, events: [new BytesWrapper(events[0]!)] })),
  )
  const module = encodeDrisl({ $type: 'a', b: float(2) })
  assert.deepEqual(decodeModuleUpload(encodeModuleUpload({ module })), { module })
})

test('a query without a limit has 1,000 rows, and null is no limit', () => {
  const query = { name: 'q', params: {} }
  assert.equal(decodeStreamQuery(encode({ streamDid, query })).query.limit, 1000)
  assert.equal(
    decodeStreamQuery(encode({ streamDid, query: { ...query, start: null } })).query.start,
    undefined,
  )
  assert.throws(
    () => decodeStreamQuery(encode({ streamDid, query: { ...query, limit: null } })),
    /^FieldError|query\.limit: expected an integer within 2\^53, got null$/,
  )
})

const sqlParam: fc.Arbitrary<SqlParam> = fc.oneof(
  fc.constant({ kind: 'null' } as const),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(value => ({ kind: 'integer', value }) as const),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => ({ kind: 'real', value }) as const),
  fc.string().map(value => ({ kind: 'text', value }) as const),
  fc.uint8Array().map(value => ({ kind: 'blob', value }) as const),
)

test('queries come out as they went in', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), sqlParam),
      fc.option(fc.maxSafeInteger(), { nil: undefined }),
      fc.maxSafeInteger(),
      (params, start, limit) => {
        const query = { name: 'q', params: new Map(Object.entries(params)), start, limit }
        const read = decodeStreamQuery(encodeStreamQuery({ streamDid, query })).query
        assert.deepEqual(
          { ...read, params: Object.fromEntries(read.params) },
          { ...query, params: { ...params } },
        )
      },
    ),
  )
})

test('a real may come as an integer, an integer never as a real', () => {
  assert.deepEqual(decodeSqlValue({ $type: 'muni.town.sqliteValue.real', value: 2 }, 'v'), {
    kind: 'real',
    value: 2,
  })
  assert.throws(
    () => decodeSqlValue({ $type: 'muni.town.sqliteValue.integer', value: float(2) }, 'v'),
    /v\.value: expected an integer of 64 bits, got the float 2/,
  )
  assert.throws(
    () => decodeSqlValue({ $type: 'muni.town.sqliteValue.integer', value: 2n ** 63n }, 'v'),
    /64 bits/,
  )
  assert.equal(
    hex(encodeDrisl(encodeSqlValue({ kind: 'real', value: 2 }))).includes('fb4000000000000000'),
    true,
  )
})

test('what is wrong is told with its place', () => {
  const wrong: readonly (readonly [() => unknown, string])[] = [
    [() => decodeStreamOnly(encode([])), 'arguments: expected a map, got an array'],
    [() => decodeStreamOnly(encode({})), 'streamDid: expected text, got nothing'],
    [
      () => decodeStreamOnly(encode({ streamDid: 'did:web:a' })),
      'streamDid: expected a did:plc, got text "did:web:a"',
    ],
    [() => decodeModuleUpload(encode({ module: {} })), 'module.$type: expected text, got nothing'],
    [() => decodeModuleExists(encode({ moduleCid: 'a' })), 'moduleCid: expected a CID, got text "a"'],
    [
      () => decodeEventBatch(encode({ streamDid, events: [1] })),
      'events.0: expected bytes, got the integer 1',
    ],
    [
      () => decodeEventBatch(encode({ streamDid, events: [], expectedIdx: -1 })),
      'expectedIdx: expected an idx, or 0 for an empty log, got the integer -1',
    ],
    [
      () => decodeEventBatch(encode({ streamDid, events: [], batchId: 'x'.repeat(65) })),
      `batchId: expected 1 to 64 characters, got text "${'x'.repeat(40)}…"`,
    ],
    [
      () => decodeStreamCreate(encode({ moduleCid: link, clientStamp: 'now' })),
      'clientStamp: expected a ULID of 26 characters, got text "now"',
    ],
    [
      () => decodeStreamQuery(encode({ streamDid, query: { name: 'q', params: { p: { $type: 'x' } } } })),
      'query.params.p.$type: expected muni.town.sqliteValue.{null|integer|real|text|blob}, got text "x"',
    ],
  ]
  for (const [act, message] of wrong) {
    assert.throws(act, (error: unknown) => error instanceof FieldError && error.message === message, message)
  }
  assert.throws(() => decodeStreamOnly(new Uint8Array([0xff])), MalformedError)
})

test('replies are read by the published client’s decoder', () => {
  assert.deepEqual(decode(ok(null)), { Ok: null })
  assert.deepEqual(decode(err('no')), { Err: 'no' })
  const rows = encodeDrisl([{ a: encodeSqlValue({ kind: 'text', value: 'x' }) }])
  assert.deepEqual(decode(ok(rawDrisl(rows))), {
    Ok: [{ a: { $type: 'muni.town.sqliteValue.text', value: 'x' } }],
  })
  const page = encodeSubscriptionResponse('01ARZ3NDEKTSV4RRFFQ69G5FAV', { ok: true, rows, hasMore: false })
  assert.deepEqual(decode(page), {
    subscriptionId: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
    response: {
      Ok: { rows: [{ a: { $type: 'muni.town.sqliteValue.text', value: 'x' } }], has_more: false },
    },
  })
  assert.deepEqual(decodeSubscriptionResponse(page).response, {
    ok: true,
    rows: [new Map([['a', { kind: 'text', value: 'x' }]])],
    hasMore: false,
  })
})

test('replies are read, also of servers that know fewer fields', () => {
  assert.deepEqual(decodeReply(err('no')), { ok: false, error: 'no' })
  const reply = decodeReply(ok({ moduleCid: cid }))
  assert.ok(reply.ok)
  assert.deepEqual(decodeInfo(reply.value), { moduleCid, clientStamp: null })
  assert.throws(() => decodeReply(encodeDrisl({})), FieldError)
  assert.throws(() => decodeRows([1]), FieldError)
})

test('a throttle’s refusal is told from every other text', () => {
  const text =
    '{"activeSubscriptions":1,"attemptsInWindow":21,"code":"rate_limited","endpoint":"stream/create","limit":20,"maxActiveSubscriptions":64,"retryAfterMs":1200}'
  assert.deepEqual(parseThrottleRefusal(text), JSON.parse(text))
  for (const other of ['no', '{', '{}', '{"code":"other"}', 'null']) {
    assert.equal(parseThrottleRefusal(other), undefined)
  }
})

test('no bytes of a stranger do more than be refused', () => {
  const decoders = [decodeModuleUpload, decodeStreamCreate, decodeEventBatch, decodeStreamQuery, decodeReply]
  fc.assert(
    fc.property(fc.constantFrom(...decoders), fc.anything(), (decoder, value) => {
      let bytes: Uint8Array
      try {
        bytes = encode(value)
      } catch {
        return
      }
      try {
        decoder(bytes)
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error))
      }
    }),
    { numRuns: 500 },
  )
})
