/** One repository's blocks on their way into a CAR: which are read first, and in which steps. */
import { writeCar } from '@leaf/atproto/car'
import { type Block, cidKey } from '@leaf/atproto/cid'
import { exportTree, type ExportLoader } from '@leaf/atproto/repo-export'
import type { Database } from '../../kernel/storage/database.ts'
import { blocksAfter, blocksSince } from '../database/export.ts'
import type { RepoState } from '../database/repo-state.ts'
import type { HeldBlocks } from './held-blocks.ts'

/** Blocks of one step when all are read, and the bytes past which a step is made smaller. */
const scanBlocksMin = 32
const scanBlocksMax = 512
const scanBytesTarget = 512 * 1024

/**
 * Begins to read the repository at `state`; blocks that are read first go through `held`. Throws MissingBlockError, also
 * later on, when blocks went with a newer commit.
 */
export type ExportSource = (
  account: number,
  state: RepoState,
  since: string | undefined,
  held: HeldBlocks,
) => Promise<AsyncIterator<Uint8Array>>

export function createExportSource(options: {
  readonly database: Pick<Database, 'read'>
  /** Records past which only the nodes are read first. */
  readonly largeRecords: number
}): ExportSource {
  const { database, largeRecords } = options

  const loaderOf =
    (account: number, since: string | undefined, held: HeldBlocks): ExportLoader =>
    async cids => {
      const found = cids.map(cid => held.take(cid))
      const missing = cids.filter((_, index) => found[index] === undefined)
      if (missing.length === 0) return found
      const loaded = await database.read(tx => blocksSince(tx, account, missing, since))
      return cids.map((cid, index) => found[index] ?? loaded.get(cidKey(cid)))
    }

  /** Fills `held` with all blocks, as far as they have room. */
  const holdAll = async (account: number, held: HeldBlocks): Promise<void> => {
    let after: Uint8Array = new Uint8Array(0)
    let limit = scanBlocksMin
    for (;;) {
      const blocks = await database.read(tx => blocksAfter(tx, account, after, limit))
      const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0)
      if (!held.keep(blocks) || blocks.length < limit) return
      after = blocks.at(-1)?.cid ?? after
      limit = bytes > scanBytesTarget ? scanBlocksMin : Math.min(scanBlocksMax, limit * 2)
    }
  }

  return async (
    account: number,
    state: RepoState,
    since: string | undefined,
    held: HeldBlocks,
  ): Promise<AsyncIterator<Uint8Array>> => {
    const load = loaderOf(account, since, held)
    if (since === undefined && state.recordCount > largeRecords) {
      for await (const nodes of exportTree(state.dataCid, load, { nodesOnly: true })) {
        if (!held.keep(nodes)) break
      }
    } else if (since === undefined) {
      await holdAll(account, held)
    }
    return writeCar([state.headCid], repoBlocks(state, load))
  }
}

async function* repoBlocks(state: RepoState, load: ExportLoader): AsyncGenerator<readonly Block[]> {
  yield [{ cid: state.headCid, bytes: state.commitBlock }]
  yield* exportTree(state.dataCid, load)
}
