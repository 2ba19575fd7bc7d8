/** Builds repositories and blobs. */
import { createNodeCache } from '@leaf/atproto/node-source'
import type { AccountKeys } from './identity/keys.ts'
import type { PdsDependencies } from './dependencies.ts'
import { createBlobRefs } from './repo/blob-refs.ts'
import { createBlobSweeper } from './repo/blob-sweeper.ts'
import { createBlobs } from './repo/blobs.ts'
import { createImports } from './repo/import.ts'
import { createReading } from './repo/reading.ts'
import { createRepositories } from './repo/repository.ts'
import { createRepoExports } from './sync/export.ts'
import type { Sequencer } from './sync/events.ts'
import type { Lexicons } from './validation/lexicons.ts'

export type RepoRoom = ReturnType<typeof createRepoRoom>

/** Memory for records that were rendered as JSON. */
const renderBytesMax = 8 * 1024 * 1024

interface RepoRoomParts {
  readonly keys: AccountKeys
  readonly sequencer: Sequencer
  readonly lexicons: Lexicons
}

/** Repositories, what reads them, and the blobs that they refer to. */
export function createRepoRoom(deps: PdsDependencies, { keys, sequencer, lexicons }: RepoRoomParts) {
  const { settings, database, clock, random } = deps
  const nodeCache = createNodeCache({ bytesMax: settings.nodeCacheBytes })
  const blobRefs = createBlobRefs({ clock })
  const rules = { lexicons, recordBytesMax: settings.recordBytesMax }
  const repositories = createRepositories({
    database,
    clock,
    random,
    sequencer,
    blobs: blobRefs,
    keys,
    rules,
    nodeCache,
  })
  const blobs = createBlobs({
    database,
    store: deps.blobs,
    clock,
    random,
    blobBytesMax: settings.blobBytesMax,
    quotaBytes: settings.blobQuotaBytes,
    mimeAllow: settings.blobMimeAllow,
  })
  const sweeper = createBlobSweeper({
    database,
    store: deps.blobs,
    clock,
    logger: deps.log,
    temporaryMs: settings.blobTemporaryMs,
  })
  const imports = createImports({
    database,
    clock,
    random,
    keys,
    sequencer,
    importBytesMax: settings.importBytesMax,
  })
  return {
    imports,
    nodeCache,
    blobRefs,
    rules,
    repositories,
    blobs,
    exports: createRepoExports({ database }),
    reading: createReading({ database, renderBytesMax }),
    start: async () => {
      sweeper.start()
      await imports.start()
    },
    stop: () => sweeper.stop(),
  }
}
