import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@atcute/cbor'
import { readCar as referenceReadCar } from '@atproto/repo'
import * as fc from 'fast-check'
import { type CarLimits, parseCar, readCar } from './car-read.ts'
import { carBlockLength, carBytes, carHeader, writeCar } from './car.ts'
import { type Block, blockOf, type Cid, cidToString } from './cid.ts'
import { LimitError, MalformedError } from './errors.ts'
import { recordCid, sha256 } from './test-support.ts'

const blockArbitrary = fc.string({ maxLength: 300 }).map(text => blockOf(encode({ text }), sha256))
const blocksArbitrary = fc.array(blockArbitrary, { maxLength: 12 })
const rootsArbitrary = fc.array(fc.nat(9).map(recordCid), { maxLength: 3 })

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

const plain = (blocks: readonly Block[]) =>
  blocks.map(block => [cidToString(block.cid), Buffer.from(block.bytes).toString('hex')])

test('a CAR is read again however it is cut into chunks, and the reference reads it too', async () => {
  await fc.assert(
    fc.asyncProperty(
      rootsArbitrary,
      blocksArbitrary,
      fc.integer({ min: 1, max: 500 }),
      fc.nat(500),
      async (roots, blocks, size, cut) => {
        const chunks = await collect(
          writeCar(roots, [blocks.slice(0, 3), blocks.slice(3)], { chunkBytesMax: size }),
        )
        assert(chunks.every(chunk => chunk.length > 0 && chunk.length <= size))
        const bytes = new Uint8Array(Buffer.concat(chunks))
        assert.deepEqual(bytes, carBytes(roots, blocks))
        const reader = await readCar([bytes.subarray(0, cut), new Uint8Array(0), bytes.subarray(cut)], {
          sha256,
        })
        assert.deepEqual(reader.roots, roots)
        assert.deepEqual(plain(await collect(reader.blocks)), plain(blocks))
        const small = await readCar(chunks, { sha256 })
        assert.deepEqual(plain(await collect(small.blocks)), plain(blocks))
        const parsed = parseCar(bytes, { sha256 })
        assert.deepEqual([parsed.roots, plain(parsed.blocks)], [roots, plain(blocks)])
        const reference = await referenceReadCar(bytes)
        assert.deepEqual(reference.roots.map(String), roots.map(cidToString))
        assert.equal(reference.blocks.size, new Set(blocks.map(block => cidToString(block.cid))).size)
      },
    ),
    { numRuns: 100 },
  )
})

test('a large block is cut into chunks, and small ones travel together', async () => {
  const large = blockOf(encode({ text: 'x'.repeat(200_000) }), sha256)
  const small = Array.from({ length: 1000 }, (_, index) => blockOf(encode({ index }), sha256))
  const chunks = await collect(writeCar([large.cid], [[large], small]))
  assert.equal(chunks.length, Math.ceil(carBytes([large.cid], [large, ...small]).length / 65_536))
  assert.equal(carHeader([large.cid]).length + carBlockLength(large), carBytes([large.cid], [large]).length)
})

const block = blockOf(encode({ hello: 'world' }), sha256)
const good = carBytes([block.cid], [block])

test('a file that is cut off, or has anything but what its CIDs say, is refused at its place', async () => {
  const header = carHeader([block.cid]).length
  for (let length = 0; length < good.length; length += 1) {
    if (length === header) continue
    assert.throws(() => parseCar(good.subarray(0, length), { sha256 }), MalformedError)
  }
  const offsetOf = (bytes: Uint8Array): number => {
    try {
      parseCar(bytes, { sha256 })
    } catch (error) {
      assert(error instanceof MalformedError, String(error))
      return error.offset
    }
    return -1
  }
  const changed = (at: number, byte: number) => Uint8Array.from(good).with(at, byte)
  assert.equal(offsetOf(good), -1)
  assert.equal(offsetOf(changed(good.length - 1, 0)), header + 1)
  assert.equal(offsetOf(changed(header + 2, 0x70)), header + 1)
  assert.equal(offsetOf(changed(header + 1 + 10, 0)), header + 1)
  assert.equal(offsetOf(changed(header - 1, 2)), header - 1)
  assert.equal(offsetOf(Buffer.concat([good, Buffer.of(0)])), good.length)
  assert.equal(offsetOf(Buffer.concat([good, Buffer.of(0x80, 0)])), good.length)
  assert.equal(offsetOf(Buffer.concat([good, Buffer.alloc(9, 0xff)])), good.length)
})

test('each limit of a CAR is kept, and an endless one is not read to its end', async () => {
  const refuse = (limits: Partial<CarLimits>) => {
    const named = (error: unknown) => error instanceof LimitError && error.limit === Object.keys(limits)[0]
    assert.throws(() => parseCar(good, { sha256, limits }), named)
  }
  parseCar(good, {
    sha256,
    limits: { blocksMax: 1, bytesMax: good.length, blockBytesMax: block.bytes.length },
  })
  refuse({ blocksMax: 0 })
  refuse({ bytesMax: good.length - 1 })
  refuse({ blockBytesMax: block.bytes.length - 1 })
  refuse({ headerBytesMax: 10 })
  let closed = false
  let given = 0
  async function* endless() {
    try {
      for (;;) {
        given += 1
        yield given === 1 ? good : carBytes([], [block]).subarray(carHeader([]).length)
      }
    } finally {
      closed = true
    }
  }
  const reader = await readCar(endless(), { sha256, limits: { bytesMax: 10_000 } })
  await assert.rejects(collect(reader.blocks), MalformedError)
  assert(closed && given < 300)
})

test('a reader who stops early closes the source', async () => {
  let closed = false
  async function* source() {
    try {
      yield good
      yield good
    } finally {
      closed = true
    }
  }
  const reader = await readCar(source(), { sha256 })
  for await (const read of reader.blocks) {
    assert.equal(cidToString(read.cid), cidToString(block.cid))
    break
  }
  assert(closed)
  closed = false
  const unread = await readCar(source(), { sha256 })
  await unread.close()
  assert(closed)
  closed = false
  async function* broken() {
    try {
      yield new Uint8Array([5, 1, 2, 3, 4, 5])
    } finally {
      closed = true
    }
  }
  await assert.rejects(readCar(broken(), { sha256 }), MalformedError)
  assert(closed)
})

test('whatever bytes come, a CAR is read or refused', async () => {
  const mutated = fc
    .tuple(blocksArbitrary, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 }))
    .map(([blocks, changes]) => {
      const bytes = carBytes([], blocks)
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      return bytes
    })
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })),
      fc.nat(100),
      async (bytes, cut) => {
        const outcome = async (read: () => Promise<readonly Cid[]>): Promise<string> => {
          try {
            return (await read()).map(cidToString).join()
          } catch (error) {
            assert(error instanceof MalformedError, String(error))
            return error.message
          }
        }
        const whole = await outcome(async () => parseCar(bytes, { sha256 }).blocks.map(({ cid }) => cid))
        const parts = await outcome(async () => {
          const reader = await readCar([bytes.subarray(0, cut), bytes.subarray(cut)], { sha256 })
          return (await collect(reader.blocks)).map(({ cid }) => cid)
        })
        assert.equal(parts, whole)
      },
    ),
    { numRuns: 1000 },
  )
})
