/** Reading repositories: records as JSON, collections. Nothing here writes. */
import { decode } from '@atcute/cbor'
import { cidKey, cidToString } from '@leaf/atproto/cid'
import { Corruption, Refusal } from '../../kernel/errors.ts'
import type { Database, ReadTx } from '../../kernel/storage/database.ts'
import { type Account, accountByIdentifier } from '../database/accounts.ts'
import { blockLoader } from '../database/blocks.ts'
import {
  collectionsOf,
  findRecord,
  findRecordBlock,
  type FoundRecord,
  type RecordRow,
  recordsIn,
} from '../database/records.ts'
import { refuse } from '../xrpc/refuse.ts'
import { createRenderCache } from './render-cache.ts'

export interface RecordAddress {
  /** DID or handle. */
  readonly repo: string
  readonly collection: string
  readonly rkey: string
  /** Only this version. */
  readonly cid?: string | undefined
}

export interface RecordsPage {
  readonly repo: string
  readonly collection: string
  readonly limit: number
  /** The key of the last record seen, exclusive. */
  readonly cursor?: string | undefined
  /** Ascending instead of the newest first. */
  readonly reverse: boolean
}

/** Answers are JSON, rendered: they are the hot path of every PDS. */
export interface Reading {
  /** `{uri, cid, value}`. Throws RecordNotFound. */
  record(address: RecordAddress): Promise<string>
  /** `{records: [{uri, cid, value}], cursor?}`. Throws InvalidRequest for an unknown repo. */
  records(page: RecordsPage): Promise<string>
  /** An account that can be read, and the collections in which it has records. Throws RepoNotFound, RepoDeactivated, …. */
  collections(repo: string): Promise<{ readonly account: Account; readonly collections: readonly string[] }>
}

export interface ReadingDependencies {
  readonly database: Pick<Database, 'read' | 'direct'>
  /** Memory for rendered records. */
  readonly renderBytesMax: number
}

/** A record that is there and may be read. Throws RecordNotFound. */
function located<Found extends FoundRecord>(
  found: Found | undefined,
  { repo, collection, rkey, cid }: RecordAddress,
): Found & { readonly cid: Uint8Array } {
  const at = found?.status === 'active' ? found.cid : null
  if (found === undefined || at === null || (cid !== undefined && cidToString(at) !== cid)) {
    // The Bluesky app looks for these words.
    const uri = `at://${found?.did ?? repo}/${collection}/${rkey}`
    throw refuse('RecordNotFound', `Could not locate record: ${uri}`)
  }
  return { ...found, cid: at }
}

export function createReading({ database, renderBytesMax }: ReadingDependencies): Reading {
  const cache = createRenderCache(renderBytesMax)
  const rendered = (cid: Uint8Array, bytes: Uint8Array | undefined): string => {
    if (bytes === undefined) throw new Corruption(`the block of record ${cidToString(cid)} is not stored`)
    // A CID holds nothing that JSON would escape.
    const text = `"cid":"${cidToString(cid)}","value":${JSON.stringify(decode(bytes))}}`
    cache.add(cidKey(cid), text)
    return text
  }
  /** Everything of the records behind their URIs; blocks are read for those that are not in the cache. */
  const render = async (
    tx: ReadTx,
    account: number,
    rows: readonly RecordRow[],
  ): Promise<readonly string[]> => {
    const texts = rows.map(row => cache.get(cidKey(row.cid)))
    const missing = rows.filter((_, index) => texts[index] === undefined)
    if (missing.length === 0) return texts.flatMap(text => text ?? [])
    const blocks = await blockLoader(tx, account).loadMany(missing.map(row => row.cid))
    let next = 0
    return rows.map((row, index) => texts[index] ?? rendered(row.cid, blocks[next++]))
  }
  // Nor do DIDs, NSIDs and record keys.
  const uriOf = (did: string, collection: string, rkey: string) =>
    `{"uri":"at://${did}/${collection}/${rkey}",`

  return {
    record: async address => {
      const { collection, rkey } = address
      const identifier = identifierOf(address.repo)
      const found = located(await findRecord(database.direct, identifier, address), address)
      const known = cache.get(cidKey(found.cid))
      if (known !== undefined) return uriOf(found.did, collection, rkey) + known
      // The record may have changed since: its row and its block come from one look.
      const block = located(await findRecordBlock(database.direct, identifier, address), address)
      return uriOf(block.did, collection, rkey) + rendered(block.cid, block.bytes ?? undefined)
    },

    records: ({ repo, collection, limit, cursor, reverse }) =>
      database.read(async tx => {
        const account = await activeAccount(tx, repo)
        if (account === undefined) throw refuse('InvalidRequest', `Could not find repo: ${repo}`)
        const rows = await recordsIn(tx, account.id, {
          collection,
          limit,
          order: reverse ? 'ascending' : 'descending',
          ...(reverse ? { after: cursor } : { before: cursor }),
        })
        const texts = await render(tx, account.id, rows)
        const records = rows.map((row, index) => uriOf(account.did, collection, row.rkey) + texts[index])
        const last = rows.at(-1)
        return `{"records":[${records.join(',')}]${last === undefined ? '' : `,"cursor":"${last.rkey}"`}}`
      }),

    collections: repo =>
      database.read(async tx => {
        const account = await availableAccount(tx, repo)
        return { account, collections: await collectionsOf(tx, account.id) }
      }),
  }
}

function identifierOf(repo: string): string {
  return repo.startsWith('did:') ? repo : repo.toLowerCase()
}

/** The account, if it is there and active. */
async function activeAccount(tx: ReadTx, repo: string): Promise<Account | undefined> {
  const account = await accountByIdentifier(tx, repo)
  return account?.status === 'active' ? account : undefined
}

/** The account, if it may be read by everybody. Throws RepoNotFound, RepoTakendown, RepoSuspended, RepoDeactivated. */
async function availableAccount(tx: ReadTx, repo: string): Promise<Account> {
  const account = await accountByIdentifier(tx, repo)
  if (account === undefined) throw refuse('RepoNotFound', `Could not find repo for DID: ${repo}`)
  switch (account.status) {
    case 'active':
      return account
    case 'deactivated':
      throw refuse('RepoDeactivated', `Repo has been deactivated: ${repo}`)
    case 'suspended':
      throw refuse('RepoSuspended', `Repo has been suspended: ${repo}`)
    case 'takendown':
      throw refuse('RepoTakendown', `Repo has been takendown: ${repo}`)
  }
}

/** The DID of a repo that somebody who is signed in wants to write to: only one's own. */
export async function ownRepo(database: Pick<Database, 'read'>, repo: string, did: string): Promise<string> {
  if (repo === did) return did
  const account = await database.read(tx => accountByIdentifier(tx, repo))
  if (account === undefined) throw new Refusal('forbidden', 'Account not found', { name: 'AccountNotFound' })
  if (account.did !== did) throw refuse('AuthenticationRequired', 'Authentication Required')
  return did
}
