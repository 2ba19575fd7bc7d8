import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Refusal } from '../errors.ts'
import type { BlobStore } from './blobs.ts'

export interface BlobSuiteOptions {
  /** The test's server lists keys that are beneath other keys out of order: only keys of one folder are tried. */
  readonly flatOrder?: boolean
}

/** The contract of a blob store, as tests. `open` gives an empty store. */
export function blobSuite(
  name: string,
  open: () => Promise<BlobStore>,
  options: BlobSuiteOptions = {},
): void {
  const test = (title: string, fn: (store: BlobStore) => Promise<void>) =>
    it(title, async () => fn(await open()))

  describe(`${name}: one blob`, () => {
    test('what was put is what is got, to the byte', async store => {
      const bytes = pattern(300_000)
      assert.deepEqual(await store.put('a/b', inChunks(bytes, 7000), { bytesMax: 300_000 }), {
        size: 300_000,
      })
      const got = await store.get('a/b')
      assert.equal(got?.size, 300_000)
      assert.deepEqual(await collect(got?.body), bytes)
    })

    test('an empty blob is a blob', async store => {
      assert.deepEqual(await store.put('empty', inChunks(new Uint8Array(), 1), { bytesMax: 10 }), { size: 0 })
      const got = await store.get('empty')
      assert.equal(got?.size, 0)
      assert.equal((await collect(got?.body)).length, 0)
    })

    test('a body of many parts arrives whole', async store => {
      const bytes = pattern(17 * 1024 * 1024 + 3)
      assert.deepEqual(await store.put('many/parts', inChunks(bytes, 65_536), { bytesMax: 2 ** 30 }), {
        size: bytes.length,
      })
      assert.ok(bytes.equals(await collect((await store.get('many/parts'))?.body)))
    })

    test('putting again replaces', async store => {
      await put(store, 'a/b', 'one')
      await put(store, 'a/b', 'three')
      assert.equal(await text(store, 'a/b'), 'three')
    })

    test('what was never put, or was removed, is undefined', async store => {
      assert.equal(await store.get('a/b'), undefined)
      await put(store, 'a/b', 'one')
      await store.remove('a/b')
      await store.remove('a/b')
      assert.equal(await store.get('a/b'), undefined)
    })

    test('a body that nobody reads holds nothing', async store => {
      await put(store, 'a/b', 'one')
      for (let round = 0; round < 50; round += 1) assert.equal((await store.get('a/b'))?.size, 3)
    })
  })

  describe(`${name}: ranges`, () => {
    test('a range includes its start and excludes its end, and the size is the whole', async store => {
      await put(store, 'a/b', '0123456789')
      const got = await store.get('a/b', { start: 2, end: 5 })
      assert.equal(got?.size, 10)
      assert.equal((await collect(got?.body)).toString(), '234')
    })

    test('a range past the end is cut to what is there', async store => {
      await put(store, 'a/b', '0123456789')
      assert.equal((await collect((await store.get('a/b', { start: 8, end: 99 }))?.body)).toString(), '89')
      assert.equal((await collect((await store.get('a/b', { start: 50, end: 99 }))?.body)).toString(), '')
      assert.equal(await store.get('no/such', { start: 0, end: 1 }), undefined)
    })
  })

  describe(`${name}: bounds`, () => {
    test('a body longer than allowed is refused and leaves what was there', async store => {
      await put(store, 'a/b', 'before')
      for (const length of [11, 20 * 1024 * 1024]) {
        const body = inChunks(pattern(length), 4096)
        await assert.rejects(store.put('a/b', body, { bytesMax: length - 1 }), refusal('too-large'))
      }
      assert.equal(await text(store, 'a/b'), 'before')
      assert.deepEqual(await store.list('', { limit: 10 }), ['a/b'])
    })

    test('a body that fails leaves nothing', async store => {
      for (const bytes of [10, 20 * 1024 * 1024]) {
        await assert.rejects(store.put('a/b', failing(bytes), { bytesMax: 2 ** 30 }), /the client went away/)
      }
      assert.deepEqual(await store.list('', { limit: 10 }), [])
    })

    test('a key that could be something else is refused', async store => {
      for (const key of [
        '',
        '/',
        '..',
        'a/../b',
        'a//b',
        '/a',
        'a/',
        'a b',
        'a\0',
        'ä',
        '1/2/3/4/5/6/7/8/9',
        'x'.repeat(129),
      ]) {
        await assert.rejects(async () => put(store, key, 'x'), /not a blob key/)
        await assert.rejects(async () => store.get(key), /not a blob key/)
        await assert.rejects(async () => store.remove(key), /not a blob key/)
        await assert.rejects(async () => store.move('a', key), /not a blob key/)
      }
    })
  })

  describe(`${name}: many blobs`, () => {
    test('moving takes the bytes to the other key and replaces what is there', async store => {
      await put(store, 'temp/1', 'new')
      await put(store, 'did:plc:abc/cid', 'old')
      await store.move('temp/1', 'did:plc:abc/cid')
      assert.equal(await store.get('temp/1'), undefined)
      assert.equal(await text(store, 'did:plc:abc/cid'), 'new')
      await assert.rejects(store.move('temp/1', 'x'), refusal('missing'))
    })

    test('a key and keys beneath it are different blobs', async store => {
      await put(store, 'a', 'short')
      await put(store, 'a/b', 'long')
      assert.equal(await text(store, 'a'), 'short')
      assert.equal(await text(store, 'a/b'), 'long')
    })

    test('keys are listed ascending by their bytes, after a key, up to a limit', async store => {
      const keys =
        options.flatOrder === true
          ? ['a/a-b', 'a/a.b', 'a/a:b', 'a/aB', 'a/ab', 'a/b']
          : ['a', 'a-b/x', 'a.b', 'a/b', 'a/b/c', 'a/c', 'a:b', 'aB', 'b/a']
      for (const key of keys.toReversed()) await put(store, key, 'x')
      assert.deepEqual(await store.list('', { limit: 100 }), keys)
      const beneath = keys.filter(key => key.startsWith('a/'))
      assert.deepEqual(await store.list('a/', { limit: 100 }), beneath)
      assert.deepEqual(await store.list('a/', { limit: 1 }), beneath.slice(0, 1))
      assert.deepEqual(await store.list('no/such/', { limit: 2 }), [])
      const paged: string[] = []
      for (let after = ''; ; ) {
        const page = await store.list('', { after, limit: 2 })
        if (page.length === 0) break
        paged.push(...page)
        after = page.at(-1) ?? ''
      }
      assert.deepEqual(paged, keys)
    })

    test('removing a prefix removes all beneath it and nothing beside it', async store => {
      for (const key of ['did:a/1', 'did:a/2', 'did:a/b/3', 'did:ab/1', 'did:a']) await put(store, key, 'x')
      await store.removeAll('did:a/')
      await store.removeAll('no/such/')
      assert.deepEqual(await store.list('', { limit: 100 }), ['did:a', 'did:ab/1'])
    })

    test('writers at the same time do not disturb each other', async store => {
      const keys = Array.from({ length: 40 }, (_, index) => `did:${index % 7}/blob${index}`)
      await Promise.all(keys.map(key => put(store, key, key)))
      for (const key of keys) assert.equal(await text(store, key), key)
      await Promise.all(Array.from({ length: 10 }, () => put(store, 'same', 'same')))
      assert.equal(await text(store, 'same'), 'same')
    })

    test('a store that works passes its check', async store => {
      await store.check()
      assert.deepEqual(await store.list('', { limit: 1 }), [])
    })
  })
}

/** Bytes that repeat nowhere near. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let index = 0; index < length; index += 1) bytes[index] = (index * 31 + (index >> 8) * 7) & 0xff
  return bytes
}

export async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += chunkBytes)
    yield bytes.subarray(start, start + chunkBytes)
}

async function* failing(bytes: number): AsyncGenerator<Uint8Array> {
  yield pattern(bytes)
  throw new Error('the client went away')
}

async function collect(body: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body ?? []) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function put(store: BlobStore, key: string, content: string): Promise<{ readonly size: number }> {
  return store.put(key, inChunks(Buffer.from(content), 2), { bytesMax: 1000 })
}

async function text(store: BlobStore, key: string): Promise<string> {
  return (await collect((await store.get(key))?.body)).toString()
}

function refusal(code: string): (error: unknown) => boolean {
  return error => error instanceof Refusal && error.code === code
}
