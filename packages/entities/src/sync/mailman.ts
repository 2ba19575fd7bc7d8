/** What both sides do with entries: send those that the other side may have, and take those that come. */
import { william3 } from '@leaf/codec/william3'
import type { EntryStore, IngestOptions, IngestOutcome, StoredEntry } from '../store/contract.ts'
import { equalBytes } from '../willow/path.ts'
import type { WillowReader } from '../willow/wire.ts'
import type { ArrivalSet } from './arrival-set.ts'
import { SyncError, syncLimits } from './contract.ts'
import { createEntryFrame, readEntryFrame, type TravellingEntry } from './entry-frames.ts'
import type { Refused } from './frames.ts'
import type { Link } from './link.ts'
import type { Payloads } from './payloads.ts'

export interface MailmanOptions {
  readonly store: EntryStore
  readonly link: Link
  readonly payloads: Payloads
  /** Arrivals that came from the other side. */
  readonly heard: ArrivalSet
  /** What is taken of entries that come. */
  readonly ingest: () => IngestOptions
  /** Whether the other side may have this entry. */
  readonly maySend: (entry: StoredEntry) => boolean
  readonly onTaken?: (outcomes: readonly IngestOutcome[]) => void
  /** Before entries travel, either way, whose payloads do not travel with them. */
  readonly onOwing?: (() => Promise<void>) | undefined
}

export interface Mailman {
  /** Gives how many the other side may have, and was sent. */
  sendEntries(entries: readonly StoredEntry[]): Promise<number>
  /** Takes a frame. Throws SyncError when something in it is signed by nobody who may. */
  takeEntries(reader: WillowReader): Promise<Refused | undefined>
}

/** Payloads read at once, to travel with their entries. */
const inlineAtOnce = 64

export function createMailman(options: MailmanOptions): Mailman {
  const { store, link, payloads } = options

  const travelling = async (stored: StoredEntry): Promise<TravellingEntry> => {
    const { payloadLength, digest } = stored.entry
    const inline =
      stored.hasPayload && payloadLength > 0n && payloadLength <= BigInt(syncLimits.inlineBytesMax)
    return { authorised: stored, payload: inline ? await store.payload(digest) : undefined }
  }

  const foresee = async (travellers: readonly TravellingEntry[]) => {
    const owing = ({ authorised, payload }: TravellingEntry) =>
      payload === undefined && authorised.entry.payloadLength > 0n
    if (travellers.some(owing)) await options.onOwing?.()
  }

  return {
    sendEntries: async entries => {
      const allowed = entries.filter(options.maySend)
      let frame = createEntryFrame()
      for (let at = 0; at < allowed.length; at += inlineAtOnce) {
        const travellers = await Promise.all(allowed.slice(at, at + inlineAtOnce).map(travelling))
        await foresee(travellers)
        for (const one of travellers) {
          if (frame.add(one)) continue
          await link.sendCounted(frame.finish())
          frame = createEntryFrame()
          frame.add(one)
        }
      }
      if (frame.count > 0) await link.sendCounted(frame.finish())
      return allowed.length
    },
    takeEntries: async reader => {
      const entries = readEntryFrame(reader)
      assertDigests(entries)
      await foresee(entries)
      const outcomes = await store.ingest(
        entries.map(({ authorised }) => authorised),
        options.ingest(),
      )
      for (const outcome of outcomes) if (outcome.kind === 'stored') options.heard.add(outcome.arrival)
      const kept = entries.filter((_, index) => {
        const kind = outcomes[index]?.kind
        return kind === 'stored' || kind === 'known'
      })
      // All at once, so that a store that commits in groups commits once.
      await Promise.all(
        kept.map(({ authorised, payload }) =>
          payload === undefined ? undefined : store.putPayload(authorised.entry.digest, payload),
        ),
      )
      options.onTaken?.(outcomes)
      const refused = refusedOf(outcomes)
      await payloads.ask(
        kept.filter(({ payload }) => payload === undefined).map(({ authorised }) => authorised.entry),
      )
      return refused
    },
  }
}

/** Before anything is stored: an entry must not come to stand without a payload that was lied about. */
function assertDigests(entries: readonly TravellingEntry[]): void {
  for (const { authorised, payload } of entries)
    if (payload !== undefined && !equalBytes(william3(payload), authorised.entry.digest))
      throw new SyncError('protocol', 'expected a payload with its digest')
}

/** Throws SyncError for a fault that no honest side passes on, as it would have found it as well. */
function refusedOf(outcomes: readonly IngestOutcome[]): Refused | undefined {
  let entries = 0
  let code: Refused['code'] | undefined
  for (const outcome of outcomes) {
    if (outcome.kind !== 'refused') continue
    const { fault } = outcome
    if (fault !== 'future' && fault !== 'quota' && fault !== 'limit' && fault !== 'namespace')
      throw new SyncError('protocol', `expected entries that their authors have signed, got ${fault}`)
    entries += 1
    code ??= fault
  }
  return code === undefined ? undefined : { entries, code }
}
