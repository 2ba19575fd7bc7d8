/** Reads drops, and verifies every entry of them. https://willowprotocol.org/specs/drop-format/ */
import { MalformedError } from '@leaf/codec/errors'
import { william3 } from '@leaf/codec/william3'
import type { Verifier } from '../meadowcap/verify.ts'
import { equalBytes } from '../willow/path.ts'
import { type ByteSource, createByteSource } from './byte-source.ts'
import { defaultReference, headBytesMax, readHead, type Reference } from './drop-entry.ts'
import { DropError } from './drop-error.ts'
import type { DropItem } from './write-drop.ts'

export interface ReadDropOptions {
  readonly verifier: Verifier
  /** Default: 16 MiB. Greater ones are refused, and with them the drop. */
  readonly payloadBytesMax?: number
  /** Default: a million. */
  readonly entriesMax?: number
}

export const dropLimits = {
  payloadBytesMax: 16 * 1024 * 1024,
  entriesMax: 1_000_000,
  /** Entries that are verified at once, and given on together. */
  batchEntries: 256,
  /** Bytes of their payloads, but for one more. */
  batchBytes: 1024 * 1024,
} as const

/**
 * Verified entries, a few at a time: tokens hold, payloads have their digests. Throws MalformedError or DropError for the
 * first that does not, and for bytes after the end; what was given before is then not to be kept.
 */
export async function* readDrop(
  pieces: AsyncIterable<Uint8Array>,
  options: ReadDropOptions,
): AsyncGenerator<readonly DropItem[]> {
  const source = createByteSource(pieces)
  const entriesMax = options.entriesMax ?? dropLimits.entriesMax
  let before: Reference = defaultReference
  let batch: DropItem[] = []
  let bytes = 0
  let index = 0
  for (;;) {
    const head = await source.read(headBytesMax, reader => readHead(reader, before))
    if (head === undefined) break
    const { authorised, withPayload } = head
    if (index === entriesMax)
      throw new DropError('too-large', index, `expected at most ${entriesMax} entries`)
    const payload = withPayload
      ? await readPayload(
          source,
          authorised.entry,
          index,
          options.payloadBytesMax ?? dropLimits.payloadBytesMax,
        )
      : undefined
    batch.push({ authorised, payload })
    before = authorised
    bytes += payload?.length ?? 0
    index += 1
    if (batch.length < dropLimits.batchEntries && bytes < dropLimits.batchBytes) continue
    await verifyBatch(options.verifier, batch, index - batch.length)
    yield batch
    batch = []
    bytes = 0
  }
  await source.end()
  await verifyBatch(options.verifier, batch, index - batch.length)
  if (batch.length > 0) yield batch
}

async function readPayload(
  source: ByteSource,
  { payloadLength, digest }: DropItem['authorised']['entry'],
  index: number,
  bytesMax: number,
): Promise<Uint8Array> {
  if (payloadLength > BigInt(bytesMax))
    throw new DropError(
      'too-large',
      index,
      `expected a payload of at most ${bytesMax} bytes, got ${payloadLength}`,
    )
  const payload = await source.take(Number(payloadLength))
  if (!equalBytes(william3(payload), digest))
    throw new DropError('digest', index, `expected the payload of entry ${index} to have its digest`)
  return payload
}

async function verifyBatch(verifier: Verifier, batch: readonly DropItem[], first: number): Promise<void> {
  const faults = await Promise.all(batch.map(({ authorised }) => verifier.entryFault(authorised)))
  const at = faults.findIndex(fault => fault !== undefined)
  if (at >= 0)
    throw new DropError(
      'unauthorised',
      first + at,
      `expected entry ${first + at} to be authorised, got ${faults[at]}`,
    )
}

/** Whether an error says that a drop is not to be had, rather than that something else failed. */
export function isDropFault(error: unknown): error is MalformedError | DropError {
  return error instanceof MalformedError || error instanceof DropError
}
