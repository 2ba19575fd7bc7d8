/** Accounts with real repositories, for tests of this room and of blobs. */
import { createNodeCache } from '@leaf/atproto/node-source'
import { join } from 'node:path'
import { createManualClock, type ManualClock } from '../../kernel/clock.ts'
import type { Did } from '../../kernel/identity/types.ts'
import { generateSigningKey, type SigningKey } from '../../kernel/keys.ts'
import { systemRandom } from '../../kernel/random.ts'
import { openBlobDisk } from '../../kernel/storage/blob-disk.ts'
import type { BlobStore } from '../../kernel/storage/blobs.ts'
import { type AccountStatus, insertAccount, setStatus } from '../database/accounts.ts'
import type { Repositories, WriteAnswer } from '../repo/acts.ts'
import { createBlobRefs } from '../repo/blob-refs.ts'
import { type Blobs, type BlobsOptions, createBlobs } from '../repo/blobs.ts'
import { createRepositories } from '../repo/repository.ts'
import type { BlobRefs } from '../repo/store-commit.ts'
import type { Sequencer } from './events.ts'
import { createSequencer } from './sequencer.ts'
import { lastSeq, openTestDatabase, type TestDatabase } from './test-house.ts'

export interface RepoHouse extends TestDatabase {
  readonly clock: ManualClock
  readonly store: BlobStore
  readonly blobs: Blobs
  readonly blobRefs: BlobRefs
  readonly repositories: Repositories
  readonly sequencer: Sequencer
  readonly key: SigningKey
  /** Adds an account with an empty repository; gives its id. */
  addAccount(did: Did, status?: AccountStatus): Promise<number>
  setStatus(id: number, status: AccountStatus): Promise<void>
  /** Creates a record of `com.example.note`. */
  post(did: Did, rkey: string, record?: Record<string, unknown>): Promise<WriteAnswer>
}

export async function openRepoHouse(settings: Partial<BlobsOptions> = {}): Promise<RepoHouse> {
  const clock = createManualClock()
  const opened = await openTestDatabase(clock)
  const { database, folder } = opened
  const store = await openBlobDisk({ root: join(folder, 'blobs'), random: systemRandom })
  const sequencer = createSequencer({ clock, nextSeq: async tx => (await lastSeq(tx)) + 1 })
  const blobRefs = createBlobRefs({ clock })
  const key = generateSigningKey(systemRandom)
  const repositories = createRepositories({
    database,
    clock,
    random: systemRandom,
    sequencer,
    blobs: blobRefs,
    keys: { signerFor: async () => key, openSigner: () => key },
    rules: { lexicons: { record: () => undefined }, recordBytesMax: 1_000_000 },
    nodeCache: createNodeCache({ bytesMax: 8 * 1024 * 1024 }),
  })
  const blobs = createBlobs({
    database,
    store,
    clock,
    random: systemRandom,
    blobBytesMax: 1_000_000,
    quotaBytes: 0,
    mimeAllow: [],
    ...settings,
  })
  return {
    ...opened,
    clock,
    store,
    blobs,
    blobRefs,
    repositories,
    sequencer,
    key,
    addAccount: (did, status = 'active') =>
      database.write(async tx => {
        const sealed = new Uint8Array(1)
        const id = await insertAccount(tx, {
          did,
          handle: `h${did.slice(-8)}.test`,
          email: null,
          emailConfirmedAt: null,
          passwordHash: null,
          status,
          signingKey: key.didKey,
          signingKeySealed: sealed,
          rotationKey: key.didKey,
          rotationKeySealed: sealed,
          recoveryKey: null,
          inviteCode: null,
          createdAt: clock.now(),
        })
        await repositories.createEmpty(tx, { id, did, signingKeySealed: sealed }, { announce: true })
        return id
      }),
    setStatus: (id, status) => database.write(tx => setStatus(tx, id, status, null)),
    post: (did, rkey, record = { text: `note ${rkey}` }) =>
      repositories.write({
        did,
        writes: [{ action: 'create', collection: 'com.example.note', rkey, record }],
      }),
  }
}
