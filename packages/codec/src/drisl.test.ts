import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Buffer } from 'node:buffer'
import { BytesWrapper, CidLinkWrapper, decode as oracleDecode, encode as oracleEncode } from '@atcute/cbor'
import fc from 'fast-check'
import {
  cidOf,
  cidText,
  compareKeys,
  decodeDrisl,
  type DrislInput,
  type DrislValue,
  drislDepthMax,
  encodeDrisl,
  float,
  isArray,
  isCid,
  isFloat,
  isMap,
  linkTo,
  parseCid,
  rawDrisl,
} from './drisl.ts'
import { LimitError, MalformedError } from './errors.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const someCid = bytesOf('01 71 12 20' + 'ab'.repeat(32))

const cid = fc
  .tuple(fc.constantFrom(0x55, 0x71), fc.uint8Array({ minLength: 32, maxLength: 32 }))
  .map(([codec, digest]) => cidOf(new Uint8Array([1, codec, 0x12, 32, ...digest])))
const integer = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -300, max: 300 }),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }).map(n => (isSafe(n) ? Number(n) : n)),
)
const key = fc
  .oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('__proto__', 'constructor', '1', 'é', '\uffff', '\u{10000}'),
  )
  .map(text => text.toWellFormed())
const { item } = fc.letrec<{ item: DrislValue }>(tie => ({
  item: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false),
    integer,
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(float),
    key,
    fc.uint8Array(),
    cid,
    fc.array(tie('item')),
    fc
      .uniqueArray(fc.tuple(key, tie('item')), { selector: ([name]) => name })
      .map(entries => Object.assign(Object.create(null), Object.fromEntries(entries)) as DrislValue),
  ),
}))

function isSafe(n: bigint): boolean {
  return n >= BigInt(Number.MIN_SAFE_INTEGER) && n <= BigInt(Number.MAX_SAFE_INTEGER)
}

test('what was written is read back, and writing it again gives the same bytes', () => {
  fc.assert(
    fc.property(item, value => {
      const bytes = encodeDrisl(value)
      const read = decodeDrisl(bytes)
      assert.deepEqual(read, value)
      assert.equal(hex(encodeDrisl(read)), hex(bytes))
    }),
    { numRuns: 1000 },
  )
})

test('whatever bytes are taken, they are the only form of what they say', () => {
  fc.assert(
    fc.property(
      item,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      (value, changes) => {
        const bytes = encodeDrisl(value)
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        let read: DrislValue
        try {
          read = decodeDrisl(bytes)
        } catch (error) {
          assert.ok(error instanceof MalformedError, String(error))
          assert.ok(error.offset >= 0 && error.offset <= bytes.length)
          return
        }
        assert.equal(hex(encodeDrisl(read)), hex(bytes))
      },
    ),
    { numRuns: 3000 },
  )
})

test('no bytes of a stranger do more than be refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), bytes => {
      try {
        assert.equal(hex(encodeDrisl(decodeDrisl(bytes))), hex(bytes))
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error))
      }
    }),
    { numRuns: 5000 },
  )
})

/** The same value as the other library has it; undefined where it has none. */
function forOracle(value: DrislValue): { readonly value: unknown } | undefined {
  if (typeof value === 'bigint') return undefined
  // It writes whole floats as integers.
  if (isFloat(value)) return Number.isInteger(value.value) ? undefined : { value: value.value }
  if (value instanceof Uint8Array) return { value: new BytesWrapper(value) }
  if (isCid(value)) return { value: new CidLinkWrapper(value.bytes) }
  if (isArray(value)) {
    const items = value.map(forOracle)
    return items.includes(undefined) ? undefined : { value: items.map(one => one!.value) }
  }
  if (isMap(value)) {
    const entries = Object.entries(value).map(([name, one]) => [name, forOracle(one)] as const)
    if (entries.some(([name, one]) => one === undefined || name === '__proto__' || name === 'constructor'))
      return undefined
    return { value: Object.fromEntries(entries.map(([name, one]) => [name, one!.value])) }
  }
  return { value }
}

test('@atcute/cbor writes the same bytes and reads them', () => {
  let compared = 0
  fc.assert(
    fc.property(item, value => {
      const same = forOracle(value)
      if (same === undefined) return
      compared += 1
      const bytes = encodeDrisl(value)
      assert.equal(hex(oracleEncode(same.value)), hex(bytes))
      oracleDecode(bytes)
    }),
    { numRuns: 1000 },
  )
  assert.ok(compared > 100, `only ${compared} values were compared`)
})

test('integers have their shortest form on both sides of every step', () => {
  const forms: readonly (readonly [DrislInput, string])[] = [
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [255, '18ff'],
    [256, '190100'],
    [65535, '19ffff'],
    [65536, '1a00010000'],
    [4294967295, '1affffffff'],
    [4294967296, '1b0000000100000000'],
    [9007199254740991, '1b001fffffffffffff'],
    [9007199254740992n, '1b0020000000000000'],
    [18446744073709551615n, '1bffffffffffffffff'],
    [-1, '20'],
    [-24, '37'],
    [-25, '3818'],
    [-9007199254740991, '3b001ffffffffffffe'],
    [-9007199254740992n, '3b001fffffffffffff'],
    [-18446744073709551616n, '3bffffffffffffffff'],
  ]
  for (const [value, form] of forms) {
    assert.equal(hex(encodeDrisl(value)), form)
    assert.equal(decodeDrisl(bytesOf(form)), value)
  }
  assert.throws(() => encodeDrisl(18446744073709551616n), MalformedError)
  assert.throws(() => encodeDrisl(-18446744073709551617n), MalformedError)
  assert.throws(() => encodeDrisl(2 ** 53), MalformedError)
})

test('a whole float is not an integer', () => {
  assert.equal(hex(encodeDrisl(float(2))), 'fb4000000000000000')
  assert.deepEqual(decodeDrisl(bytesOf('fb4000000000000000')), float(2))
  assert.equal(hex(encodeDrisl(2)), '02')
  assert.equal(hex(encodeDrisl(1.5)), 'fb3ff8000000000000')
  assert.throws(() => float(Number.NaN), MalformedError)
  assert.throws(() => encodeDrisl(Number.POSITIVE_INFINITY), MalformedError)
})

test('everything that is nearly DRISL is refused, with the place', () => {
  const refused: readonly (readonly [string, string, number])[] = [
    ['', 'cut off', 0],
    ['6161 00', 'follow', 2],
    ['1817', 'shortest', 0],
    ['1900ff', 'shortest', 0],
    ['1a0000ffff', 'shortest', 0],
    ['1b00000000ffffffff', 'shortest', 0],
    ['f93c00', '64 bits', 0],
    ['fa3f800000', '64 bits', 0],
    ['fb7ff8000000000000', 'finite', 0],
    ['fb7ff0000000000000', 'finite', 0],
    ['f7', 'simple', 0],
    ['f800', 'simple', 0],
    ['ff', 'simple', 0],
    ['5f4100ff', 'definite', 0],
    ['9fff', 'definite', 0],
    ['1c', 'definite', 0],
    ['a2 6161 00 6161 00', 'sorted', 4],
    ['a2 6162 00 6161 00', 'sorted', 4],
    ['a2 626161 00 6162 00', 'sorted', 5],
    ['a1 01 00', 'text', 1],
    ['61ff', 'UTF-8', 1],
    ['62c080', 'UTF-8', 1],
    ['63eda080', 'UTF-8', 1],
    ['c000', 'only 42', 0],
    ['d82a40', 'link', 0],
    ['d82a5825007112200' + '0'.repeat(63), 'link', 0],
    ['9affffffff', 'cut off', 5],
    ['5bffffffffffffffff', 'cut off', 9],
    ['bb00ffffffffffffff', 'cut off', 9],
    ['8200', 'cut off', 2],
  ]
  for (const [form, message, offset] of refused) {
    assert.throws(
      () => decodeDrisl(bytesOf(form)),
      (error: unknown) =>
        error instanceof MalformedError && error.message.includes(message) && error.offset === offset,
      form,
    )
  }
})

test('a depth of 128 is taken, one more is refused on both ways', () => {
  const nested = (depth: number) => new Uint8Array([...Array<number>(depth).fill(0x81), 0])
  const deepest = decodeDrisl(nested(drislDepthMax))
  assert.equal(hex(encodeDrisl(deepest)), hex(nested(drislDepthMax)))
  assert.throws(() => decodeDrisl(nested(drislDepthMax + 1)), LimitError)
  assert.throws(() => encodeDrisl([deepest]), MalformedError)
  assert.throws(() => decodeDrisl(nested(3), { depthMax: 2 }), LimitError)
})

test('names without a value are left out of maps, and have no place in arrays', () => {
  assert.equal(hex(encodeDrisl({ b: undefined, a: 1 })), 'a1616101')
  assert.throws(() => encodeDrisl([undefined] as unknown as DrislInput), MalformedError)
  assert.throws(() => encodeDrisl('\ud800'), MalformedError)
  // What is DRISL already is put in as it is.
  assert.equal(hex(encodeDrisl({ a: rawDrisl(encodeDrisl([1])) })), 'a161618101')
})

test('keys are ordered by the length of their UTF-8, then by its bytes', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      const byBytes =
        Buffer.byteLength(a) - Buffer.byteLength(b) || Buffer.compare(Buffer.from(a), Buffer.from(b))
      assert.equal(Math.sign(compareKeys(a, b)), Math.sign(byBytes))
    }),
    { numRuns: 2000 },
  )
})

test('what is read from a Buffer holds plain byte arrays', () => {
  const read = decodeDrisl(Buffer.from(encodeDrisl([new Uint8Array([1, 2]), cidOf(someCid)])))
  assert.ok(isArray(read) && read[0] instanceof Uint8Array && isCid(read[1]))
  assert.equal(read[0].constructor, Uint8Array)
  assert.equal(read[1].bytes.constructor, Uint8Array)
})

test('the published vectors of DASL are taken or refused as they say', () => {
  const path = new URL('../../../vectors/streams-drisl.json', import.meta.url)
  const vectors: { taken: string[]; refused: string[] } = JSON.parse(readFileSync(path, 'utf8'))
  for (const form of vectors.taken) assert.equal(hex(encodeDrisl(decodeDrisl(bytesOf(form)))), form)
  for (const form of vectors.refused) assert.throws(() => decodeDrisl(bytesOf(form)), MalformedError, form)
})

test('a CID has one text', () => {
  fc.assert(
    fc.property(cid, link => {
      assert.equal(cidText(link), new CidLinkWrapper(link.bytes).$link)
      assert.deepEqual(parseCid(cidText(link)), link)
    }),
  )
  const text = cidText(someCid)
  assert.match(text, /^bafyrei[a-z2-7]{52}$/)
  for (const wrong of [
    '',
    text.slice(1),
    `${text}a`,
    text.toUpperCase(),
    `z${text.slice(1)}`,
    `${text.slice(0, -1)}z`,
  ]) {
    assert.throws(() => parseCid(wrong), MalformedError, wrong)
  }
  assert.throws(() => cidOf(someCid.subarray(1)), MalformedError)
})

test('a link names the digest it is given', () => {
  const digest = new Uint8Array(32).fill(7)
  assert.equal(hex(linkTo(new Uint8Array([0]), () => digest).bytes), `01711220${'07'.repeat(32)}`)
})
