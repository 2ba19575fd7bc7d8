/** What both sides do with entries and payloads: send them, take them, ask for what is missing. */
import type { EntryStore, IngestOptions, IngestOutcome, StoredEntry } from '../store/contract.ts'
import { equalBytes } from '../willow/path.ts'
import { william3 } from '@leaf/codec/william3'
import type { WillowReader } from '../willow/wire.ts'
import { SyncError, syncLimits } from './contract.ts'
import { createEntryFrame, readEntryFrame, type TravellingEntry } from './entry-frames.ts'
import { encodeChunk, encodeWant, readChunk, readWant } from './frames.ts'
import type { Link } from './link.ts'

export interface MailmanOptions {
  readonly store: EntryStore
  readonly link: Link
  /** What is taken of entries that come. */
  readonly ingest: () => IngestOptions
  /** Whether the other side may have this entry, and with it its payload. */
  readonly maySend: (entry: StoredEntry) => boolean
  /** Whether the payload of an entry that came is to be asked for. */
  readonly wants: (entry: StoredEntry['entry']) => boolean
  readonly onTaken?: (outcomes: readonly IngestOutcome[]) => void
}

export interface Mailman {
  sendEntries(entries: readonly StoredEntry[]): Promise<void>
  sendKeys(
    fetch: (keys: readonly Uint8Array[]) => Promise<readonly StoredEntry[]>,
    keys: readonly Uint8Array[],
  ): Promise<void>
  takeEntries(reader: WillowReader): Promise<void>
  /** Answers a want; payloads of entries that the other side may not have are answered like those that are not there. */
  takeWant(reader: WillowReader): Promise<void>
  takeChunk(reader: WillowReader): Promise<void>
  /** Asks for payloads that came without. */
  askFor(entries: readonly StoredEntry['entry'][]): Promise<void>
  /** Payloads that were asked for and have not come. */
  awaited(): number
}

const chunkBytes = 128 * 1024
/** Entries looked up at once. */
const keysAtOnce = 256
/** Entries looked at to see whether the other side may have a payload. */
const namesLookedAt = 64
/** Payloads asked for at the same time. */
const awaitedMax = 4096

export function createMailman(options: MailmanOptions): Mailman {
  const { store, link, maySend } = options
  const awaited = new Map<string, Uint8Array>()
  const asking: Uint8Array[] = []
  let underWay: { readonly digest: Uint8Array; readonly bytes: Uint8Array; filled: number } | undefined
  const nameOf = (digest: Uint8Array) => String.fromCharCode(...digest)

  const travelling = async (stored: StoredEntry): Promise<TravellingEntry> => {
    const small = stored.entry.payloadLength <= BigInt(syncLimits.inlineBytesMax)
    const inline = small && stored.hasPayload && stored.entry.payloadLength > 0n
    return { authorised: stored, payload: inline ? await store.payload(stored.entry.digest) : undefined }
  }

  const sendEntries = async (entries: readonly StoredEntry[]) => {
    let frame = createEntryFrame()
    for (const stored of entries) {
      if (!maySend(stored)) continue
      const one = await travelling(stored)
      if (frame.add(one)) continue
      await link.sendCounted(frame.finish())
      frame = createEntryFrame()
      frame.add(one)
    }
    if (frame.count > 0) await link.sendCounted(frame.finish())
  }

  /** A few at a time, so that what is under way stays bounded. */
  const askNext = async () => {
    const batch: Uint8Array[] = []
    while (asking.length > 0 && batch.length < syncLimits.wantsMax) batch.push(asking.shift() as Uint8Array)
    if (batch.length > 0) await link.send(encodeWant(batch))
  }

  const askFor = async (entries: readonly StoredEntry['entry'][]) => {
    const wanted = entries.filter(
      entry =>
        entry.payloadLength > 0n &&
        entry.payloadLength <= BigInt(syncLimits.payloadBytesMax) &&
        options.wants(entry),
    )
    const idle = awaited.size === 0
    for (const digest of await store.missingPayloads(wanted.map(entry => entry.digest))) {
      if (awaited.size >= awaitedMax || awaited.has(nameOf(digest))) continue
      awaited.set(nameOf(digest), digest)
      asking.push(digest)
    }
    if (idle) await askNext()
  }

  const settled = async (digest: Uint8Array) => {
    awaited.delete(nameOf(digest))
    if (awaited.size === asking.length) await askNext()
  }

  return {
    sendEntries,
    sendKeys: async (fetch, keys) => {
      for (let at = 0; at < keys.length; at += keysAtOnce)
        await sendEntries(await fetch(keys.slice(at, at + keysAtOnce)))
    },
    takeEntries: async reader => {
      const entries = readEntryFrame(reader)
      const outcomes = await store.ingest(
        entries.map(({ authorised }) => authorised),
        options.ingest(),
      )
      const without: StoredEntry['entry'][] = []
      for (const [index, { authorised, payload }] of entries.entries()) {
        const kind = outcomes[index]?.kind
        if (kind !== 'stored' && kind !== 'known') continue
        if (payload !== undefined) await store.putPayload(authorised.entry.digest, payload)
        else without.push(authorised.entry)
      }
      options.onTaken?.(outcomes)
      if (without.length > 0) await askFor(without)
    },
    takeWant: async reader => {
      for (const digest of readWant(reader)) {
        const named = await store.entriesOf(digest, namesLookedAt)
        const bytes = named.some(maySend) ? await store.payload(digest) : undefined
        if (bytes === undefined) {
          await link.sendCounted(
            encodeChunk({ digest, total: undefined, offset: 0, bytes: new Uint8Array() }),
          )
          continue
        }
        for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
          const part = bytes.subarray(offset, offset + chunkBytes)
          await link.sendCounted(encodeChunk({ digest, total: bytes.length, offset, bytes: part }))
        }
      }
    },
    takeChunk: async reader => {
      const { digest, total, offset, bytes } = readChunk(reader)
      if (!awaited.has(nameOf(digest)))
        throw new SyncError('protocol', 'expected a payload that was asked for')
      if (total === undefined) {
        await settled(digest)
        return
      }
      if (offset === 0) underWay = { digest, bytes: new Uint8Array(total), filled: 0 }
      if (
        underWay === undefined ||
        underWay.filled !== offset ||
        underWay.bytes.length !== total ||
        !equalBytes(underWay.digest, digest)
      )
        throw new SyncError('protocol', 'expected the next piece of a payload')
      underWay.bytes.set(bytes, offset)
      underWay.filled += bytes.length
      if (underWay.filled < total) return
      const whole = underWay.bytes
      underWay = undefined
      if (!equalBytes(william3(whole), digest))
        throw new SyncError('protocol', 'expected a payload with its digest')
      await store.putPayload(digest, whole)
      await settled(digest)
    },
    askFor,
    awaited: () => awaited.size,
  }
}
