/**
 * Payloads too large for the database lie in the blob store. Their bytes are put there before the transaction that names
 * them, and what no transaction names (any more) is swept.
 */
import { william3 } from '@leaf/codec/william3'
import { componentBytesMax } from '@leaf/entities/leaf/objects'
import { equalBytes } from '@leaf/entities/willow/path'
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Random } from '../../kernel/random.ts'
import type { BlobStore } from '../../kernel/storage/blobs.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { blobRefOf, dropUnusedRefs, lengthOf, putBlobRef, usedRefs } from '../database/blobs.ts'
import { storeChannel, storeLock } from './backing.ts'

/** Payloads above this lie in the blob store; components never do, so that an entity is read from the database alone. */
export const inlineBytesMax = componentBytesMax
/** Every name of ours in the blob store begins with it; then comes the time of its making, so that they sort by age. */
export const refPrefix = 'entities/payload/'
/** A payload that was put and is not named yet may still become so for this long. */
const settledMs = 3_600_000
const sweepMs = 600_000
/** Rows and names that one look of the sweeper takes. */
const sweptAtOnce = 200

export interface LargePayloads {
  /** Keeps a payload that some entry names; false when none does, or when digest or length do not fit. */
  put(digest: Uint8Array, bytes: Uint8Array): Promise<boolean>
  get(digest: Uint8Array): Promise<Uint8Array | undefined>
  start(): void
  stop(): Promise<void>
  /** Removes what nothing names. Runs by itself from `start` on. */
  sweep(): Promise<void>
}

export interface LargePayloadsOptions {
  readonly database: Database
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

export function createLargePayloads(options: LargePayloadsOptions): LargePayloads {
  const { database, blobs, clock, random, log } = options
  let cancel: (() => void) | undefined
  let sweeping: Promise<void> | undefined

  const sweepNow = async () => {
    while (
      (await database.write(tx => dropUnusedRefs(tx, sweptAtOnce), { locks: [storeLock] })) === sweptAtOnce
    );
    const oldEnough = `${refPrefix}${refTime(clock.now() - settledMs)}`
    for (let after: string | undefined; ; ) {
      const names = await blobs.list(refPrefix, {
        ...(after === undefined ? {} : { after }),
        limit: sweptAtOnce,
      })
      const old = names.filter(name => name < oldEnough)
      const used = await database.read(tx => usedRefs(tx, old))
      for (const name of old) if (!used.has(name)) await blobs.remove(name)
      after = old.at(-1)
      if (after === undefined || old.length < sweptAtOnce) return
    }
  }
  const sweep = () =>
    (sweeping ??= sweepNow()
      .catch((error: unknown) =>
        log.warn({ error }, 'payloads that nothing names could not be swept: tried again later'),
      )
      .finally(() => {
        sweeping = undefined
      }))

  return {
    put: async (digest, bytes) => {
      if ((await lengthOf(database.direct, digest)) !== bytes.length) return false
      if (!equalBytes(william3(bytes), digest)) return false
      const ref = `${refPrefix}${refTime(clock.now())}-${Buffer.from(random.bytes(12)).toString('hex')}`
      await blobs.put(ref, once(bytes), { bytesMax: bytes.length })
      return database.write(
        async tx => {
          // The entry may have gone while its bytes were written.
          if ((await lengthOf(tx, digest)) !== bytes.length) return false
          if (await putBlobRef(tx, { digest, ref })) tx.notify(storeChannel)
          return true
        },
        { locks: [storeLock] },
      )
    },
    get: async digest => {
      const ref = await blobRefOf(database.direct, digest)
      const found = ref === undefined ? undefined : await blobs.get(ref)
      if (found === undefined) return undefined
      const pieces: Uint8Array[] = []
      for await (const piece of found.body) pieces.push(piece)
      return new Uint8Array(Buffer.concat(pieces))
    },
    start: () => {
      cancel = clock.every(sweepMs, () => void sweep())
    },
    stop: async () => {
      cancel?.()
      await sweeping
    },
    sweep,
  }
}

/** Ten digits of base 36: sorts by time. */
function refTime(ms: number): string {
  return Math.max(0, ms).toString(36).padStart(10, '0')
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
