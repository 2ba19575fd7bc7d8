/**
 * Microseconds of CPU for one commit that adds one record to a repository of N, with a native signature, beside
 * `@atproto/repo` in the same run: `node --conditions=leaf-source bench/mst.ts [--sizes 1000,10000,100000] [--no-peer]`.
 * Both keep their blocks in memory; nothing is written to a disk.
 */
import { hash } from 'node:crypto'
import { parseArgs } from 'node:util'
import { encode } from '@atcute/cbor'
import { create as createTid } from '@atcute/tid'
import { BlockMap, MemoryBlockstore, Repo, WriteOpAction } from '@atproto/repo'
import { writeCar } from '@leaf/atproto/car'
import { type Block, blockOf, type Cid, cidKey, type Sha256 } from '@leaf/atproto/cid'
import { encodeCommitFrame } from '@leaf/atproto/frame'
import { createTreeBuilder } from '@leaf/atproto/mst-build'
import { createNodeCache, createNodeSource } from '@leaf/atproto/node-source'
import { type FormattedCommit, formatCommit, type RepoHead } from '@leaf/atproto/repo'
import { exportTree } from '@leaf/atproto/repo-export'
import secp256k1 from 'secp256k1'

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,10000,100000' },
    peer: { type: 'boolean', default: true },
  },
  allowNegative: true,
})

/** By way of a string, which costs half of what a Buffer of 32 bytes does. */
const sha256: Sha256 = bytes => {
  const text = hash('sha256', bytes, 'binary')
  const digest = new Uint8Array(32)
  for (let index = 0; index < 32; index += 1) digest[index] = text.charCodeAt(index)
  return digest
}
const secret = hash('sha256', 'a key for benchmarks', 'buffer')
const sign = (bytes: Uint8Array) => secp256k1.ecdsaSign(sha256(bytes), secret).signature
const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const collection = 'com.example.record'
const recordOf = (index: number) => ({
  $type: collection,
  text: `record ${index}`,
  createdAt: '2026-01-01T00:00:00Z',
})
const rkeyOf = (index: number) => createTid(1_700_000_000_000_000 + index * 1_000_003, 7)
const startMs = 1_800_000_000_000

/** CPU time of this process, in microseconds: steadier than wall time beside other work. */
const cpuNow = () => {
  const { user, system } = process.cpuUsage()
  return user + system
}
const micros = (start: number, count: number) => (cpuNow() - start) / count

interface TestRepo {
  /** Commits so many new records at once; gives the commit. */
  commit(count: number, useCache: boolean): Promise<FormattedCommit>
  /** Blocks that were stored by commits so far. */
  stored(): number
  /** Bytes of the whole repository as a CAR. */
  exported(): Promise<number>
}

/** Ours: nodes through a cache, all blocks in a map. */
function createRepo(size: number): TestRepo {
  const blocks = new Map<string, Uint8Array>()
  const put = ({ cid, bytes }: Block) => void blocks.set(cidKey(cid), bytes)
  const builder = createTreeBuilder({ sha256, emit: put })
  const recordBlock = (index: number) => blockOf(encode(recordOf(index)), sha256)
  for (let index = 0; index < size; index += 1) {
    const record = recordBlock(index)
    put(record)
    builder.add(`${collection}/${rkeyOf(index)}`, record.cid)
  }
  let head: RepoHead = { data: builder.finish(), rev: createTid((startMs - 1) * 1000, 0) }
  const load = (cids: readonly Cid[]) => cids.map(cid => blocks.get(cidKey(cid)))
  const warm = createNodeSource({ load, sha256, cache: createNodeCache({ bytesMax: 64 * 1024 * 1024 }) })
  const cold = createNodeSource({ load, sha256 })
  let next = size
  let stored = 0
  return {
    commit: async (count, useCache) => {
      const writes = Array.from({ length: count }, (_, offset) => ({
        action: 'create' as const,
        path: `${collection}/${rkeyOf(next + offset)}`,
        record: recordBlock(next + offset),
      }))
      next += count
      const source = useCache ? warm : cold
      const commit = await formatCommit({
        source,
        did,
        head,
        writes,
        sign,
        nowMs: startMs + next,
        clockId: 0,
      })
      for (const block of commit.newNodes) put(block)
      for (const block of commit.newRecords) put(block)
      for (const cid of commit.removedNodes) blocks.delete(cidKey(cid))
      stored += commit.newNodes.length + 1 + count
      head = commit
      return commit
    },
    stored: () => stored,
    exported: async () => {
      let bytes = 0
      for await (const chunk of writeCar([head.data], exportTree(head.data, load))) bytes += chunk.length
      return bytes
    },
  }
}

interface Figures {
  readonly commit: number
  readonly blocks: number
  readonly cold: number
  readonly batch: number
  readonly frame: number
  readonly exportMs: number
}

async function ours(size: number, commits: number): Promise<Figures> {
  const repo = createRepo(size)
  const time = async (count: number, run: (index: number) => unknown): Promise<number> => {
    const start = cpuNow()
    for (let index = 0; index < count; index += 1) await run(index)
    return (cpuNow() - start) / count
  }
  await repo.exported()
  const exportMs = (await time(3, repo.exported)) / 1000
  await time(commits, () => repo.commit(1, true))
  const stored = repo.stored()
  const commit = await time(commits, () => repo.commit(1, true))
  const blocks = (repo.stored() - stored) / commits
  const cold = await time(commits, () => repo.commit(1, false))
  const batch = (await time(commits / 100, () => repo.commit(200, true))) / 200
  const { commit: block, slice, rev, since, ops, prevData } = await repo.commit(1, true)
  const event = {
    repo: did,
    commit: block.cid,
    rev,
    since,
    ops,
    prevData,
    blocks: slice,
    time: '2026-01-01T00:00:00.000Z',
  }
  const frame = await time(20_000, index => void encodeCommitFrame(index, event))
  return { commit, blocks, cold, batch, frame, exportMs }
}

/** The reference, with the same native signature. */
async function peer(size: number, commits: number): Promise<number> {
  const keypair = { jwtAlg: 'ES256K', did: () => 'did:key:z', sign: async (bytes: Uint8Array) => sign(bytes) }
  const storage = new MemoryBlockstore(new BlockMap())
  const writeOf = (index: number) => ({
    action: WriteOpAction.Create,
    collection,
    rkey: rkeyOf(index),
    record: recordOf(index),
  })
  let repo = await Repo.create(storage, did, keypair)
  for (let index = 0; index < size; index += 500) {
    const writes = Array.from({ length: Math.min(500, size - index) }, (_, offset) => writeOf(index + offset))
    repo = await repo.applyWrites(writes as never, keypair)
  }
  for (let index = 0; index < commits; index += 1)
    repo = await repo.applyWrites(writeOf(size + index) as never, keypair)
  const start = cpuNow()
  for (let index = commits; index < 2 * commits; index += 1)
    repo = await repo.applyWrites(writeOf(size + index) as never, keypair)
  return micros(start, commits)
}

const digest = sha256(new Uint8Array(200))
for (let index = 0; index < 2000; index += 1) secp256k1.ecdsaSign(digest, secret)
const signStart = cpuNow()
for (let index = 0; index < 5000; index += 1) secp256k1.ecdsaSign(digest, secret)
console.log(`signature alone: ${micros(signStart, 5000).toFixed(1)} µs`)
await ours(500, 3000)
if (values.peer) await peer(500, 100)
for (const size of values.sizes.split(',').map(Number)) {
  const own = await ours(size, 2000)
  const line = [
    `${size} records: ${own.commit.toFixed(1)} µs a commit, ${own.blocks.toFixed(1)} blocks`,
    `without cache ${own.cold.toFixed(1)} µs`,
    `200 at once ${own.batch.toFixed(1)} µs a record`,
    `frame ${own.frame.toFixed(1)} µs`,
    `export ${own.exportMs.toFixed(1)} ms`,
  ]
  if (values.peer) {
    const other = await peer(size, size > 20_000 ? 100 : 300)
    line.push(`@atproto/repo ${other.toFixed(1)} µs (${(other / own.commit).toFixed(1)} ×)`)
  }
  console.log(line.join('; '))
}
