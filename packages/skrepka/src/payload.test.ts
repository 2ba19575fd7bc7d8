import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodePayload, encodePayload, payloadLimits } from './payload.ts'

const ts = 1_767_225_600_000
const bytes = (text: string) => new TextEncoder().encode(text)

test('payloads are written as other clients read them', () => {
  const written = (payload: Parameters<typeof encodePayload>[0]) =>
    new TextDecoder().decode(encodePayload(payload))
  assert.equal(
    written({ type: 'text', id: '1', body: 'hi', ts }),
    `{"type":"text","id":"1","body":"hi","ts":${ts}}`,
  )
  assert.equal(
    written({ type: 'delivery.ack', ackIds: ['1', '2'], ts }),
    `{"type":"delivery.ack","ack_ids":["1","2"],"ts":${ts}}`,
  )
  assert.equal(
    written({ type: 'profile', profile: { displayName: 'Ana', bio: '', photo: undefined }, ts }),
    `{"type":"profile","display_name":"Ana","bio":"","photo":null,"ts":${ts}}`,
  )
})

test('every payload comes back', () => {
  const data = fc.uint8Array({ maxLength: 300 })
  const payload = fc.oneof(
    fc.record({
      type: fc.constant('text' as const),
      id: fc.string({ minLength: 1, maxLength: 128 }),
      body: fc.string(),
      ts: fc.nat(),
    }),
    fc.record({
      type: fc.constant('delivery.ack' as const),
      ackIds: fc.array(fc.string({ maxLength: 128 }), { maxLength: 20 }),
      ts: fc.nat(),
    }),
    fc.record({
      type: fc.constant('profile' as const),
      profile: fc.record({
        displayName: fc.string({ maxLength: 128 }),
        bio: fc.string(),
        photo: fc.option(data, { nil: undefined }),
      }),
      ts: fc.nat(),
    }),
    fc.record({
      type: fc.constant('media' as const),
      id: fc.string({ minLength: 1, maxLength: 128 }),
      body: fc.string(),
      media: fc.record({
        mime: fc.constantFrom('image/png' as const, 'image/jpeg' as const),
        data,
        width: fc.nat(),
        height: fc.nat(),
      }),
      ts: fc.nat(),
    }),
  )
  fc.assert(
    fc.property(payload, one => assert.deepEqual(decodePayload(encodePayload(one)), structuredClone(one))),
  )
})

test('types that are not known are passed over', () => {
  assert.equal(decodePayload(bytes('{"type":"group.invite","ts":1}')), undefined)
  assert.equal(decodePayload(bytes('{}')), undefined)
})

test('a profile without a picture, a name or a bio is one', () => {
  const profile = { displayName: '', bio: '', photo: undefined }
  assert.deepEqual(decodePayload(bytes('{"type":"profile"}')), { type: 'profile', profile, ts: 0 })
})

test('fields of wrong kinds and sizes are refused', () => {
  const long = 'x'.repeat(payloadLimits.bodyLength + 1)
  for (const text of [
    'hello',
    '[]',
    '"text"',
    '{"type":"text","id":"1"}',
    '{"type":"text","id":1,"body":""}',
    '{"type":"text","id":"","body":""}',
    `{"type":"text","id":"1","body":"${long}"}`,
    `{"type":"text","id":"${'1'.repeat(129)}","body":""}`,
    '{"type":"text","id":"1","body":"","ts":-1}',
    '{"type":"text","id":"1","body":"","ts":1.5}',
    '{"type":"delivery.ack"}',
    '{"type":"delivery.ack","ack_ids":[1]}',
    `{"type":"delivery.ack","ack_ids":[${'"a",'.repeat(1024)}"a"]}`,
    '{"type":"profile","photo":1}',
    '{"type":"profile","photo":"*"}',
    '{"type":"media","id":"1","data":"AA==","mime":"image/svg+xml"}',
    '{"type":"media","id":"1","mime":"image/png"}',
  ]) {
    assert.throws(() => decodePayload(bytes(text)), { name: 'MalformedError' }, text.slice(0, 60))
  }
  assert.throws(() => decodePayload(Uint8Array.of(0x22, 0xff, 0x22)), { name: 'MalformedError' })
  const picture = 'A'.repeat(1_398_104 + 4)
  assert.throws(
    () => decodePayload(bytes(`{"type":"media","id":"1","mime":"image/png","data":"${picture}"}`)),
    { name: 'LimitError' },
  )
})
