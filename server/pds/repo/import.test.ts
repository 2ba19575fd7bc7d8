import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { verifyRepoCar } from '@atproto/repo'
import { carBytes } from '@leaf/atproto/car'
import { parseCar } from '@leaf/atproto/car-read'
import { type Block, blockOf, cidKey } from '@leaf/atproto/cid'
import { decodeCommit, signCommit } from '@leaf/atproto/commit'
import { encodeNode } from '@leaf/atproto/mst-node'
import fc from 'fast-check'
import { systemRandom } from '../../kernel/random.ts'
import { backlinksTo } from '../database/backlinks.ts'
import { missingBlobs } from '../database/blobs.ts'
import { anyStage } from '../database/import.ts'
import { repoState } from '../database/repo-state.ts'
import { eventsAfter } from '../database/sequencer.ts'
import { createRepoExports } from '../sync/export.ts'
import { alice, bob, lastSeq } from '../sync/test-house.ts'
import { openRepoHouse, type RepoHouse } from '../sync/test-repos.ts'
import { sha256 } from '../validation/sha256.ts'
import { createImports, type Imports } from './import.ts'

const subject = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const invalid = { wireName: 'InvalidRequest' }

async function* inChunks(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function exportOf(house: RepoHouse, account: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of (await createRepoExports({ database: house.database }).car(account)) ?? [])
    chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe('importing a repository', () => {
  let old: RepoHouse
  let house: RepoHouse
  let imports: Imports
  let account = 0
  let car: Uint8Array
  before(async () => {
    old = await openRepoHouse()
    const oldAccount = await old.addAccount(alice)
    const writes = Array.from({ length: 150 }, (_, index) => ({
      action: 'create' as const,
      collection: 'com.example.note',
      rkey: `n${index}`,
      record: { text: `note ${index % 100}` },
    }))
    await old.repositories.write({ did: alice, writes })
    const follow = { subject, createdAt: '2026-01-01T00:00:00.000Z' }
    await old.repositories.write({
      did: alice,
      writes: [
        { action: 'create', collection: 'app.bsky.graph.follow', rkey: '3kaaaaaaaaa22', record: follow },
      ],
    })
    const blob = { account: oldAccount, did: alice, claimedType: 'text/plain' }
    const uploaded = await old.blobs.upload({ ...blob, body: inChunks(Buffer.from('a blob')) })
    await old.post(alice, 'withblob', {
      deep: [{ file: { $type: 'blob', ref: { $link: uploaded.cid }, mimeType: uploaded.mimeType, size: 6 } }],
    })
    car = await exportOf(old, oldAccount)
    house = await openRepoHouse()
    account = await house.addAccount(alice, 'deactivated')
    imports = createImports({
      ...house,
      random: systemRandom,
      keys: { signerFor: async () => house.key },
      importBytesMax: 1_000_000,
    })
  })
  after(async () => {
    await old.close()
    await house.close()
  })

  const blocks = () => parseCar(car, { sha256 }).blocks
  const withCommit = async (change: { did?: string; rev?: string; drop?: (block: Block) => boolean }) => {
    const [first, ...rest] = blocks()
    const commit = decodeCommit(first!.bytes)
    const { did = commit.did, rev = commit.rev, drop = () => false } = change
    const signed = await signCommit({ did, rev, data: commit.data }, { sign: old.key.sign, sha256 })
    return carBytes([signed.cid], [signed, ...rest.filter(block => !drop(block))])
  }
  /** The blocks that are stored, and how often each is in use, as the tree has it. */
  const checkBlocks = async () => {
    const exported = parseCar(await exportOf(house, account), { sha256 }).blocks.slice(1)
    const uses = new Map<string, number>()
    for (const block of exported) uses.set(cidKey(block.cid), (uses.get(cidKey(block.cid)) ?? 0) + 1)
    const rows = await house.database.read(tx =>
      tx.all<{ cid: Uint8Array; refs: number }>('SELECT cid, refs FROM pds_blocks WHERE account = $1', [
        account,
      ]),
    )
    assert.deepEqual(new Map(rows.map(row => [cidKey(row.cid), row.refs])), uses)
    assert.equal(await house.database.read(anyStage), undefined)
  }

  it('takes over every record under a commit of its own, in silence while the account is not active', async () => {
    const seq = await house.database.read(lastSeq)
    const before = await house.database.read(tx => repoState(tx, account))
    await imports.run(account, inChunks(car))
    const state = await house.database.read(tx => repoState(tx, account))
    assert.equal(state?.recordCount, 152)
    assert.ok(state.headRev > before!.headRev)
    const verified = await verifyRepoCar(await exportOf(house, account), alice, house.key.didKey)
    assert.equal(verified.creates.length, 152)
    assert.equal(await house.database.read(lastSeq), seq)
    await checkBlocks()
  })

  it('expects the blobs that its records refer to', async () => {
    const missing = await house.database.read(tx => missingBlobs(tx, account, { after: '', limit: 10 }))
    assert.deepEqual(
      missing.map(row => row.path),
      ['com.example.note/withblob'],
    )
    await house.blobs.upload({
      account,
      did: alice,
      claimedType: '*/*',
      body: inChunks(Buffer.from('a blob')),
    })
    assert.deepEqual(await house.database.read(tx => missingBlobs(tx, account, { after: '', limit: 10 })), [])
  })

  it('knows what follows, likes, reposts and blocks point at', async () => {
    const to = { collection: 'app.bsky.graph.follow', subject }
    assert.deepEqual(await house.database.read(tx => backlinksTo(tx, account, to)), ['3kaaaaaaaaa22'])
  })

  it('may be done again, and written to afterwards; an active account tells its consumers', async () => {
    await house.setStatus(account, 'active')
    await house.post(alice, 'between')
    const seq = await house.database.read(lastSeq)
    await imports.run(account, inChunks(car, 77))
    await checkBlocks()
    const events = await house.database.read(tx => eventsAfter(tx, seq, { limit: 10, bytesMax: 1e6 }))
    assert.deepEqual(
      events.map(event => event.type),
      ['sync'],
    )
    await house.post(alice, 'after')
    await checkBlocks()
    const verified = await verifyRepoCar(await exportOf(house, account), alice, house.key.didKey)
    assert.equal(verified.creates.length, 153)
  })

  it('leaves out blocks that the tree does not need', async () => {
    const extra = blockOf(new Uint8Array([0xa0]), sha256)
    await imports.run(account, inChunks(carBytes([blocks()[0]!.cid], [...blocks(), extra, extra])))
    await checkBlocks()
  })

  it('refuses what is not a whole and right repository of the account, and changes nothing', async () => {
    const before = await house.database.read(tx => repoState(tx, account))
    const all = blocks()
    const isRecord = (block: Block) => block.bytes.length < 60
    const raw = Buffer.from(car)
    raw[raw.length - 3] = (raw[raw.length - 3] ?? 0) ^ 1
    // A tree with all keys in one node: valid bytes, but hardly all keys belong on one layer.
    const flat = {
      keys: [
        'com.example.note/a',
        'com.example.note/b',
        'com.example.note/c',
        'com.example.note/d',
        'com.example.note/e',
        'com.example.note/f',
        'com.example.note/g',
        'com.example.note/h',
      ],
    }
    const record = blockOf(new Uint8Array([0xa0]), sha256)
    const node = blockOf(
      encodeNode({
        ...flat,
        values: flat.keys.map(() => record.cid),
        trees: [null, ...flat.keys.map(() => null)],
      }),
      sha256,
    )
    const flatCommit = await signCommit(
      { did: alice, rev: decodeCommit(all[0]!.bytes).rev, data: node.cid },
      { sign: old.key.sign, sha256 },
    )
    const deep = blockOf(new Uint8Array(3000).fill(0x81), sha256)
    const cases: readonly [string, Uint8Array][] = [
      ['of another account', await withCommit({ did: bob })],
      ['from the future', await withCommit({ rev: '3zzzzzzzzzz22' })],
      [
        'without a record',
        await withCommit({ drop: block => cidKey(block.cid) === cidKey(all.find(isRecord)!.cid) }),
      ],
      ['without its tree', await withCommit({ drop: block => !isRecord(block) })],
      ['without its root', carBytes([deep.cid], all)],
      ['with two roots', carBytes([all[0]!.cid, all[1]!.cid], all)],
      ['with no roots', carBytes([], all)],
      ['whose root is a bomb', carBytes([deep.cid], [deep])],
      ['whose root is no commit', carBytes([all[1]!.cid], all)],
      ['whose tree is none', carBytes([flatCommit.cid], [flatCommit, node, record])],
      ['cut off', car.subarray(0, car.length - 10)],
      ['with a wrong byte', raw],
      ['that is nothing', new Uint8Array()],
      ['that is text', Buffer.from('hello, I am not a CAR')],
    ]
    for (const [name, bytes] of cases) {
      await assert.rejects(imports.run(account, inChunks(bytes)), invalid, name)
    }
    await assert.rejects(imports.run(account, inChunks(new Uint8Array(1_000_001))), { name: 'Refusal' })
    assert.deepEqual(await house.database.read(tx => repoState(tx, account)), before)
    await checkBlocks()
  })

  it('refuses one that is too large', async () => {
    const large = Array.from({ length: 40 }, (_, index) => {
      const bytes = new Uint8Array(30_000).fill(index)
      return blockOf(bytes, sha256)
    })
    const bytes = carBytes([blocks()[0]!.cid], [...blocks(), ...large])
    await assert.rejects(imports.run(account, inChunks(bytes)), { wireName: 'PayloadTooLarge' })
    assert.equal(await house.database.read(anyStage), undefined)
  })

  it('passes on what the sender breaks off with', async () => {
    const broken = (async function* () {
      yield car.subarray(0, 5000)
      throw new Error('connection reset')
    })()
    await assert.rejects(imports.run(account, broken), /connection reset/)
    assert.equal(await house.database.read(anyStage), undefined)
  })

  it('runs once at a time for an account', async () => {
    const first = imports.run(account, inChunks(car))
    await assert.rejects(imports.run(account, inChunks(car)), { code: 'unavailable' })
    await first
  })

  it('removes what a crash left behind when it starts', async () => {
    await house.database.write(tx =>
      tx.run(`INSERT INTO pds_blocks (account, cid, rev, refs, bytes) VALUES (-5, $1, '', 0, $1)`, [
        new Uint8Array(36),
      ]),
    )
    await imports.start()
    assert.equal(await house.database.read(anyStage), undefined)
    await checkBlocks()
  })

  it('answers any damage with a refusal', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ at: fc.nat(), value: fc.nat(255) }), { minLength: 1, maxLength: 3 }),
        fc.nat(),
        async (changes, cut) => {
          const bytes = Buffer.from(car.subarray(0, cut % 4 === 0 ? cut % car.length : car.length))
          // Lengths, CIDs and headers are where damage is not just a wrong hash.
          for (const { at, value } of changes)
            if (bytes.length > 0) bytes[at % Math.min(bytes.length, 600)] = value
          await imports.run(account, inChunks(bytes)).catch((error: unknown) => {
            assert.ok(error instanceof Error && error.name === 'Refusal', String(error))
          })
        },
      ),
      { numRuns: 60 },
    )
    await checkBlocks()
  })
})
