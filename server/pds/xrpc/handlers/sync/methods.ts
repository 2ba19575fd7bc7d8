import type { NodeCache } from '@leaf/atproto/node-source'
import type { Database } from '../../../../kernel/storage/database.ts'
import type { Blobs } from '../../../repo/blobs.ts'
import type { RepoExports } from '../../../sync/export.ts'
import type { AnyXrpcMethod } from '../../server.ts'
import { createGetBlob } from './get-blob.ts'
import { createGetBlocks } from './get-blocks.ts'
import { createGetCheckout } from './get-checkout.ts'
import { createGetHead } from './get-head.ts'
import { createGetLatestCommit } from './get-latest-commit.ts'
import { createSyncGetRecord } from './get-record.ts'
import { createGetRepoStatus } from './get-repo-status.ts'
import { createGetRepo } from './get-repo.ts'
import { createListBlobs } from './list-blobs.ts'
import { createListReposByCollection } from './list-repos-by-collection.ts'
import { createListRepos } from './list-repos.ts'

/** Every method of com.atproto.sync but the firehose, which is no request. */
export function createSyncMethods(deps: {
  readonly database: Pick<Database, 'read'>
  readonly exports: RepoExports
  readonly blobs: Pick<Blobs, 'open'>
  readonly nodeCache: NodeCache
}): readonly AnyXrpcMethod[] {
  return [
    createGetRepo(deps),
    createGetCheckout(deps),
    createGetLatestCommit(deps),
    createGetHead(deps),
    createGetRepoStatus(deps),
    createSyncGetRecord(deps),
    createGetBlocks(deps),
    createListRepos(deps),
    createListReposByCollection(deps),
    createListBlobs(deps),
    createGetBlob(deps),
  ]
}
