import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createFrameReader, frameOf } from './frames.ts'

test('frames are whole again however the bytes are cut', () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 })
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sent, cuts) => {
      const bytes = Buffer.concat(sent.flatMap(frame => [frameOf(frame.length), frame]))
      const got: Uint8Array[] = []
      const read = createFrameReader(50, frame => got.push(Uint8Array.from(frame)))
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = cuts[turn % cuts.length] ?? 1
        assert.equal(read(bytes.subarray(at, at + size)), true)
        at += size
      }
      assert.deepEqual(got, sent)
    }),
  )
})

test('a frame over the bound ends the reading before its bytes came', () => {
  const got: Uint8Array[] = []
  const read = createFrameReader(10, frame => got.push(frame))
  assert.equal(read(frameOf(11)), false)
  assert.equal(read(Buffer.concat([frameOf(1), Buffer.from([1])])), false)
  assert.deepEqual(got, [])
})
