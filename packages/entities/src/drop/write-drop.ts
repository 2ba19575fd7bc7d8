/** Writes drops: entries with their payloads, one told by the other. https://willowprotocol.org/specs/drop-format/ */
import type { AuthorisedEntry } from '../meadowcap/verify.ts'
import { createWriter } from '../willow/wire.ts'
import { defaultReference, dropEnd, type Reference, writeHead } from './drop-entry.ts'
import { DropError } from './drop-error.ts'

export interface DropItem {
  readonly authorised: AuthorisedEntry
  /** Undefined: the drop goes without it. */
  readonly payload: Uint8Array | undefined
}

export interface WriteDropOptions {
  /** Also entries whose token was passed on: their encoding may still change, and not everybody reads it. Default: no. */
  readonly delegated?: boolean
}

/** Bytes that are collected before they are given on. */
const pieceBytes = 64 * 1024

/** The bytes of a drop, piece by piece. Entries must be authorised. Throws DropError `delegated`. */
export async function* writeDrop(
  items: AsyncIterable<DropItem> | Iterable<DropItem>,
  options: WriteDropOptions = {},
): AsyncGenerator<Uint8Array> {
  let writer = createWriter(pieceBytes)
  let size = 0
  let before: Reference = defaultReference
  let index = 0
  for await (const { authorised, payload } of items) {
    const { delegations } = authorised.token.capability
    if (delegations.length > 0 && options.delegated !== true)
      throw new DropError(
        'delegated',
        index,
        'expected no entry that was written by a right that was passed on',
      )
    const head = createWriter(512)
    writeHead(head, authorised, before, payload !== undefined)
    const bytes = head.finish()
    writer.raw(bytes)
    if (payload !== undefined) writer.raw(payload)
    size += bytes.length + (payload?.length ?? 0)
    before = authorised
    index += 1
    if (size < pieceBytes) continue
    yield writer.finish()
    writer = createWriter(pieceBytes)
    size = 0
  }
  writer.u8(dropEnd)
  yield writer.finish()
}
