import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { WireFault } from './answers.ts'
import { decodeMessages, parseMessages, scanMessages } from './messages.ts'

const blobLengthMax = 64
const key = 'ab'.repeat(32)

/** What a decoder makes of a body: its messages as hex, or the error that it answers with. */
function outcome(decode: typeof decodeMessages, body: string): unknown {
  try {
    return decode(Buffer.from(body), blobLengthMax).map(({ to, blob }) => [
      to,
      Buffer.from(blob).toString('hex'),
    ])
  } catch (error) {
    if (error instanceof WireFault) return error.answer.body
    throw error
  }
}

const space = fc.constantFrom('', '', '', ' ', '\n', '\t\r ', '\u00a0')
const member = fc.oneof(
  fc.constant(`"to":"${key}"`),
  fc.constant(`"to" : "${key.slice(1)}"`),
  fc.constant(`"to":"${key.toUpperCase()}"`),
  fc.string({ maxLength: 6 }).map(text => `"encryptedBlob":${JSON.stringify(text)}`),
  fc
    .constantFrom('ab', 'abc', '', 'AB', 'ab'.repeat(32), 'ab'.repeat(33), '\\u0061b')
    .map(hex => `"encryptedBlob":"${hex}"`),
  fc.constantFrom('"encryptedBlob":null', '"x":1', '"to":5', '"encryptedBlob" "ab"', '"__proto__":{}'),
)
const message = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      `{"to":"${key}","encryptedBlob":"ab"}`,
      `{"encryptedBlob":"cdef","to":"${key}"}`,
    ),
  },
  { weight: 3, arbitrary: fc.array(member, { maxLength: 3 }).map(members => `{${members.join(',')}}`) },
  { weight: 1, arbitrary: fc.constantFrom('5', 'null', '[]', '""', '{', '') },
)
const bodies = fc
  .record({
    messages: fc.array(message, { maxLength: 4 }),
    spaces: fc.array(space, { minLength: 6, maxLength: 6 }),
    end: fc.constantFrom('', '', '', '', ',', '}', 'x', '\0'),
    name: fc.constantFrom('messages', 'messages', 'messages', 'Messages', 'm\\u0065ssages'),
  })
  .map(
    ({ messages, spaces: [a, b, c, d, e, f], end, name }) =>
      `${a}{${b}"${name}"${c}:${d}[${messages.join(`${e},`)}]${f}}${end}`,
  )

describe('the body of /messages', () => {
  it('is read by hand exactly as a JSON parser reads it', () => {
    fc.assert(
      fc.property(bodies, body => {
        assert.deepEqual(outcome(decodeMessages, body), outcome(parseMessages, body))
      }),
      { numRuns: 2000 },
    )
  })

  it('and so is any body with a byte changed', () => {
    const whole = `{"messages":[{"to":"${key}","encryptedBlob":"abcd"},{"encryptedBlob":"ef","to":"${key}"}]}`
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 127 }), (at, byte) => {
        const body = whole.slice(0, at) + String.fromCharCode(byte) + whole.slice(at + 1)
        assert.deepEqual(outcome(decodeMessages, body), outcome(parseMessages, body))
      }),
      { numRuns: 2000 },
    )
  })

  it('in its usual form needs no JSON parser', () => {
    const usual = `{"messages":[{"to":"${key}","encryptedBlob":"abcd"}]}`
    assert.equal(scanMessages(Buffer.from(usual), blobLengthMax)?.length, 1)
    assert.equal(scanMessages(Buffer.from('{"messages":[]}'), blobLengthMax), undefined)
    assert.deepEqual(decodeMessages(Buffer.from('{"messages":[]}'), blobLengthMax), [])
  })

  it('may hold a blob larger than what is decoded at a time', () => {
    const hex = '0123456789abcdef'.repeat(200_000)
    const body = Buffer.from(`{"messages":[{"to":"${key}","encryptedBlob":"${hex}"}]}`)
    const [one] = decodeMessages(body, hex.length)
    assert.equal(Buffer.from(one?.blob ?? []).toString('hex'), hex)
    assert.throws(() => decodeMessages(body, hex.length - 2), WireFault)
  })
})
