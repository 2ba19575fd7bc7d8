/**
 * A repository that comes as a CAR: read as a stream, verified block by block and as a tree, kept aside meanwhile, and
 * taken over in one transaction under a new commit of this server. https://atproto.com/guides/account-migration
 */
import { parse as parseTid } from '@atcute/tid'
import { carBytes } from '@leaf/atproto/car'
import type { Block } from '@leaf/atproto/cid'
import { type Commit, commitBytesMax, decodeCommit, nextRev, signCommit } from '@leaf/atproto/commit'
import { MalformedError, MissingBlockError } from '@leaf/atproto/errors'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { type Account, accountById } from '../database/accounts.ts'
import { settleUses } from '../database/blobs.ts'
import { adoptStage, anyStage, countStaged } from '../database/import.ts'
import { putRepoState, repoState } from '../database/repo-state.ts'
import type { AccountKeys } from '../identity/keys.ts'
import { repoLocks, type Sequencer } from '../sync/events.ts'
import { sha256 } from '../validation/sha256.ts'
import { refuse } from '../xrpc/refuse.ts'
import { createStaging } from './import-staging.ts'

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
/** How far ahead of our clock a rev may be: consumers refuse later ones. */
const revAheadMsMax = 5 * 60_000

const stages = 2 ** 47

export function createImports(options: ImportsOptions): Imports {
  const { database, clock, random, importBytesMax } = options
  const staging = createStaging(options)
  const running = new Set<number>()

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

  const importCar = async (account: Account, car: AsyncIterable<Uint8Array>): Promise<void> => {
    const stage = -1 - random.integer(stages)
    try {
      const commit = checkedCommit(await staging.car(stage, car), account, clock.now())
      await staging.tree(stage, commit.data)
      await adopt(stage, account, commit)
    } catch (error) {
      await staging.clear(stage)
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
        await staging.clear(stage)
      }
    },
  }
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
