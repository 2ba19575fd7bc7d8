/** Blobs: uploaded as streams, temporary until a record refers to them, removed when none does. */
import { createHash } from 'node:crypto'
import { cidFromDigest, cidToString, codecRaw } from '@leaf/atproto/cid'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Did } from '../../kernel/identity/types.ts'
import type { Random } from '../../kernel/random.ts'
import type { BlobBody, BlobStore } from '../../kernel/storage/blobs.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import {
  blobAt,
  blobBytesOf,
  blobUse,
  deleteGarbage,
  hasRefs,
  insertBlob,
  putGarbage,
  replaceBlobFile,
} from '../database/blobs.ts'
import { refuse } from '../xrpc/refuse.ts'
import { blobTypeOf, sniffBytes } from './blob-type.ts'

export interface BlobsOptions {
  readonly database: Database
  readonly store: BlobStore
  readonly clock: Pick<Clock, 'now'>
  readonly random: Pick<Random, 'bytes'>
  readonly blobBytesMax: number
  /** Bytes that an account may keep; 0: no limit. */
  readonly quotaBytes: number
  /** The only MIME types there may be (`image/*` is understood); empty: all. */
  readonly mimeAllow: readonly string[]
}

export interface Upload {
  readonly account: number
  readonly did: Did
  readonly body: AsyncIterable<Uint8Array>
  /** The type that the sender says it has; with a star: it does not say. */
  readonly claimedType: string
  /** How long the body is, if it is known. */
  readonly bytes?: number
}

export interface UploadedBlob {
  /** Base32. */
  readonly cid: string
  readonly mimeType: string
  readonly size: number
}

export interface Blobs {
  /**
   * Stores a blob; durable when it resolves. Throws PayloadTooLarge, QuotaExceeded, InvalidMimeType, and InvalidRequest for
   * one without bytes.
   */
  upload(upload: Upload): Promise<UploadedBlob>
  /** A blob that records refer to. */
  open(account: number, cid: string): Promise<(BlobBody & { readonly mimeType: string }) | undefined>
}

/** How long an upload may take; what is left of it afterwards counts as given up and is removed. */
const uploadMs = 3_600_000
/** How long the file of a blob stays that was uploaded anew: somebody may be about to read it. */
const replacedFileMs = 60_000

export function createBlobs(options: BlobsOptions): Blobs {
  const { database, store, clock, random, blobBytesMax, quotaBytes, mimeAllow } = options

  const register = async (
    tx: Tx,
    account: number,
    blob: UploadedBlob,
    key: string,
  ): Promise<UploadedBlob> => {
    await deleteGarbage(tx, key)
    const known = await blobAt(tx, account, blob.cid)
    if (known !== undefined) {
      const temporary = known.temporary === blobUse.waiting ? blobUse.waiting : blobUse.keptAndUploadedAgain
      await replaceBlobFile(tx, account, { cid: blob.cid, storageKey: key, temporary }, clock.now())
      await putGarbage(tx, known.storageKey, clock.now() + replacedFileMs)
      return { ...blob, mimeType: known.mimeType }
    }
    const expected = await hasRefs(tx, account, blob.cid)
    checkQuota(quotaBytes, await blobBytesOf(tx, account), blob.size)
    const temporary = expected ? blobUse.kept : blobUse.waiting
    await insertBlob(tx, account, { ...blob, storageKey: key, temporary }, clock.now())
    return blob
  }

  const receive = async (upload: Upload, key: string): Promise<UploadedBlob> => {
    const meter = createMeter(upload.body)
    const { size } = await store.put(key, meter.bytes, { bytesMax: blobBytesMax }).catch((error: unknown) => {
      throw error instanceof Refusal && error.code === 'too-large' ? tooLarge(blobBytesMax) : error
    })
    if (size === 0) throw refuse('InvalidRequest', 'A request body was expected but none was provided')
    const mimeType = blobTypeOf(upload.claimedType, meter.head(), mimeAllow)
    return { cid: cidToString(cidFromDigest(codecRaw, meter.digest())), mimeType, size }
  }

  return {
    upload: async upload => {
      const { account, did, bytes = 0 } = upload
      if (bytes > blobBytesMax) throw tooLarge(blobBytesMax)
      if (bytes > 0 && quotaBytes > 0) {
        checkQuota(quotaBytes, await database.read(tx => blobBytesOf(tx, account)), bytes)
      }
      const key = `blobs/${account}/${Buffer.from(random.bytes(16)).toString('hex')}`
      // Noted before there is a file, so that none is left behind by whatever happens.
      await database.write(tx => putGarbage(tx, key, clock.now() + uploadMs))
      try {
        const blob = await receive(upload, key)
        return await database.write(tx => register(tx, account, blob, key), {
          locks: [`repo:${did}`],
        })
      } catch (error) {
        await database.write(tx => putGarbage(tx, key, clock.now()))
        throw error
      }
    },
    open: async (account, cid) => {
      const row = await database.read(tx => blobAt(tx, account, cid))
      if (row === undefined || row.temporary === blobUse.waiting) return undefined
      const found = await store.get(row.storageKey)
      return found === undefined ? undefined : { ...found, mimeType: row.mimeType }
    },
  }
}

function tooLarge(bytesMax: number): Refusal {
  return refuse('PayloadTooLarge', `a blob may have ${bytesMax} bytes`)
}

function checkQuota(quotaBytes: number, kept: number, more: number): void {
  if (quotaBytes === 0 || kept + more <= quotaBytes) return
  throw refuse('QuotaExceeded', `blobs of ${kept} bytes are kept, and ${more} more exceed ${quotaBytes}`)
}

/** Passes a body on, and knows its digest and its first bytes afterwards. */
function createMeter(body: AsyncIterable<Uint8Array>) {
  const hash = createHash('sha256')
  const head: Uint8Array[] = []
  let headBytes = 0
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      hash.update(chunk)
      if (headBytes < sniffBytes) {
        head.push(Uint8Array.from(chunk.subarray(0, sniffBytes - headBytes)))
        headBytes += chunk.length
      }
      yield chunk
    }
  }
  return { bytes: bytes(), digest: () => hash.digest(), head: () => Buffer.concat(head) }
}
