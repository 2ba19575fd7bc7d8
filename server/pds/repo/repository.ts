/** Repositories as the rest of the PDS changes them. A write is one transaction: state, blocks, records, blobs, event. */
import { carBytes } from '@leaf/atproto/car'
import { type Cid, cidEquals, cidToString } from '@leaf/atproto/cid'
import { RepoError } from '@leaf/atproto/errors'
import { createNodeSource, type NodeCache } from '@leaf/atproto/node-source'
import { formatCommit, type FormattedCommit, type RepoHead } from '@leaf/atproto/repo'
import { isValidDid } from '@atproto/syntax'
import type { Clock } from '../../kernel/clock.ts'
import type { Refusal } from '../../kernel/errors.ts'
import type { Did } from '../../kernel/identity/types.ts'
import type { SigningKey } from '../../kernel/keys.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import { accountById } from '../database/accounts.ts'
import { deleteBacklinks } from '../database/backlinks.ts'
import { blockLoader, deleteBlocks } from '../database/blocks.ts'
import { deleteRecords } from '../database/records.ts'
import { deleteRepoState, repoState, type WritableRepo, writableRepo } from '../database/repo-state.ts'
import { repoLocks, type Sequencer } from '../sync/events.ts'
import type { AccountKeys } from '../identity/keys.ts'
import type { RecordRules } from '../validation/record.ts'
import { sha256 } from '../validation/sha256.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { Repositories, WriteAnswer } from './acts.ts'
import { type PreparedRequest, prepareRequest, writesMax } from './prepare.ts'
import { type ResolvedWrites, resolveWrites } from './resolve-writes.ts'
import { type BlobRefs, eventOf, storeCommit } from './store-commit.ts'
import { createTids } from './tids.ts'

export interface RepositoryDependencies {
  readonly database: Pick<Database, 'write'>
  readonly clock: Pick<Clock, 'now'>
  readonly random: Pick<Random, 'integer'>
  readonly sequencer: Pick<Sequencer, 'commit' | 'sync'>
  readonly blobs: BlobRefs
  /** The signing key of an account that is stored, and of one that is just being made. */
  readonly keys: Pick<AccountKeys, 'signerFor' | 'openSigner'>
  readonly rules: RecordRules
  /** Decoded tree nodes, shared by all repositories. */
  readonly nodeCache: NodeCache
}

/** One past the highest clock id of a TID. */
const clockIds = 1024

interface Repo {
  readonly accountId: number
  readonly did: Did
  /** Null before the first commit. */
  readonly head: RepoHead | null
  readonly recordCount: number
}

export function createRepositories(dependencies: RepositoryDependencies): Repositories {
  const { database, clock, random, rules, sequencer, blobs, keys } = dependencies
  const clockId = random.integer(clockIds)
  const tids = createTids(clock, clockId)
  const commitWrites = createCommitter(dependencies, clockId)

  const writeWithin = async (tx: Tx, request: PreparedRequest, did: Did): Promise<WriteAnswer> => {
    const { headCid, signingKey, ...repo } = writable(await writableRepo(tx, did), did)
    const resolved = await resolveWrites(tx, repo.accountId, request)
    const { writes, results } = resolved
    if (writes.length === 0 && results.length > 0) return { results }
    checkSwapCommit(request.swapCommit, headCid)
    const signer = await keys.signerFor(tx, { id: repo.accountId, did, signingKey })
    const commit = await commitWrites(tx, repo, signer, resolved)
    await sequencer.commit(tx, eventOf(did, commit))
    return { commit: { cid: cidToString(commit.commit.cid), rev: commit.rev }, results }
  }

  const announceHead = async (tx: Tx, did: Did, commit: FormattedCommit): Promise<void> => {
    const blocks = carBytes([commit.commit.cid], [commit.commit])
    await sequencer.sync(tx, { did, rev: commit.rev, blocks })
  }

  return {
    write: async request => {
      const did = didOf(request.did)
      const prepared = prepareRequest(request, rules, tids)
      try {
        return await database.write(tx => writeWithin(tx, prepared, did), { locks: repoLocks(did) })
      } catch (error) {
        throw error instanceof RepoError ? refusalOf(error, did) : error
      }
    },

    createEmpty: async (tx, { id, did, signingKeySealed }, { announce }) => {
      const signer = keys.openSigner(did, signingKeySealed)
      const repo = { accountId: id, did, head: null, recordCount: 0 }
      const commit = await commitWrites(tx, repo, signer, noWrites)
      if (!announce) return
      await sequencer.commit(tx, eventOf(did, commit))
      await announceHead(tx, did, commit)
    },

    recommit: async (tx, accountId) => {
      const account = await accountById(tx, accountId)
      const state = await repoState(tx, accountId)
      if (account === undefined || state === undefined) throw noRepository(String(accountId))
      const { did } = account
      const head = { data: state.dataCid, rev: state.headRev }
      const signer = await keys.signerFor(tx, account)
      const repo = { accountId, did, head, recordCount: state.recordCount }
      const commit = await commitWrites(tx, repo, signer, noWrites)
      // No #commit: whoever knew the repo elsewhere has another tree before this one. #sync says where it is now.
      await announceHead(tx, did, commit)
      return { cid: cidToString(commit.commit.cid), rev: commit.rev }
    },

    removeAll: (tx, accountId) => removeAll(tx, accountId, blobs),
  }
}

type CommitWrites = (
  tx: Tx,
  repo: Repo,
  signer: Pick<SigningKey, 'sign'>,
  resolved: Pick<ResolvedWrites, 'writes' | 'extras'>,
) => Promise<FormattedCommit>

/** Formats and stores commits; their events are the caller's. */
function createCommitter(
  { clock, nodeCache, blobs }: Pick<RepositoryDependencies, 'clock' | 'nodeCache' | 'blobs'>,
  clockId: number,
): CommitWrites {
  return async (tx, { accountId, did, head, recordCount }, signer, { writes, extras }) => {
    const reader = blockLoader(tx, accountId)
    const nowMs = clock.now()
    const commit = await formatCommit({
      source: createNodeSource({ load: reader.loadMany, sha256, cache: nodeCache }),
      did,
      head,
      writes,
      sign: signer.sign,
      nowMs,
      clockId,
    })
    await storeCommit(tx, blobs, commit, { accountId, recordCount, nowMs, reader, extras })
    return commit
  }
}

const noWrites: Pick<ResolvedWrites, 'writes' | 'extras'> = { writes: [], extras: new Map() }

function checkSwapCommit(swapCommit: Cid | undefined, headCid: Cid): void {
  if (swapCommit === undefined || cidEquals(headCid, swapCommit)) return
  throw refuse('InvalidSwap', `Commit was at ${cidToString(headCid)}`)
}

async function removeAll(tx: Tx, accountId: number, blobs: BlobRefs): Promise<void> {
  await blobs.removeAll(tx, accountId)
  await deleteBacklinks(tx, accountId)
  await deleteRecords(tx, accountId)
  await deleteBlocks(tx, accountId)
  await deleteRepoState(tx, accountId)
}

/** What a write needs beside the repository itself. */
type Heading = { readonly headCid: Uint8Array } & Pick<WritableRepo, 'signingKey'>

function writable(repo: WritableRepo | undefined, did: Did): Repo & Heading {
  if (repo === undefined) throw noRepository(did)
  const { accountId, status, signingKey, headCid, headRev, dataCid, recordCount } = repo
  if (status === 'deactivated') throw refuse('AccountDeactivated', 'Account is deactivated')
  if (status !== 'active') throw refuse('AccountTakedown', 'Account has been taken down')
  if (headCid === null || headRev === null || dataCid === null) throw noRepository(did)
  const head = { data: dataCid, rev: headRev }
  return { accountId, did, signingKey, headCid, head, recordCount: recordCount ?? 0 }
}

function noRepository(name: string): Refusal {
  return refuse('InvalidRequest', `No repo root found for ${name}`)
}

function didOf(did: string): Did {
  if (!isDid(did)) throw refuse('InvalidRequest', `Invalid DID: ${did}`)
  return did
}

function isDid(text: string): text is Did {
  return isValidDid(text)
}

function refusalOf(error: RepoError, did: Did): Refusal {
  const uri = `at://${did}/${error.path ?? ''}`
  switch (error.code) {
    case 'record-exists':
      return refuse('InvalidRequest', `There is already a record at ${uri}`, error)
    case 'record-missing':
      return refuse('InvalidRequest', `Could not locate record: ${uri}`, error)
    case 'too-many-ops':
      return refuse('InvalidRequest', `Too many writes. Max: ${writesMax}`, error)
    case 'too-big':
      return refuse('InvalidRequest', 'Too many writes. Max event size: 2MB', error)
    default:
      return refuse('InvalidRequest', error.message, error)
  }
}
