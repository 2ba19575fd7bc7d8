/** Where an imported repository stands until all of it is there and right: `database/import.ts`. */
import { readCar } from '@leaf/atproto/car-read'
import { type Block, type Cid, cidEquals } from '@leaf/atproto/cid'
import { entries } from '@leaf/atproto/mst-walk'
import { createNodeSource } from '@leaf/atproto/node-source'
import type { Clock } from '../../kernel/clock.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import { insertBacklink } from '../database/backlinks.ts'
import { blockLoader } from '../database/blocks.ts'
import { insertRef } from '../database/blobs.ts'
import { clearStage, countUses, stageBlocks, stageRecords } from '../database/import.ts'
import { sha256 } from '../validation/sha256.ts'
import { refuse } from '../xrpc/refuse.ts'
import { type ImportedRecord, readImportedRecord } from './import-records.ts'

export interface Staging {
  /** Takes in all blocks of a CAR, each verified; gives its root. Throws MalformedError and refusals. */
  car(stage: number, car: AsyncIterable<Uint8Array>): Promise<Block>
  /** Walks through the whole tree, and takes in what its records say. Throws MalformedError, MissingBlockError, refusals. */
  tree(stage: number, root: Cid): Promise<void>
  /** Removes what stands under the stage. */
  clear(stage: number): Promise<void>
}

/** Blocks, records or rows of one transaction, so that other writes hardly wait. */
const stepMax = 256
/** Bytes of blocks of one transaction. */
const stepBytesMax = 2 * 1024 * 1024
/** In short transactions, so that other writes hardly wait. */
export function createStaging(options: {
  readonly database: Database
  readonly clock: Pick<Clock, 'now'>
  readonly importBytesMax: number
}): Staging {
  const { database, clock, importBytesMax } = options

  const readBlocks = async (stage: number, car: AsyncIterable<Uint8Array>): Promise<Block> => {
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

  const readTree = async (stage: number, root: Cid): Promise<void> => {
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

  return {
    car: readBlocks,
    tree: readTree,
    clear: async stage => {
      while (await database.write(tx => clearStage(tx, stage, stepMax * 4)));
    },
  }
}

function copyOf(block: Block): Block {
  return { cid: Uint8Array.from(block.cid), bytes: Uint8Array.from(block.bytes) }
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
