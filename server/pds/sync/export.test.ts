import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { verifyRepoCar } from '@atproto/repo'
import { parseCar } from '@leaf/atproto/car-read'
import { cidKey, cidToString } from '@leaf/atproto/cid'
import { decodeCommit } from '@leaf/atproto/commit'
import { decodeNode } from '@leaf/atproto/mst-node'
import fc from 'fast-check'
import type { Database } from '../../kernel/storage/database.ts'
import { sha256 } from '../validation/sha256.ts'
import { createRepoExports, type RepoExportOptions } from './export.ts'
import { alice } from './test-house.ts'
import { openRepoHouse, type RepoHouse } from './test-repos.ts'

async function bytesOf(stream: AsyncIterable<Uint8Array> | undefined): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream ?? []) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const create = (rkey: string, text = rkey) => ({
  action: 'create' as const,
  collection: 'com.example.note',
  rkey,
  record: { text },
})
const remove = (rkey: string) => ({ action: 'delete' as const, collection: 'com.example.note', rkey })
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** The keys of a CAR, in which nothing may be missing, too much or out of order. Throws when something is. */
function keysOf(car: Uint8Array): string[] {
  const { roots, blocks } = parseCar(car, { sha256 })
  assert.equal(roots.length, 1)
  const queue = [...blocks]
  const take = () => queue.shift() ?? assert.fail('a block is missing')
  const commit = take()
  assert.deepEqual(commit.cid, roots[0])
  const keys: string[] = []
  const walk = (cid: Uint8Array) => {
    const block = take()
    assert.equal(cidKey(block.cid), cidKey(cid))
    const node = decodeNode(block.bytes, block.cid)
    for (let index = 0; index <= node.keys.length; index += 1) {
      if (index > 0) {
        assert.equal(cidKey(take().cid), cidKey(node.values[index - 1]!))
        keys.push(node.keys[index - 1]!)
      }
      const tree = node.trees[index] ?? null
      if (tree !== null) walk(tree)
    }
  }
  walk(decodeCommit(commit.bytes).data)
  assert.equal(queue.length, 0)
  return keys
}

describe('the export of a repository', () => {
  let house: RepoHouse
  let account = 0
  before(async () => {
    house = await openRepoHouse()
    account = await house.addAccount(alice)
    await house.repositories.write({ did: alice, writes: range(100, 299).map(one => create(`r${one}`)) })
  })
  after(() => house.close())

  const write = async (...writes: (ReturnType<typeof create> | ReturnType<typeof remove>)[]) => {
    house.clock.advance(1)
    const { commit } = await house.repositories.write({ did: alice, writes })
    return commit!
  }
  const exported = async (options: Partial<RepoExportOptions> = {}, since?: string) =>
    bytesOf(await createRepoExports({ database: house.database, ...options }).car(account, since))

  it('is the commit, then the tree in pre-order with records in place', async () => {
    assert.deepEqual(
      keysOf(await exported()),
      range(100, 299).map(one => `com.example.note/r${one}`),
    )
  })

  it('is accepted by the reference with every record and a good signature', async () => {
    const verified = await verifyRepoCar(await exported(), alice, house.key.didKey)
    assert.equal(verified.creates.length, 200)
  })

  it('has, since a rev, exactly what came after it', async () => {
    const old = await exported()
    const rev = decodeCommit(parseCar(old, { sha256 }).blocks[0]!.bytes).rev
    await write(create('r150a'), remove('r160'))
    const head = await write(create('zzz'))
    const more = parseCar(await exported({}, rev), { sha256 }).blocks
    const all = new Map(
      [...parseCar(old, { sha256 }).blocks, ...more].map(block => [cidKey(block.cid), block]),
    )
    const whole = parseCar(await exported(), { sha256 }).blocks
    assert.ok(whole.every(block => all.has(cidKey(block.cid))))
    assert.ok(more.length < 40)
    const current = parseCar(await exported({}, head.rev), { sha256 })
    assert.deepEqual(
      current.blocks.map(block => cidToString(block.cid)),
      [head.cid],
    )
    await write(create('r160'), remove('r150a'), remove('zzz'))
  })

  it('is nothing for an account without a repository', async () => {
    assert.equal(await createRepoExports({ database: house.database }).car(999_999), undefined)
  })

  it('begins anew when the repository changes before anything was sent', async () => {
    let reads = 0
    const changing: Pick<Database, 'read'> = {
      read: async fn => {
        reads += 1
        if (reads === 3) await write(create('r200x'), remove('r299'))
        return house.database.read(fn)
      },
    }
    const keys = keysOf(await exported({ database: changing }))
    assert.ok(keys.includes('com.example.note/r200x'))
    await write(create('r299'), remove('r200x'))
  })

  it('is one whole commit or breaks off, whatever is written while it is read, slowly or fast, small or large', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }),
        fc.constantFrom(0, 3_000, 100_000_000),
        fc.boolean(),
        async (turns, aheadBytesMax, large) => {
          const heads = new Set<string>()
          let [reads, made] = [0, 0]
          const database: Pick<Database, 'read'> = {
            read: async fn => {
              reads += 1
              if (turns.includes(reads)) {
                const { cid } = await write(create(`m${(made += 1)}`), remove(`r${150 + made}`))
                heads.add(cid)
              }
              return house.database.read(fn)
            },
          }
          const car = await exported({ database, aheadBytesMax, largeRecords: large ? 10 : 1e9 }).catch(
            () => undefined,
          )
          if (car !== undefined) assert.equal(keysOf(car).length, 200)
          else assert.ok(aheadBytesMax < 100_000_000 || turns.length > 0)
          if (aheadBytesMax === 100_000_000) assert.ok(car !== undefined)
          for (const one of range(1, made)) await write(remove(`m${one}`), create(`r${150 + one}`))
        },
      ),
      { numRuns: 40 },
    )
  })
})
