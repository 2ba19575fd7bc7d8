import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Random } from '../random.ts'
import type { BlobStore } from './blobs.ts'
import type { Database } from './database.ts'
import type { S3Settings } from './s3-client.ts'

export interface StorageOptions {
  readonly dataDir: string
  /** A PostgreSQL; absent: SQLite in the data folder. */
  readonly databaseUrl: string | undefined
  /** A bucket; absent: files in the data folder. */
  readonly s3: S3Settings | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

/** Opens the database that the settings ask for. What the other one needs is not loaded. */
export async function openDatabase(options: StorageOptions): Promise<Database> {
  const { databaseUrl, dataDir, clock, log } = options
  if (databaseUrl === undefined) {
    const { openSqlite } = await import('./sqlite.ts')
    return openSqlite({ path: join(dataDir, 'leaf.db'), clock, log })
  }
  const { openPostgres } = await import('./postgres.ts')
  return openPostgres({ url: databaseUrl, clock, log })
}

/** Opens the blob store that the settings ask for. */
export async function openBlobs(options: StorageOptions): Promise<BlobStore> {
  const { s3, dataDir, clock, random } = options
  if (s3 === undefined) {
    const { openBlobDisk } = await import('./blob-disk.ts')
    return openBlobDisk({ root: join(dataDir, 'blobs'), random })
  }
  const { openBlobS3 } = await import('./blob-s3.ts')
  return openBlobS3({ ...s3, clock })
}
