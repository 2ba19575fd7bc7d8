/** The rules of a store, over any place that keeps rows. */
import { william3 } from '@leaf/codec/william3'
import type { AuthorisedEntry, Verifier } from '../meadowcap/verify.ts'
import { areaIncludes } from '../willow/area.ts'
import { compareAge, idBytes } from '../willow/entry.ts'
import { compareBytes, equalBytes } from '../willow/path.ts'
import type { Backing, EntryRow, ReadRows, WriteRows } from './backing.ts'
import type {
  EntryStore,
  IngestOptions,
  IngestOutcome,
  KeyRange,
  Page,
  PageRequest,
  StoredEntry,
} from './contract.ts'
import {
  type Candidate,
  candidateOf,
  prunedBy,
  settleAmong,
  settleByStored,
  settleByVerifying,
} from './ingest.ts'
import { after, entryKey, join, nameOf, namespaceBytes, prefixKeys, subspaceOfKey } from './keys.ts'
import { createNamespaces, type Namespaces } from './namespaces.ts'
import { fromRow } from './row.ts'
import { splitRange } from './split.ts'
import { StoreError } from './store-error.ts'
import { type Bounds, changeTree, justAfter, totalOfRange } from './tree.ts'

export interface StoreDependencies {
  readonly backing: Backing
  readonly verifier: Verifier
  /** Bytes of the platform's generator. */
  readonly random: (length: number) => Uint8Array
}

type Incoming = IngestOptions & {
  /** Of the entries, in their order. */
  readonly payloads?: readonly Uint8Array[]
  /** Signed here just now. */
  readonly own?: boolean
  /** Kept in the same step. */
  readonly notes?: ReadonlyMap<string, string>
}

/** Entries that are looked up before they are verified. */
const lookedUpAtOnce = 128
/** Entries that one call may bring. */
const ingestMax = 4096

export function createStore(deps: StoreDependencies): EntryStore {
  const { backing, verifier } = deps
  const listeners = new Set<() => void>()
  const namespaces = createNamespaces(backing, deps.random)
  const stopListening = backing.listen(() => wake())
  let closed = false
  const wake = () => {
    for (const listener of listeners) listener()
  }
  const assertOpen = () => {
    if (closed) throw new StoreError('closed', 'the store is closed')
  }

  const ingest = async (
    entries: readonly AuthorisedEntry[],
    options: Incoming,
  ): Promise<readonly IngestOutcome[]> => {
    assertOpen()
    if (entries.length > ingestMax)
      throw new StoreError('refused', `expected at most ${ingestMax} entries, got ${entries.length}`)
    if (entries.length === 0) return []
    const allowed = entries.filter(({ entry }) => options.namespaceAllowed?.(entry.namespace) !== false)
    const place = await namespaces.numbersOf(allowed.map(({ entry }) => entry.namespace))
    const candidates: Candidate[] = []
    const verifying: Promise<void>[] = []
    // What comes first is verified, on other threads, while the rest is looked up.
    for (let at = 0; at < entries.length; at += lookedUpAtOnce) {
      const some = entries
        .slice(at, at + lookedUpAtOnce)
        .map(authorised => candidateOf(authorised, place.keyOf(authorised.entry.namespace), options))
      await backing.read(rows => settleByStored(some, rows))
      if (options.own !== true) verifying.push(settleByVerifying(some, verifier))
      // Awaited below; until then a failure of one is nobody's.
      verifying.at(-1)?.catch(() => undefined)
      candidates.push(...some)
    }
    await Promise.all(verifying)
    // Only now: a forged entry must not make a genuine one obsolete.
    settleAmong(candidates)
    if (candidates.every(({ outcome }) => outcome !== undefined)) return candidates.map(settled)
    const salt = await namespaces.salt()
    const outcomes = await backing.write(rows => store(rows, candidates, { ...options, salt }))
    wake()
    return outcomes
  }

  /** May run again when the place says so: outcomes are made anew each time. */
  const store = async (
    rows: WriteRows,
    before: readonly Candidate[],
    options: Incoming & { readonly salt: Uint8Array },
  ): Promise<readonly IngestOutcome[]> => {
    const candidates = before.map(one => ({ ...one }))
    await settleByStored(candidates, rows)
    if (options.own === true && candidates.some(({ outcome }) => outcome?.kind === 'obsolete'))
      throw new StoreError('refused', 'something newer stands at or above this path')
    const tree = namespaces.treeOf
    const open = candidates.filter(({ outcome }) => outcome === undefined)
    const quota = options.quotaOf === undefined ? undefined : createQuota(rows, options.quotaOf, tree)
    const [added, removed] = await replaceRows(rows, open, quota)
    for (const [index, payload] of (options.payloads ?? []).entries()) {
      const { outcome, row } = candidates[index] as Candidate
      if (payload.length > 0 && outcome?.kind === 'stored') await rows.putPayload(row.digest, payload)
    }
    for (const [name, value] of options.notes ?? []) await rows.setMeta(name, value)
    await rows.dropPayloads(removed.map(({ digest }) => digest))
    for (const bounds of tree.of([...added, ...removed])) {
      const inTree = (row: EntryRow) => equalBytes(row.key.subarray(0, namespaceBytes), bounds.start)
      await changeTree(rows, {
        bounds,
        salt: options.salt,
        added: added.filter(inTree),
        removed: removed.filter(inTree),
      })
    }
    return candidates.map(settled)
  }

  return {
    ingest: (entries, options = {}) => ingest(entries, options),
    write: async (items, notes = new Map()) => {
      const outcomes = await ingest(
        items.map(({ authorised }) => authorised),
        { payloads: items.map(({ payload }) => payload), own: true, notes },
      )
      const refused = outcomes.find(({ kind }) => kind === 'refused' || kind === 'obsolete')
      if (refused !== undefined) throw new StoreError('refused', 'an entry of one\u2019s own was not taken')
      return outcomes
    },
    putPayload: async (digest, bytes) => {
      assertOpen()
      if (!equalBytes(william3(bytes), digest)) return false
      // Many entries may name one payload, and each brings it: only the first makes work.
      const [here] = await backing.read(rows => rows.hasPayloads([digest]))
      if (here === true) return true
      const kept = await backing.write(async rows => {
        if ((await rows.payloadLength(digest)) !== bytes.length) return false
        await rows.putPayload(digest, bytes)
        return true
      })
      if (kept) wake()
      return kept
    },
    payload: digest => backing.read(rows => rows.payload(digest)),
    missingPayloads: async digests => {
      const here = await backing.read(rows => rows.hasPayloads(digests))
      return digests.filter((_, index) => here[index] !== true)
    },
    entry: async (namespace, subspace, path) => {
      const key = (await namespaces.find(namespace)) ?? undefined
      if (key === undefined) return undefined
      const own = entryKey(key, subspace, path)
      const [row] = await backing.read(rows => rows.entries([own]))
      return row === undefined ? undefined : fromRow(row)
    },
    newestAbove: async (namespace, subspace, path) => {
      const key = await namespaces.find(namespace)
      if (key === undefined) return undefined
      const rows = await backing.read(tx => tx.entries(prefixKeys(entryKey(key, subspace, path))))
      return rows
        .flatMap(row => (row === undefined ? [] : [fromRow(row)]))
        .reduce<StoredEntry | undefined>(
          (best, one) => (best === undefined || compareAge(one.entry, best.entry) > 0 ? one : best),
          undefined,
        )
    },
    page: async request => {
      const bounds = await boundsOf(namespaces, request.range)
      return bounds === undefined ? { entries: [], next: undefined } : readPage(backing, bounds, request)
    },
    arrivals: async (namespace, afterArrival, limit) => {
      const key = await namespaces.find(namespace)
      if (key === undefined) return []
      const rows = await backing.read(tx => tx.arrivals(key, after(key), afterArrival, limit))
      return rows.map(fromRow)
    },
    lastArrival: async () => Number((await backing.read(rows => rows.meta('arrival'))) ?? 0),
    epoch: () => namespaces.epoch(),
    hashes: async (range, limit) => {
      const bounds = await boundsOf(namespaces, range)
      if (bounds === undefined) return { items: [], next: undefined }
      const rows = await backing.read(tx => tx.hashRange(bounds.start, bounds.end, limit))
      const last = rows.length < limit ? undefined : rows.at(-1)
      return {
        items: rows.map(({ key, hash }) => ({ key: key.slice(namespaceBytes), hash })),
        next: last === undefined ? undefined : justAfter(last.key).slice(namespaceBytes),
      }
    },
    entriesAt: async (namespace, keys) => {
      const own = await namespaces.find(namespace)
      if (own === undefined) return keys.map(() => undefined)
      const rows = await backing.read(tx => tx.entries(keys.map(key => join(own, key))))
      return rows.map(row => (row === undefined ? undefined : fromRow(row)))
    },
    entriesOf: async (digest, limit) =>
      (await backing.read(rows => rows.byDigest(digest, limit))).map(fromRow),
    summary: async range => {
      const bounds = await boundsOf(namespaces, range)
      if (bounds === undefined) return { fingerprint: new Uint8Array(32), count: 0 }
      const { sum, count } = await backing.read(rows =>
        totalOfRange(rows, bounds.tree, bounds.start, bounds.end),
      )
      return { fingerprint: sum, count }
    },
    split: async (range, parts) => {
      const bounds = await boundsOf(namespaces, range)
      if (bounds === undefined) return []
      const pieces = await backing.read(rows => splitRange(rows, bounds, parts))
      return pieces.map(({ start, end, sum, count }) => ({
        namespace: range.namespace,
        start: compareBytes(start, bounds.start) === 0 ? range.start : start.slice(namespaceBytes),
        end: compareBytes(end, bounds.end) === 0 ? range.end : end.slice(namespaceBytes),
        fingerprint: sum,
        count,
      }))
    },
    listen: listener => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    forget: async (namespace, subspace) => {
      const key = await namespaces.find(namespace)
      if (key === undefined) return
      const start = subspace === undefined ? key : join(key, subspace)
      await forgetRange(backing, namespaces, start)
      wake()
    },
    namespaces: () => namespaces.all(),
    subspaces: async (namespace, afterSubspace, limit) => {
      const key = await namespaces.find(namespace)
      return key === undefined ? [] : listSubspaces(backing, key, { after: afterSubspace, limit })
    },
    close: async () => {
      closed = true
      stopListening()
      await backing.close()
    },
  }
}

const settled = ({ outcome }: Candidate): IngestOutcome => {
  if (outcome === undefined) throw new StoreError('corrupt', 'an entry was neither stored nor refused')
  return outcome
}

/** Puts the rows of what is taken, and deletes what they replace; numbers arrivals in the order of candidates. */
async function replaceRows(
  rows: WriteRows,
  open: readonly Candidate[],
  quota: Quota | undefined,
): Promise<readonly [added: readonly EntryRow[], removed: readonly EntryRow[]]> {
  let arrival = Number((await rows.meta('arrival')) ?? 0)
  const here = await rows.hasPayloads(open.map(({ row }) => row.digest))
  const removed = new Map<string, EntryRow>()
  const added: EntryRow[] = []
  for (const [index, candidate] of open.entries()) {
    const pruned = (await prunedBy(candidate, rows)).filter(row => !removed.has(nameOf(row.key)))
    if (quota !== undefined && !(await quota.take(candidate, pruned))) {
      candidate.outcome = { kind: 'refused', fault: 'quota' }
      continue
    }
    for (const row of pruned) removed.set(nameOf(row.key), row)
    arrival += 1
    const hasPayload = candidate.row.bytes === 0 || here[index] === true
    added.push({ ...candidate.row, arrival, hasPayload })
    candidate.outcome = { kind: 'stored', arrival, pruned: pruned.length }
  }
  await rows.deleteEntries([...removed.values()].map(({ key }) => key))
  await rows.putEntries(added)
  await rows.setMeta('arrival', String(arrival))
  return [added, [...removed.values()]]
}

type TreeOf = Namespaces['treeOf']

interface Quota {
  /** Whether there is room for an entry, once what it replaces is gone; takes it then. */
  take(candidate: Candidate, pruned: readonly EntryRow[]): Promise<boolean>
}

function createQuota(rows: ReadRows, quotaOf: NonNullable<IngestOptions['quotaOf']>, treeOf: TreeOf): Quota {
  const used = new Map<string, { entries: number; bytes: number }>()
  const usageOf = async (start: Uint8Array) => {
    const known = used.get(nameOf(start))
    if (known !== undefined) return known
    const { count, bytes } = await totalOfRange(rows, treeOf.one(start), start, after(start))
    const usage = { entries: count, bytes }
    used.set(nameOf(start), usage)
    return usage
  }
  return {
    take: async ({ authorised, row }, pruned) => {
      const quota = quotaOf(authorised.entry.namespace, authorised.entry.subspace)
      if (quota === undefined) return true
      const usage = await usageOf(row.key.slice(0, namespaceBytes + idBytes))
      const entries = usage.entries + 1 - pruned.length
      const bytes = usage.bytes + row.bytes - pruned.reduce((sum, one) => sum + one.bytes, 0)
      // What makes a full subspace smaller is always taken.
      const shrinks = entries <= usage.entries && bytes <= usage.bytes
      if (!shrinks && (entries > quota.entries || bytes > quota.bytes)) return false
      usage.entries = entries
      usage.bytes = bytes
      return true
    },
  }
}

async function boundsOf(namespaces: Namespaces, range: KeyRange): Promise<Bounds | undefined> {
  const key = await namespaces.find(range.namespace)
  if (key === undefined) return undefined
  const tree = namespaces.treeOf.one(key)
  return {
    tree,
    start: join(key, range.start),
    end: range.end === undefined ? tree.end : join(key, range.end),
  }
}

/** Rows that one page looks through at most, when an area passes few of them. */
const scannedMax = 4096

async function readPage(backing: Backing, bounds: Bounds, { area, limit }: PageRequest): Promise<Page> {
  const entries: StoredEntry[] = []
  let { start } = bounds
  for (let scanned = 0; scanned < scannedMax; ) {
    const rows = await backing.read(tx => tx.entryRange(start, bounds.end, limit))
    for (const row of rows) {
      const stored = fromRow(row)
      start = justAfter(row.key)
      if (area !== undefined && !areaIncludes(area, stored.entry)) continue
      entries.push(stored)
      if (entries.length === limit) return { entries, next: start.slice(namespaceBytes) }
    }
    scanned += rows.length
    if (rows.length < limit) return { entries, next: undefined }
  }
  return { entries, next: start.slice(namespaceBytes) }
}

/** Rows deleted in one transaction. */
const forgottenAtOnce = 500

async function forgetRange(backing: Backing, namespaces: Namespaces, start: Uint8Array): Promise<void> {
  const salt = await namespaces.salt()
  for (let more = true; more; ) {
    more = await backing.write(async rows => {
      const page = await rows.entryRange(start, after(start), forgottenAtOnce)
      await rows.deleteEntries(page.map(({ key }) => key))
      await rows.dropPayloads(page.map(({ digest }) => digest))
      await changeTree(rows, { bounds: namespaces.treeOf.one(start), salt, added: [], removed: page })
      return page.length === forgottenAtOnce
    })
  }
}

async function listSubspaces(
  backing: Backing,
  namespace: Uint8Array,
  page: { readonly after: Uint8Array | undefined; readonly limit: number },
) {
  const tree = { start: namespace, end: after(namespace) }
  return backing.read(async rows => {
    const found: { subspace: Uint8Array; entries: number; bytes: number }[] = []
    let from = page.after === undefined ? namespace : after(join(namespace, page.after))
    while (found.length < page.limit) {
      const [first] = await rows.hashRange(from, tree.end, 1)
      if (first === undefined) break
      const subspace = subspaceOfKey(first.key)
      const start = join(namespace, subspace)
      from = after(start)
      const { count, bytes } = await totalOfRange(rows, tree, start, from)
      found.push({ subspace, entries: count, bytes })
    }
    return found
  })
}
