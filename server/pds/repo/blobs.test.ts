import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { Refusal } from '../../kernel/errors.ts'
import { blobBytesOf, insertRef, missingBlobs, referredBlobs } from '../database/blobs.ts'
import { alice, bob } from '../sync/test-house.ts'
import { openRepoHouse, type RepoHouse } from '../sync/test-repos.ts'
import { type BlobSweeper, createBlobSweeper } from './blob-sweeper.ts'
import { createBlobs, type UploadedBlob } from './blobs.ts'
import { silentLogger } from '../../kernel/log.ts'
import { systemRandom } from '../../kernel/random.ts'
import type { Database } from '../../kernel/storage/database.ts'

const hour = 3_600_000
const named = (name: string) => (error: unknown) => error instanceof Refusal && error.wireName === name

async function* chunks(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part)
}

function refOf({ cid, mimeType, size }: UploadedBlob) {
  return { $type: 'blob', ref: { $link: cid }, mimeType, size }
}

describe('blobs', () => {
  let house: RepoHouse
  let sweeper: BlobSweeper
  let account = 0
  before(async () => {
    house = await openRepoHouse({ blobBytesMax: 10_000, quotaBytes: 20_000 })
    const { database, store, clock } = house
    sweeper = createBlobSweeper({ database, store, clock, logger: silentLogger, temporaryMs: 6 * hour })
    account = await house.addAccount(alice)
    await house.addAccount(bob)
  })
  after(() => house.close())
  beforeEach(async () => {
    await house.database.write(tx => house.blobRefs.removeAll(tx, account))
    await sweeper.sweep()
  })

  const upload = (body: AsyncIterable<Uint8Array>, claimedType = 'text/plain', bytes = 0) =>
    house.blobs.upload({ account, did: alice, body, claimedType, bytes })
  const files = () => house.store.list('', { limit: 100 })
  let rkeys = 0
  const post = (blob?: UploadedBlob) =>
    house.post(alice, `k${(rkeys += 1)}`, blob === undefined ? {} : { file: refOf(blob) })
  const remove = (uri: string) =>
    house.repositories.write({
      did: alice,
      writes: [{ action: 'delete', collection: 'com.example.note', rkey: uri.split('/').at(-1)! }],
    })
  const read = async (cid: string) => {
    const found = await house.blobs.open(account, cid)
    if (found === undefined) return undefined
    const parts: Uint8Array[] = []
    for await (const part of found.body) parts.push(part)
    return Buffer.concat(parts).toString()
  }

  it('are named by the hash of their bytes, and served once a record refers to them', async () => {
    const blob = await upload(chunks('hello ', 'world'))
    assert.equal(blob.size, 11)
    assert.match(blob.cid, /^bafkrei/)
    assert.equal(await read(blob.cid), undefined)
    await post(blob)
    assert.equal(await read(blob.cid), 'hello world')
  })

  it('go with the last record that refers to them, file and all', async () => {
    const blob = await upload(chunks('shared'))
    const [first, second] = [await post(blob), await post(blob)]
    await remove(first.results[0]!.uri)
    assert.equal(await read(blob.cid), 'shared')
    await remove(second.results[0]!.uri)
    await sweeper.sweep()
    assert.equal(await read(blob.cid), undefined)
    assert.deepEqual(await files(), [])
    assert.equal(await house.database.read(tx => blobBytesOf(tx, account)), 0)
  })

  it('move between records within one commit', async () => {
    const blob = await upload(chunks('moved'))
    const { results } = await post(blob)
    const rkey = results[0]!.uri.split('/').at(-1)!
    await house.repositories.write({
      did: alice,
      writes: [
        { action: 'delete', collection: 'com.example.note', rkey },
        { action: 'create', collection: 'com.example.note', rkey: `${rkey}b`, record: { file: refOf(blob) } },
      ],
    })
    await sweeper.sweep()
    assert.equal(await read(blob.cid), 'moved')
  })

  it('are let go when an update refers to others', async () => {
    const [old, fresh] = [await upload(chunks('old')), await upload(chunks('fresh'))]
    const { results } = await post(old)
    const rkey = results[0]!.uri.split('/').at(-1)!
    await house.repositories.write({
      did: alice,
      writes: [{ action: 'put', collection: 'com.example.note', rkey, record: { file: refOf(fresh) } }],
    })
    assert.deepEqual([await read(old.cid), await read(fresh.cid)], [undefined, 'fresh'])
  })

  it('cannot be referred to when they are not there, or another account has them', async () => {
    const blob = await upload(chunks('mine'))
    await assert.rejects(house.post(bob, 'theirs', { file: refOf(blob) }), named('BlobNotFound'))
    const missing = { ...blob, cid: blob.cid.replace(/.{4}$/, 'aaaa') }
    await assert.rejects(post(missing), named('BlobNotFound'))
    assert.equal(await read(blob.cid), undefined)
  })

  it('are referred to with their own type and size', async () => {
    const blob = await upload(chunks('truth'))
    await assert.rejects(post({ ...blob, mimeType: 'video/mp4' }), named('InvalidMimeType'))
    await assert.rejects(post({ ...blob, size: 4 }), named('InvalidSize'))
    await post(blob)
  })

  it('stay when they were uploaded again before the last record went', async () => {
    const blob = await upload(chunks('again'))
    const { results } = await post(blob)
    assert.deepEqual(await upload(chunks('again'), 'application/other'), blob)
    await remove(results[0]!.uri)
    await post(blob)
    house.clock.advance(hour)
    await sweeper.sweep()
    assert.equal(await read(blob.cid), 'again')
    assert.equal((await files()).length, 1)
  })

  it('expire when no record comes for them', async () => {
    await upload(chunks('forgotten'))
    const kept = await upload(chunks('kept'))
    await post(kept)
    house.clock.advance(5 * hour)
    await sweeper.sweep()
    assert.equal((await files()).length, 2)
    house.clock.advance(2 * hour)
    await sweeper.sweep()
    assert.equal((await files()).length, 1)
    assert.equal(await house.database.read(tx => blobBytesOf(tx, account)), 4)
  })

  it('are refused over the limit, without a file left behind', async () => {
    const large = Buffer.alloc(6_000)
    await assert.rejects(upload(chunks(large, large)), named('PayloadTooLarge'))
    await assert.rejects(upload(chunks('x'), 'text/plain', 10_001), named('PayloadTooLarge'))
    await assert.rejects(upload(chunks('')), named('InvalidRequest'))
    await sweeper.sweep()
    assert.deepEqual(await files(), [])
  })

  it('are refused over the quota, which what is dropped gives back', async () => {
    const first = await upload(chunks(Buffer.alloc(9_000, 1)))
    const { results } = await post(first)
    await upload(chunks(Buffer.alloc(9_000, 2)))
    await assert.rejects(upload(chunks(Buffer.alloc(9_000, 3))), named('QuotaExceeded'))
    await assert.rejects(upload(chunks('x'), 'text/plain', 9_000), named('QuotaExceeded'))
    await remove(results[0]!.uri)
    await upload(chunks(Buffer.alloc(9_000, 3)))
  })

  it('leave nothing behind when the sender breaks off', async () => {
    const broken = (async function* () {
      yield Buffer.from('half')
      throw new Error('connection reset')
    })()
    await assert.rejects(upload(broken), /connection reset/)
    await sweeper.sweep()
    assert.deepEqual(await files(), [])
  })

  it('leave nothing behind when the server died before they were registered', async () => {
    let writes = 0
    const dying: Database = {
      ...house.database,
      write: async (fn, options) => {
        writes += 1
        if (writes > 1) throw new Error('killed')
        return house.database.write(fn, options)
      },
    }
    const limits = { blobBytesMax: 100, quotaBytes: 0, mimeAllow: [] }
    const dyingBlobs = createBlobs({ ...house, database: dying, random: systemRandom, ...limits })
    const body = chunks('lost')
    await assert.rejects(
      dyingBlobs.upload({ account, did: alice, body, claimedType: 'text/plain' }),
      /killed/,
    )
    await sweeper.sweep()
    assert.equal((await files()).length, 1)
    house.clock.advance(hour)
    await sweeper.sweep()
    assert.deepEqual(await files(), [])
  })

  it('that an imported repository expects are missing until they are uploaded, and kept at once', async () => {
    const cid = (await upload(chunks('expected'))).cid
    await house.database.write(tx => house.blobRefs.removeAll(tx, account))
    const expected = [{ cid, path: 'com.example.note/a' }]
    await house.database.write(tx => insertRef(tx, account, cid, 'com.example.note/a'))
    const missing = () => house.database.read(tx => missingBlobs(tx, account, { after: '', limit: 10 }))
    assert.deepEqual(
      (await missing()).map(row => ({ ...row })),
      expected,
    )
    await upload(chunks('expected'))
    assert.deepEqual(await missing(), [])
    assert.equal(await read(cid), 'expected')
    assert.deepEqual(await house.database.read(tx => referredBlobs(tx, account, { after: '', limit: 9 })), [
      cid,
    ])
  })

  it('keep rows, references, bytes and files in step, whatever is done in whichever order', async () => {
    const action = fc.record({
      kind: fc.constantFrom('upload', 'post', 'remove', 'sweep', 'wait'),
      which: fc.nat(3),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async actions => {
        await house.database.write(tx => house.blobRefs.removeAll(tx, account))
        await sweeper.sweep()
        const uploaded = new Map<number, UploadedBlob>()
        const posts: { uri: string; which: number }[] = []
        for (const { kind, which } of actions) {
          const blob = uploaded.get(which)
          if (kind === 'upload') uploaded.set(which, await upload(chunks(`content ${which}`)))
          if (kind === 'post' && blob !== undefined) {
            const posted = await post(blob).catch(() => undefined)
            if (posted !== undefined) posts.push({ uri: posted.results[0]!.uri, which })
          }
          if (kind === 'remove' && posts.length > 0)
            await remove(posts.splice(which % posts.length, 1)[0]!.uri)
          if (kind === 'sweep') await sweeper.sweep()
          if (kind === 'wait') house.clock.advance(4 * hour)
        }
        for (const which of new Set(posts.map(one => one.which))) {
          assert.equal(await read(uploaded.get(which)!.cid), `content ${which}`)
        }
        house.clock.advance(7 * hour)
        await sweeper.sweep()
        const kept = new Set(posts.map(one => one.which))
        assert.equal((await files()).length, kept.size)
        assert.equal(
          await house.database.read(tx => blobBytesOf(tx, account)),
          kept.size * 'content 0'.length,
        )
        for (const { uri } of posts) await remove(uri)
      }),
      { numRuns: 25 },
    )
  })

  it('are there for every record that was accepted, whatever happens at the same time', async () => {
    const accepted = new Set<string>()
    const worker = async (which: number) => {
      for (let round = 0; round < 12; round += 1) {
        const blob = await upload(chunks(`busy ${which % 2}`))
        const posted = await post(blob).catch((error: unknown) => {
          assert.ok(named('BlobNotFound')(error), String(error))
        })
        const uri = posted?.results[0]?.uri
        if (uri === undefined) continue
        accepted.add(uri)
        assert.equal(await read(blob.cid), `busy ${which % 2}`)
        if (round % 3 === which % 3) house.clock.advance(1000)
        await Promise.all([sweeper.sweep(), remove(uri)])
        accepted.delete(uri)
      }
    }
    await Promise.all([0, 1, 2, 3].map(worker))
    house.clock.advance(7 * hour)
    await sweeper.sweep()
    assert.deepEqual(await files(), [])
    assert.equal(await house.database.read(tx => blobBytesOf(tx, account)), 0)
  })

  it('have the CID of their SHA-256', async () => {
    const { cid } = await upload(chunks('abc'))
    const digest = createHash('sha256').update('abc').digest()
    assert.equal(
      Buffer.from(decodeBase32(cid.slice(1)))
        .subarray(4)
        .toString('hex'),
      digest.toString('hex'),
    )
  })
})

function decodeBase32(text: string): number[] {
  let [value, bits] = [0, 0]
  const out: number[] = []
  for (const character of text) {
    value = (value << 5) | 'abcdefghijklmnopqrstuvwxyz234567'.indexOf(character)
    bits += 5
    if (bits >= 8) {
      out.push((value >>> (bits - 8)) & 255)
      bits -= 8
    }
  }
  return out
}
