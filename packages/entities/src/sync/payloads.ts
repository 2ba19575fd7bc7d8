/** What both sides do with payloads that do not travel with their entries: ask for them a few at a time, and send them. */
import { william3 } from '@leaf/codec/william3'
import type { EntryStore } from '../store/contract.ts'
import { nameOf } from '../store/keys.ts'
import type { Entry } from '../willow/entry.ts'
import { equalBytes } from '../willow/path.ts'
import type { WillowReader } from '../willow/wire.ts'
import type { AreaView } from './area-view.ts'
import { SyncError, syncLimits } from './contract.ts'
import type { Link } from './link.ts'
import { createWantFrame, encodeChunk, readChunk, readWants, type Wanted } from './payload-frames.ts'

export interface PayloadsOptions {
  readonly store: EntryStore
  readonly link: Link
  /** Areas that are kept equal, by their numbers on the wire. */
  readonly views: () => readonly (AreaView | undefined)[]
  /** Whether the payload of an entry is to be asked for. */
  readonly wants: (entry: Entry) => boolean
  /** Neither side is owed a payload any more. */
  readonly onSettled?: (() => void) | undefined
}

export interface Payloads {
  /** Asks for payloads of entries that came without, now or when others have come. */
  ask(entries: readonly Entry[]): Promise<void>
  /** Looks through an area for entries whose payload is missing. */
  sweep(view: AreaView): Promise<void>
  /** Sends what was asked for; what the other side may not have is answered like what is not here. */
  takeWant(reader: WillowReader): Promise<void>
  takeChunk(reader: WillowReader): Promise<void>
  /** Whether either side waits for payloads of the other. */
  owing(): boolean
}

interface Missing extends Wanted {
  readonly bytes: number
}

const chunkBytes = 128 * 1024
const pageEntries = 256

export function createPayloads(options: PayloadsOptions): Payloads {
  const { store, link } = options
  /** Asked for and not come yet. */
  const asked = new Map<string, Missing>()
  const backlog = new Map<string, Missing>()
  /** Areas that are looked through, and how far. */
  const sweeps: { readonly view: AreaView; start: Uint8Array | undefined }[] = []
  let missed = false
  let saidMore = false
  let theirsOpen = false
  let arriving: { readonly missing: Missing; readonly pieces: Uint8Array[]; filled: number } | undefined
  let last: Promise<void> = Promise.resolve()
  /** Questions are made one after another. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = last.then(work)
    last = turn.catch(() => undefined)
    return turn
  }
  const owing = () => asked.size > 0 || backlog.size > 0 || sweeps.length > 0 || saidMore || theirsOpen
  const tellSettled = () => {
    if (!owing()) options.onSettled?.()
  }

  const missingOf = (entry: Entry): Missing | undefined => {
    if (entry.payloadLength === 0n || entry.payloadLength > BigInt(syncLimits.payloadBytesMax))
      return undefined
    const views = options.views()
    const area = views.findIndex(view => view?.includes(entry))
    const key = views[area]?.keyOf(entry)
    if (key === undefined || !options.wants(entry)) return undefined
    return { area, key, digest: entry.digest, bytes: Number(entry.payloadLength) }
  }
  const note = async (entries: readonly Entry[]): Promise<void> => {
    const wanted = entries.map(missingOf).filter(one => one !== undefined)
    const missing = new Set((await store.missingPayloads(wanted.map(({ digest }) => digest))).map(nameOf))
    for (const one of wanted) {
      const name = nameOf(one.digest)
      if (!missing.has(name) || asked.has(name)) continue
      if (backlog.size >= syncLimits.missingMax && !backlog.has(name)) missed = true
      else backlog.set(name, one)
    }
  }
  /** Reads on in the areas until something is missing, or all have been seen. */
  const lookOn = async (): Promise<void> => {
    if (missed && backlog.size === 0 && sweeps.length === 0) {
      missed = false
      for (const view of options.views())
        if (view !== undefined) sweeps.push({ view, start: new Uint8Array() })
    }
    for (let sweep = sweeps[0]; sweep !== undefined && backlog.size === 0; sweep = sweeps[0]) {
      const { view, start } = sweep
      if (start === undefined) {
        sweeps.shift()
        continue
      }
      const page = await view.page(start, pageEntries)
      sweep.start = page.next
      await note(page.entries.filter(({ hasPayload }) => !hasPayload).map(({ entry }) => entry))
    }
  }
  const askNext = async (): Promise<void> => {
    if (asked.size > 0) return
    await lookOn()
    const frame = createWantFrame()
    for (const [name, missing] of backlog) {
      if (!frame.add(missing)) break
      backlog.delete(name)
      asked.set(name, missing)
    }
    if (frame.count === 0 && !saidMore) return
    saidMore = backlog.size > 0 || sweeps.length > 0 || missed
    await link.send(frame.finish(saidMore))
  }
  const settle = async (digest: Uint8Array): Promise<void> => {
    asked.delete(nameOf(digest))
    if (asked.size > 0) return
    await inTurn(askNext)
    tellSettled()
  }

  return {
    ask: async entries => {
      if (entries.length === 0) return
      await inTurn(async () => {
        await note(entries)
        await askNext()
      })
    },
    sweep: view =>
      inTurn(async () => {
        sweeps.push({ view, start: new Uint8Array() })
        await askNext()
      }),
    takeWant: async reader => {
      const { more, wants } = readWants(reader)
      theirsOpen = more || wants.length > 0
      for (const wanted of wants) await sendPayload(options, wanted)
      theirsOpen = more
      tellSettled()
    },
    takeChunk: async reader => {
      const { digest, total, offset, bytes } = readChunk(reader)
      const missing = asked.get(nameOf(digest))
      if (missing === undefined) throw new SyncError('protocol', 'expected a payload that was asked for')
      if (total === undefined) return settle(digest)
      if (offset === 0 && arriving === undefined) arriving = { missing, pieces: [], filled: 0 }
      if (arriving?.missing !== missing || arriving.filled !== offset || missing.bytes !== total)
        throw new SyncError('protocol', 'expected the next piece of a payload')
      arriving.pieces.push(bytes)
      arriving.filled += bytes.length
      if (arriving.filled < total) return undefined
      const whole = joined(arriving.pieces, total)
      arriving = undefined
      // Not kept: nothing here names it any more, unless it is not what was asked for.
      if (!(await store.putPayload(digest, whole)) && !equalBytes(william3(whole), digest))
        throw new SyncError('protocol', 'expected a payload with its digest')
      return settle(digest)
    },
    owing,
  }
}

async function sendPayload({ store, link, views }: PayloadsOptions, wanted: Wanted): Promise<void> {
  const { area, key, digest } = wanted
  const [stored] = (await views()[area]?.entriesAt([key])) ?? []
  const named = stored !== undefined && equalBytes(stored.entry.digest, digest)
  const small = named && stored.entry.payloadLength <= BigInt(syncLimits.payloadBytesMax)
  const bytes = small ? await store.payload(digest) : undefined
  if (bytes === undefined || bytes.length === 0) {
    await link.sendCounted(encodeChunk({ digest, total: undefined, offset: 0, bytes: new Uint8Array() }))
    return
  }
  for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
    const piece = bytes.subarray(offset, offset + chunkBytes)
    await link.sendCounted(encodeChunk({ digest, total: bytes.length, offset, bytes: piece }))
  }
}

function joined(pieces: readonly Uint8Array[], total: number): Uint8Array {
  const whole = new Uint8Array(total)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
