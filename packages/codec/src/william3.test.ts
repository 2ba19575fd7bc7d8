import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createWilliam3, william3 } from './william3.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/**
 * Published values: the default digest and the example of `EntryBuilder::payload` in the documentation of willow25; whole
 * chunks from willow-go's fixtures (testdata/william3/digests.json; its partial blocks precede a correction).
 */
const vectors: readonly (readonly [Uint8Array, string])[] = [
  [new Uint8Array(), '96d34c5478458231e364767952aaea02a31d2203c66f4365692ef91f351068d2'],
  [Buffer.from('See all the sights!'), '5b1df3d38cb57f8a744f382f55329d5237c0fd7a48fa462b38746335bc5553ea'],
  [Buffer.alloc(1024, 0x66), '673017e8513af39b98afa9541fb79efef4a2fee86a9848fdd200950568d847f7'],
  [Buffer.alloc(2048, 0x88), '8bc97a84a1c3025d9f4d631bdd781e83ef070674beb6b4fcbc5d6ef1e19b4cfe'],
  [Buffer.alloc(4), 'ae2972724bf2031b5e5cff78c2237865c3b55f73a799a82c906c99bd8775aeb0'],
]

test('WILLIAM3 gives the published digests', () => {
  for (const [input, expected] of vectors) assert.equal(hex(william3(input)), expected)
})

test('the digest does not depend on the pieces in which bytes come', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 9000 }),
      fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 }),
      (length, pieces) => {
        const input = Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff)
        const hash = createWilliam3()
        for (let at = 0, turn = 0; at < length; turn++) {
          const size = pieces[turn % pieces.length] ?? 1
          hash.update(input.subarray(at, at + size))
          at += size
        }
        assert.equal(hex(hash.digest()), hex(william3(input)))
      },
    ),
    { numRuns: 300 },
  )
})

test('every bit of the input counts, on both sides of blocks, chunks and subtrees', () => {
  for (const length of [1, 63, 64, 65, 1023, 1024, 1025, 2049, 3072, 5000]) {
    const input = new Uint8Array(length).fill(7)
    const before = hex(william3(input))
    for (const at of [0, length >> 1, length - 1]) {
      const changed = input.slice()
      changed[at] = 6
      assert.notEqual(hex(william3(changed)), before)
    }
    assert.notEqual(hex(william3(input.subarray(0, length - 1))), before)
  }
})

test('a hash gives its digest once', () => {
  const hash = createWilliam3().update(Buffer.from('a'))
  hash.digest()
  assert.throws(() => hash.digest(), /has given its digest already/)
  assert.throws(() => hash.update(Buffer.from('b')), /has given its digest already/)
})
