import { carBytes } from '@leaf/atproto/car'
import { type Block, type Cid, cidEquals, cidFromString, cidToString } from '@leaf/atproto/cid'
import { MalformedError } from '@leaf/atproto/errors'
import type { Database, ReadTx } from '../../../../kernel/storage/database.ts'
import { blockLoader } from '../../../database/blocks.ts'
import { repoState } from '../../../database/repo-state.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { carType, readableAccount } from './readable.ts'

interface Params {
  readonly did: string
  readonly cids: readonly string[]
}

/** Blocks of one answer. */
const blocksMax = 500

/** com.atproto.sync.getBlocks */
export function createGetBlocks(deps: { readonly database: Pick<Database, 'read'> }): XrpcMethod<Params> {
  return {
    nsid: 'com.atproto.sync.getBlocks',
    type: 'query',
    auth: { need: 'optional' },
    handle: async ({ params: { did, cids: texts }, credentials }) => {
      if (texts.length > blocksMax)
        throw refuse('InvalidRequest', `expected at most ${blocksMax} cids, got ${texts.length}`)
      const cids = texts.map(parseCid)
      const blocks = await deps.database.read(async tx => {
        const account = await readableAccount(tx, did, credentials)
        return blocksOf(tx, account.id, cids)
      })
      return { bytes: carBytes([], blocks), contentType: carType }
    },
  }
}

async function blocksOf(tx: ReadTx, account: number, cids: readonly Cid[]): Promise<readonly Block[]> {
  const state = await repoState(tx, account)
  const loaded = await blockLoader(tx, account).loadMany(cids)
  const blocks: Block[] = []
  const missing: Cid[] = []
  for (const [index, cid] of cids.entries()) {
    const isHead = state !== undefined && cidEquals(cid, state.headCid)
    const bytes = isHead ? state.commitBlock : loaded[index]
    if (bytes === undefined) missing.push(cid)
    else blocks.push({ cid, bytes })
  }
  if (missing.length > 0)
    throw refuse('BlockNotFound', `Could not find cids: ${missing.map(cidToString).join(',')}`)
  return blocks
}

function parseCid(text: string): Cid {
  try {
    return cidFromString(text)
  } catch (error) {
    if (error instanceof MalformedError) throw refuse('InvalidRequest', `Invalid CID: ${text}`, error)
    throw error
  }
}
