/** Where blobs lie: in the database, or, when they are large, in the blob store; sealed if the operator wants it. */
import type { Clock } from '../../kernel/clock.ts'
import { Corruption } from '../../kernel/errors.ts'
import type { Sealer } from '../../kernel/keys.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Random } from '../../kernel/random.ts'
import type { BlobStore } from '../../kernel/storage/blobs.ts'
import type { MessageRow } from '../database/messages.ts'

/** Blobs above this lie in the blob store. */
export const inlineBytesMax = 256 * 1024

/** Every key of ours in the blob store begins with it; then comes the time of its making, so that they sort by age. */
export const refPrefix = 'skrepka/mail/'

/** A blob that lies somewhere. */
export interface Stowed {
  readonly sealed: boolean
  /** Undefined: it is in the blob store. */
  readonly blob: Uint8Array | undefined
  readonly ref: string | undefined
}

export interface Vault {
  /** Whether a blob belongs into the blob store. */
  isLarge(blob: Uint8Array): boolean
  /** Puts a large blob into the blob store, durably; gives its name there. Small ones: undefined. */
  stow(blob: Uint8Array, hash: Uint8Array): Promise<string | undefined>
  /** How a blob is stored: under `ref` if it was stowed, else in its row. */
  seal(blob: Uint8Array, hash: Uint8Array, ref: string | undefined): Stowed
  /** The blob of a row; undefined when it is gone from the blob store meanwhile. */
  open(
    row: Pick<MessageRow, 'blob' | 'blob_ref' | 'hash' | 'sealed' | 'size'>,
  ): Promise<Uint8Array | undefined>
  /** The blob of a row that holds it; undefined: it is in the blob store. */
  openInline(row: Pick<MessageRow, 'blob' | 'hash' | 'sealed'>): Uint8Array | undefined
  /** Removes blobs whose rows are gone. Never fails: what it leaves is swept later. */
  drop(refs: readonly string[]): void
  /** Resolves when what was dropped is gone. */
  idle(): Promise<void>
}

export function createVault(options: {
  readonly blobs: BlobStore
  readonly sealer: Sealer | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}): Vault {
  const { blobs, sealer, clock, random, log } = options
  let dropping: Promise<void> = Promise.resolve()

  const unsealed = (blob: Uint8Array, row: Pick<MessageRow, 'hash' | 'sealed'>): Uint8Array => {
    if (row.sealed === 0) return blob
    if (sealer === undefined) throw new Corruption('there is sealed mail, but SKREPKA_SEAL is not set')
    return sealer.open(blob, contextOf(row.hash))
  }
  const openInline: Vault['openInline'] = row => (row.blob === null ? undefined : unsealed(row.blob, row))

  return {
    isLarge: blob => blob.length > inlineBytesMax,
    stow: async (blob, hash) => {
      if (blob.length <= inlineBytesMax) return undefined
      const stored = sealer === undefined ? blob : sealer.seal(blob, contextOf(hash))
      const ref = `${refPrefix}${refTime(clock.now())}-${Buffer.from(random.bytes(12)).toString('hex')}`
      await blobs.put(ref, once(stored), { bytesMax: stored.length })
      return ref
    },
    seal: (blob, hash, ref) => ({
      sealed: sealer !== undefined,
      blob: ref !== undefined ? undefined : sealer === undefined ? blob : sealer.seal(blob, contextOf(hash)),
      ref,
    }),
    open: async row => {
      const inline = openInline(row)
      if (inline !== undefined || row.blob_ref === null) return inline
      const found = await blobs.get(row.blob_ref)
      if (found === undefined) return undefined
      const pieces: Uint8Array[] = []
      for await (const piece of found.body) pieces.push(piece)
      return unsealed(Buffer.concat(pieces), row)
    },
    openInline,
    drop: refs => {
      if (refs.length === 0) return
      dropping = dropping.then(async () => {
        for (const ref of refs) {
          await blobs.remove(ref).catch((error: unknown) => {
            log.warn({ error }, 'a blob of mail that is gone could not be removed: it is swept later')
          })
        }
      })
    },
    idle: () => dropping,
  }
}

/** Ten digits of base 36: sorts by time. */
export function refTime(ms: number): string {
  return Math.max(0, ms).toString(36).padStart(10, '0')
}

function contextOf(hash: Uint8Array): string {
  return `skrepka/mail/${Buffer.from(hash).toString('hex')}`
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
