import type { Clock } from '../../kernel/clock.ts'
import { silentLogger } from '../../kernel/log.ts'
import { folderState } from '../../kernel/machine.ts'
import type { Random } from '../../kernel/random.ts'
import { type HouseSettings, s3Of } from '../../kernel/settings.ts'
import { openBlobs, openDatabase, type StorageOptions } from '../../kernel/storage/open.ts'
import { type Finding, findingsOf, reasonOf } from './finding.ts'

interface StoreOptions {
  readonly house: HouseSettings
  readonly clock: Clock
  readonly random: Random
}

/** The database, the blob store and Redis: whether they answer. */
export async function examineStores(options: StoreOptions): Promise<Finding[]> {
  const { house } = options
  // Looking must not make a data folder where somebody mistyped its name.
  const embedded = house.databaseUrl === undefined || house.blobS3Bucket === undefined
  if (embedded && (await folderState(house.dataDir).catch(() => undefined)) === undefined) return []
  const storage: StorageOptions = {
    dataDir: house.dataDir,
    databaseUrl: house.databaseUrl,
    s3: s3Of(house),
    clock: options.clock,
    random: options.random,
    log: silentLogger,
  }
  return (await Promise.all([examineDatabase(storage), examineBlobs(storage), examineRedis(options)])).flat()
}

async function examineDatabase(storage: StorageOptions): Promise<Finding[]> {
  const { good, bad } = findingsOf('database')
  const what = storage.databaseUrl === undefined ? 'The SQLite database' : 'PostgreSQL'
  try {
    const database = await openDatabase(storage)
    try {
      await database.check()
      const readOnly = database.readOnly()
      return [
        readOnly === undefined ? good(`${what} answers.`) : bad(`${what} takes no writes: ${readOnly}.`),
      ]
    } finally {
      await database.close()
    }
  } catch (error) {
    return [bad(`${what} does not answer: ${reasonOf(error)}.`)]
  }
}

async function examineBlobs(storage: StorageOptions): Promise<Finding[]> {
  const { good, bad } = findingsOf('blobs')
  const what = storage.s3 === undefined ? 'The folder for blobs' : `The bucket ${storage.s3.bucket}`
  try {
    await (await openBlobs(storage)).check()
    return [good(`${what} can be read and written.`)]
  } catch (error) {
    return [bad(`${what} cannot be used: ${reasonOf(error)}.`)]
  }
}

async function examineRedis({ house, clock }: StoreOptions): Promise<Finding[]> {
  const { good, warning } = findingsOf('redis')
  if (house.redisUrl === undefined) return []
  const { openRedis } = await import('../../kernel/storage/redis.ts')
  const redis = await openRedis({ url: house.redisUrl, clock, log: silentLogger })
  try {
    await redis.check()
    return [good('Redis answers.')]
  } catch (error) {
    return [
      warning(
        `Redis does not answer (${reasonOf(error)}): each server counts rate limits for itself until it does.`,
      ),
    ]
  } finally {
    await redis.close()
  }
}
