/** Stores and drops: areas out, whole drops in. */
import type { Verifier } from '../meadowcap/verify.ts'
import type { EntryStore, IngestOptions, IngestOutcome } from '../store/contract.ts'
import { createAreaView } from '../sync/area-view.ts'
import type { Area } from '../willow/area.ts'
import { DropError } from './drop-error.ts'
import { type ReadDropOptions, readDrop } from './read-drop.ts'
import { type DropItem, writeDrop, type WriteDropOptions } from './write-drop.ts'

export interface ExportDropOptions extends WriteDropOptions {
  readonly store: EntryStore
  readonly areas: readonly { readonly namespace: Uint8Array; readonly area: Area }[]
  /** Larger payloads are left out. Default: none. */
  readonly payloadBytesMax?: number
}

const pageEntries = 256

/** The bytes of a drop with all entries of some areas, and the payloads that are here. Throws DropError `delegated`. */
export function exportDrop(options: ExportDropOptions): AsyncGenerator<Uint8Array> {
  return writeDrop(entriesOf(options), options)
}

async function* entriesOf({ store, areas, payloadBytesMax }: ExportDropOptions): AsyncGenerator<DropItem> {
  const bytesMax = payloadBytesMax === undefined ? undefined : BigInt(payloadBytesMax)
  for (const [index, { namespace, area }] of areas.entries()) {
    const view = createAreaView(store, namespace, area)
    const earlier = areas.slice(0, index).map(one => createAreaView(store, one.namespace, one.area))
    for (let start: Uint8Array | undefined = new Uint8Array(); start !== undefined; ) {
      const page: Awaited<ReturnType<typeof view.page>> = await view.page(start, pageEntries)
      start = page.next
      for (const stored of page.entries) {
        const { entry } = stored
        // Areas may overlap.
        if (earlier.some(one => one.includes(entry))) continue
        const travels = stored.hasPayload && (bytesMax === undefined || entry.payloadLength <= bytesMax)
        const payload = travels ? await payloadOf(store, entry) : undefined
        yield { authorised: stored, payload }
      }
    }
  }
}

async function payloadOf(
  store: EntryStore,
  { payloadLength, digest }: DropItem['authorised']['entry'],
): Promise<Uint8Array | undefined> {
  return payloadLength === 0n ? new Uint8Array() : store.payload(digest)
}

export interface ImportDropOptions extends Omit<ReadDropOptions, 'verifier'> {
  readonly store: EntryStore
  readonly verifier: Verifier
  /** The bytes of the drop from their beginning; called twice: to verify them all, and then to take them. */
  readonly open: () => AsyncIterable<Uint8Array>
  /** What is taken of its entries. */
  readonly ingest?: IngestOptions
}

/** What became of the entries of a drop. */
export interface ImportedDrop {
  readonly entries: number
  readonly stored: number
  readonly known: number
  readonly obsolete: number
  /** By what they were refused for: policy, as entries that nobody may write refuse the whole drop. */
  readonly refused: ReadonlyMap<string, number>
  readonly payloads: number
}

/**
 * Takes a drop whole: nothing of it is stored unless all of it is right. Throws MalformedError or DropError otherwise.
 * Whatever its size, no more than a few entries and one payload are in memory.
 */
export async function importDrop(options: ImportDropOptions): Promise<ImportedDrop> {
  for await (const _ of readDrop(options.open(), options));
  const counts = { entries: 0, stored: 0, known: 0, obsolete: 0, payloads: 0 }
  const refused = new Map<string, number>()
  // The store verifies tokens itself; what changed between both readings is refused there or here.
  const trusting = { ...options, verifier: storeVerifies }
  for await (const batch of readDrop(options.open(), trusting)) {
    const outcomes = await options.store.ingest(
      batch.map(({ authorised }) => authorised),
      options.ingest,
    )
    for (const [at, outcome] of outcomes.entries()) {
      if (outcome.kind === 'refused') refused.set(outcome.fault, (refused.get(outcome.fault) ?? 0) + 1)
      else counts[outcome.kind] += 1
      if (isForged(outcome))
        throw new DropError(
          'unauthorised',
          counts.entries + at,
          'expected a drop that does not change while it is read',
        )
    }
    const kept = batch.filter((_, at) => outcomes[at]?.kind === 'stored' || outcomes[at]?.kind === 'known')
    const put = await Promise.all(kept.map(one => putPayload(options.store, one)))
    counts.payloads += put.filter(Boolean).length
    counts.entries += batch.length
  }
  return { ...counts, refused }
}

const storeVerifies: Verifier = {
  capabilityFault: () => Promise.resolve(undefined),
  entryFault: () => Promise.resolve(undefined),
}

function isForged(outcome: IngestOutcome): boolean {
  if (outcome.kind !== 'refused') return false
  return !['future', 'limit', 'quota', 'namespace'].includes(outcome.fault)
}

async function putPayload(store: EntryStore, { authorised, payload }: DropItem): Promise<boolean> {
  if (payload === undefined || payload.length === 0) return false
  return store.putPayload(authorised.entry.digest, payload)
}
