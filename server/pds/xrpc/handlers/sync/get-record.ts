import { carBytes } from '@leaf/atproto/car'
import type { Block } from '@leaf/atproto/cid'
import { createNodeSource, type NodeCache } from '@leaf/atproto/node-source'
import { recordProof } from '@leaf/atproto/proof'
import { Corruption } from '../../../../kernel/errors.ts'
import type { Database } from '../../../../kernel/storage/database.ts'
import { blockLoader } from '../../../database/blocks.ts'
import { repoState } from '../../../database/repo-state.ts'
import { sha256 } from '../../../validation/sha256.ts'
import type { XrpcMethod } from '../../method.ts'
import { carType, noRepo, readableAccount } from './readable.ts'

interface Params {
  readonly did: string
  readonly collection: string
  readonly rkey: string
}

/** com.atproto.sync.getRecord: the commit, the nodes that lead to the record, and it; or the proof that there is none. */
export function createSyncGetRecord(deps: {
  readonly database: Pick<Database, 'read'>
  readonly nodeCache: NodeCache
}): XrpcMethod<Params> {
  const { database, nodeCache } = deps
  return {
    nsid: 'com.atproto.sync.getRecord',
    type: 'query',
    auth: { need: 'optional' },
    handle: ({ params: { did, collection, rkey }, credentials }) =>
      database.read(async tx => {
        const account = await readableAccount(tx, did, credentials)
        const state = await repoState(tx, account.id)
        if (state === undefined) throw noRepo(did)
        const reader = blockLoader(tx, account.id)
        const source = createNodeSource({ load: reader.loadMany, sha256, cache: nodeCache })
        const { cid, nodes } = await recordProof(source, state.dataCid, `${collection}/${rkey}`)
        const blocks: Block[] = [{ cid: state.headCid, bytes: state.commitBlock }, ...nodes]
        if (cid !== null) {
          const bytes = await reader.load(cid)
          if (bytes === undefined)
            throw new Corruption(`the record ${collection}/${rkey} of ${did} is not stored`)
          blocks.push({ cid, bytes })
        }
        return { bytes: carBytes([state.headCid], blocks), contentType: carType }
      }),
  }
}
