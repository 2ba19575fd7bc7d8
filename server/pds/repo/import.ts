/**
 * A repository that comes as a CAR: read as a stream, verified block by block and as a tree, kept aside meanwhile, and
 * taken over in one transaction under a new commit of this server. https://atproto.com/guides/account-migration
 */
import { parse as parseTid } from '@atcute/tid'
import { readCar } from '@leaf/atproto/car-read'
import { carBytes } from '@leaf/atproto/car'
import { type Block, type Cid, cidEquals } from '@leaf/atproto/cid'
import { type Commit, commitBytesMax, decodeCommit, nextRev, signCommit } from '@leaf/atproto/commit'
import { MalformedError, MissingBlockError } from '@leaf/atproto/errors'
import { entries } from '@leaf/atproto/mst-walk'
import { createNodeSource } from '@leaf/atproto/node-source'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import { type Account, accountById } from '../database/accounts.ts'
import { insertBacklink } from '../database/backlinks.ts'
import { blockLoader } from '../database/blocks.ts'
import { insertRef, settleUses } from '../database/blobs.ts'
import {
  adoptStage,
  anyStage,
  clearStage,
  countStaged,
  countUses,
  stageBlocks,
  stageRecords,
} from '../database/import.ts'
import { putRepoState, repoState } from '../database/repo-state.ts'
import type { AccountKeys } from '../identity/keys.ts'
import { repoLocks, type Sequencer } from '../sync/events.ts'
import { sha256 } from '../validation/sha256.ts'
import { refuse } from '../xrpc/refuse.ts'
import { type ImportedRecord, readImportedRecord } from './import-records.ts'

export interface ImportsOptions {
  readonly database: Database
  readonly clock: Pick<Clock, 'now'>
  readonly random: Pick<Random, 'integer'>
  readonly keys: Pick<AccountKeys, 'signerFor'>
  readonly sequencer: Pick<Sequencer, 'sync'>
  /** Bytes of a CAR. */
  readonly importBytesMax: number
}

export interface Imports {
  /**
   * Replaces the account's repository. Blobs need not be there yet. Consumers hear of it at once (#sync) only when the
   * account is active. Throws InvalidRequest for a CAR that is not a whole and right repository of this account, and
   * PayloadTooLarge.
   */
  run(account: number, car: AsyncIterable<Uint8Array>): Promise<void>
  /** Removes what a crash left of imports. */
  start(): Promise<void>
}

/** Imports at once; more are told to come again. */
const importsMax = 4
/** Blocks, records or rows of one transaction, so that other writes hardly wait. */
const stepMax = 256
/** Bytes of blocks of one transaction. */
const stepBytesMax = 2 * 1024 * 1024
/** How far ahead of our clock a rev may be: consumers refuse later ones. */
const revAheadMsMax = 5 * 60_000

const stages = 2 ** 47

export function createImports(options: ImportsOptions): Imports {
  const { database, clock, random, importBytesMax } = options
  const running = new Set<number>()

  const stageCar = async (stage: number, car: AsyncIterable<Uint8Array>): Promise<Block> => {
    const reader = await readCar(car, { sha256, limits: { bytesMax: importBytesMax } })
    const [root] = reader.roots
    if (root === undefined || reader.roots.length !== 1) throw refuse('InvalidRequest', 'expected one root')
    let commit: Block | undefined
    let batch: Block[] = []
    let bytes = 0
    const flush = async () => {
      const full = batch
      batch = []
      bytes = 0
      await database.write(tx => stageBlocks(tx, stage, full))
    }
    for await (const block of reader.blocks) {
      if (commit === undefined && cidEquals(block.cid, root)) commit = copyOf(block)
      batch.push(block)
      bytes += block.bytes.length
      if (batch.length >= stepMax || bytes >= stepBytesMax) await flush()
    }
    await flush()
    if (commit === undefined) throw refuse('InvalidRequest', 'the CAR lacks its root')
    return commit
  }

  /** Walks through the whole tree, and stages what its records say. */
  const stageTree = async (stage: number, root: Cid): Promise<void> => {
    const nodes: Cid[] = []
    const source = createNodeSource({
      sha256,
      load: cids => {
        nodes.push(...cids)
        return database.read(tx => blockLoader(tx, stage).loadMany(cids))
      },
    })
    let batch: { readonly key: string; readonly cid: Cid }[] = []
    const flush = async () => {
      const blocks = await database.read(tx => blockLoader(tx, stage).loadMany(batch.map(entry => entry.cid)))
      const records = batch.map(({ key, cid }, index) => recordOf(key, cid, blocks[index]))
      const used = [...nodes.splice(0), ...records.map(record => record.cid)]
      batch = []
      await database.write(async tx => {
        await countUses(tx, stage, used)
        await stageRecords(tx, stage, records, clock.now())
        for (const record of records) await stageExtras(tx, stage, record)
      })
    }
    for await (const entry of entries(source, root, { strict: true })) {
      batch.push(entry)
      if (batch.length >= stepMax) await flush()
    }
    await flush()
  }

  const adopt = (stage: number, account: Account, commit: Commit): Promise<void> =>
    database.write(
      async tx => {
        const state = await repoState(tx, account.id)
        const earlier = state === undefined || state.headRev < commit.rev ? commit.rev : state.headRev
        const rev = nextRev(earlier, clock.now(), random.integer(1024))
        const now = await accountById(tx, account.id)
        if (now === undefined) throw refuse('AccountNotFound', 'Account not found')
        const signer = await options.keys.signerFor(tx, now)
        const fresh = await signCommit(
          { did: now.did, data: commit.data, rev },
          { sign: signer.sign, sha256 },
        )
        const recordCount = await countStaged(tx, stage)
        await adoptStage(tx, stage, now.id, rev)
        await settleUses(tx, now.id, rev, clock.now())
        const head = { headCid: fresh.cid, headRev: rev, dataCid: commit.data, commitBlock: fresh.bytes }
        await putRepoState(tx, now.id, { ...head, recordCount }, clock.now())
        if (now.status !== 'active') return
        await options.sequencer.sync(tx, { did: now.did, rev, blocks: carBytes([fresh.cid], [fresh]) })
      },
      { locks: repoLocks(account.did) },
    )

  const clear = async (stage: number): Promise<void> => {
    while (await database.write(tx => clearStage(tx, stage, stepMax * 4)));
  }

  const importCar = async (account: Account, car: AsyncIterable<Uint8Array>): Promise<void> => {
    const stage = -1 - random.integer(stages)
    try {
      const commit = checkedCommit(await stageCar(stage, car), account, clock.now())
      await stageTree(stage, commit.data)
      await adopt(stage, account, commit)
    } catch (error) {
      await clear(stage)
      throw refusalOf(error, importBytesMax)
    }
  }

  return {
    run: async (accountId, car) => {
      const account = await database.read(tx => accountById(tx, accountId))
      if (account === undefined) throw refuse('AccountNotFound', 'Account not found')
      if (running.has(accountId) || running.size >= importsMax) {
        throw new Refusal('unavailable', 'an import is under way', { retryAfterMs: 10_000 })
      }
      running.add(accountId)
      try {
        await importCar(account, car)
      } finally {
        running.delete(accountId)
      }
    },
    start: async () => {
      // Beside other nodes a stage may be one that is just being filled.
      if (database.engine !== 'sqlite') return
      for (;;) {
        const stage = await database.read(anyStage)
        if (stage === undefined) return
        await clear(stage)
      }
    },
  }
}

function copyOf(block: Block): Block {
  return { cid: Uint8Array.from(block.cid), bytes: Uint8Array.from(block.bytes) }
}

function checkedCommit(block: Block, account: Account, nowMs: number): Commit {
  if (block.bytes.length > commitBytesMax)
    throw refuse('InvalidRequest', 'the root of the CAR is not a commit')
  const commit = decodeCommit(block.bytes)
  if (commit.did !== account.did) {
    throw refuse('InvalidRequest', `expected a repository of ${account.did}, got one of ${commit.did}`)
  }
  if (parseTid(commit.rev).timestamp / 1000 > nowMs + revAheadMsMax) {
    throw refuse('InvalidRequest', `the rev ${commit.rev} of the commit lies in the future`)
  }
  return commit
}

function recordOf(key: string, cid: Cid, bytes: Uint8Array | undefined): ImportedRecord {
  if (bytes === undefined) throw refuse('InvalidRequest', `the CAR lacks the record at ${key}`)
  return readImportedRecord(key, cid, bytes)
}

async function stageExtras(tx: Tx, stage: number, record: ImportedRecord): Promise<void> {
  const { collection, rkey, subject, path } = record
  if (subject !== undefined) await insertBacklink(tx, stage, { collection, rkey, subject })
  for (const blob of record.blobs) await insertRef(tx, stage, blob, path)
}

/** What is wrong with the CAR as the caller is told it; other errors stay what they are. */
function refusalOf(error: unknown, bytesMax: number): unknown {
  if (error instanceof MalformedError && error.message.includes(`larger than ${bytesMax} bytes`)) {
    return refuse('PayloadTooLarge', `a repository may have ${bytesMax} bytes`, error)
  }
  if (error instanceof MalformedError || error instanceof MissingBlockError) {
    return refuse('InvalidRequest', `the CAR is not a whole repository: ${error.message}`, error)
  }
  return error
}
