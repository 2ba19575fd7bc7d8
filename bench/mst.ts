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
import { blockOf, type Cid, cidKey, type Sha256 } from '@leaf/atproto/cid'
import { encodeCommitFrame } from '@leaf/atproto/frame'
import { createTreeBuilder } from '@leaf/atproto/mst-build'
import { createNodeCache, createNodeSource } from '@leaf/atproto/node-source'
import { formatCommit, type RepoHead } from '@leaf/atproto/repo'
import secp256k1 from 'secp256k1'

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,10000,100000' },
    peer: { type: 'boolean', default: true },
  },
  allowNegative: true,
})

const sha256: Sha256 = bytes => hash('sha256', bytes, 'buffer')
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

/** Ours: nodes through a cache, the rest of the blocks in a map. */
async function ours(
  size: number,
  commits: number,
): Promise<{ commit: number; cold: number; frame: number; blocks: number }> {
  const blocks = new Map<string, Uint8Array>()
  const builder = createTreeBuilder({ sha256, emit: ({ cid, bytes }) => void blocks.set(cidKey(cid), bytes) })
  for (let index = 0; index < size; index += 1) {
    builder.add(`${collection}/${rkeyOf(index)}`, blockOf(encode(recordOf(index)), sha256).cid)
  }
  let head: RepoHead = { data: builder.finish(), rev: createTid((startMs - 1) * 1000, 0) }
  const load = (cids: readonly Cid[]) => cids.map(cid => blocks.get(cidKey(cid)))
  const warm = createNodeSource({ load, sha256, cache: createNodeCache({ bytesMax: 64 * 1024 * 1024 }) })
  const cold = createNodeSource({ load, sha256 })
  let next = size
  let stored = 0
  const commitOne = async (source: typeof warm) => {
    const record = blockOf(encode(recordOf(next)), sha256)
    const path = `${collection}/${rkeyOf(next)}`
    const writes = [{ action: 'create' as const, path, record }]
    next += 1
    const commit = await formatCommit({ source, did, head, writes, sign, nowMs: startMs + next, clockId: 0 })
    for (const { cid, bytes } of commit.newNodes) blocks.set(cidKey(cid), bytes)
    for (const cid of commit.removedNodes) blocks.delete(cidKey(cid))
    stored += commit.newNodes.length + 2
    head = commit
    return commit
  }
  for (let index = 0; index < commits; index += 1) await commitOne(warm)
  stored = 0
  let start = cpuNow()
  for (let index = 0; index < commits; index += 1) await commitOne(warm)
  const commit = micros(start, commits)
  const blocksPerCommit = stored / commits
  start = cpuNow()
  for (let index = 0; index < commits; index += 1) await commitOne(cold)
  const coldCommit = micros(start, commits)
  const last = await commitOne(warm)
  const event = {
    repo: did,
    commit: last.commit.cid,
    blocks: last.slice,
    time: '2026-01-01T00:00:00.000Z',
    ...rest(last),
  }
  start = cpuNow()
  for (let index = 0; index < 20_000; index += 1) encodeCommitFrame(index, event)
  return { commit, cold: coldCommit, frame: micros(start, 20_000), blocks: blocksPerCommit }
}

type Commit = Awaited<ReturnType<typeof formatCommit>>
const rest = ({ rev, since, ops, prevData }: Commit) => ({ rev, since, ops, prevData })

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
for (const size of values.sizes.split(',').map(Number)) {
  const own = await ours(size, 2000)
  const line = [
    `${size} records: ${own.commit.toFixed(1)} µs a commit, ${own.blocks.toFixed(1)} blocks`,
    `without cache ${own.cold.toFixed(1)} µs`,
    `frame ${own.frame.toFixed(1)} µs`,
  ]
  if (values.peer) {
    const other = await peer(size, size > 20_000 ? 100 : 300)
    line.push(`@atproto/repo ${other.toFixed(1)} µs (${(other / own.commit).toFixed(1)} ×)`)
  }
  console.log(line.join('; '))
}
