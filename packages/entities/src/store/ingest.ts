/** What is taken of entries that come, and what they replace. */
import type { Verifier } from '../meadowcap/verify.ts'
import type { AuthorisedEntry } from '../meadowcap/verify.ts'
import { compareAge, type Entry, idBytes } from '../willow/entry.ts'
import { compareBytes, equalBytes, pathFault } from '../willow/path.ts'
import type { EntryRow, ReadRows } from './backing.ts'
import type { IngestOptions, IngestOutcome } from './contract.ts'
import { endOfPrefix, nameOf, namespaceBytes, prefixKeys } from './keys.ts'
import { fromRow, toRow } from './row.ts'

/** A key with its name. */
interface Prefix {
  readonly key: Uint8Array
  readonly name: string
}

/** One entry on its way in. */
export interface Candidate {
  readonly authorised: AuthorisedEntry
  readonly row: Omit<EntryRow, 'arrival' | 'hasPayload'>
  /** Of its own path and all above, shortest first. */
  readonly prefixes: readonly Prefix[]
  outcome: IngestOutcome | undefined
}

/** Looks at the entry alone: nothing here costs more than its bytes. */
export function candidateOf(
  authorised: AuthorisedEntry,
  namespace: Uint8Array,
  options: IngestOptions,
): Candidate {
  const { entry } = authorised
  const refused = faultOf(entry, options)
  if (refused !== undefined)
    return { authorised, row: emptyRow, prefixes: [], outcome: { kind: 'refused', fault: refused } }
  const row = toRow(namespace, authorised)
  const name = nameOf(row.key)
  const prefixes = prefixKeys(row.key).map(key => ({ key, name: name.slice(0, key.length) }))
  return { authorised, row, prefixes, outcome: undefined }
}

const none = new Uint8Array()
const emptyRow = { key: none, digest: none, body: none, hash: none, bytes: 0 }

function faultOf(entry: Entry, options: IngestOptions): 'limit' | 'future' | 'namespace' | undefined {
  const ids = [entry.namespace, entry.subspace, entry.digest]
  if (ids.some(id => id.length !== idBytes) || pathFault(entry.path) !== undefined) return 'limit'
  if (entry.payloadLength > BigInt(Number.MAX_SAFE_INTEGER)) return 'limit'
  if (options.namespaceAllowed?.(entry.namespace) === false) return 'namespace'
  if (options.timestampMax !== undefined && entry.timestamp > options.timestampMax) return 'future'
  return undefined
}

/** Settles among the candidates themselves who is obsolete: the newest come first, and what they prune is out. */
export function settleAmong(candidates: readonly Candidate[]): void {
  const open = candidates.filter(({ outcome }) => outcome === undefined)
  const byAge = open.toSorted((a, b) => compareCandidates(b, a))
  const kept = new Map<string, Candidate>()
  for (const candidate of byAge) {
    const own = candidate.prefixes.at(-1)?.name ?? ''
    const isNewer = (other: Candidate | undefined) =>
      other !== undefined && compareAge(other.authorised.entry, candidate.authorised.entry) > 0
    if (candidate.prefixes.some(({ name }) => isNewer(kept.get(name))))
      candidate.outcome = { kind: 'obsolete' }
    else if (kept.has(own)) candidate.outcome = { kind: 'known' }
    else kept.set(own, candidate)
  }
}

/** Older before newer; of equal age, the longer path and then the larger body before the other. */
function compareCandidates(a: Candidate, b: Candidate): number {
  return compareAge(a.authorised.entry, b.authorised.entry) || compareBytes(b.row.body, a.row.body)
}

/** Settles who is obsolete or known by what is stored. */
export async function settleByStored(candidates: readonly Candidate[], rows: ReadRows): Promise<void> {
  const open = candidates.filter(({ outcome }) => outcome === undefined)
  const keys = new Map<string, Uint8Array>()
  for (const { prefixes } of open) for (const { key, name } of prefixes) keys.set(name, key)
  const names = [...keys.keys()]
  const found = await rows.entries([...keys.values()])
  const stored = new Map<string, EntryRow>()
  for (const [index, row] of found.entries()) if (row !== undefined) stored.set(names[index] ?? '', row)
  if (stored.size === 0) return
  for (const candidate of open) {
    for (const { name } of candidate.prefixes) {
      const row = stored.get(name)
      if (row === undefined) continue
      const age = compareAge(fromRow(row).entry, candidate.authorised.entry)
      if (age > 0) candidate.outcome = { kind: 'obsolete' }
      else if (age === 0 && equalBytes(row.key, candidate.row.key) && !replaces(candidate.row, row))
        candidate.outcome = { kind: 'known' }
    }
  }
}

/** The same entry under two capabilities: the bytewise smaller encoding is kept, so that all stores agree. */
function replaces(candidate: Pick<EntryRow, 'body'>, row: Pick<EntryRow, 'body'>): boolean {
  return compareBytes(candidate.body, row.body) < 0
}

/** Verifies those that are still open, several at a time. */
export async function settleByVerifying(candidates: readonly Candidate[], verifier: Verifier): Promise<void> {
  await Promise.all(
    candidates.map(async candidate => {
      if (candidate.outcome !== undefined) return
      const fault = await verifier.entryFault(candidate.authorised)
      if (fault !== undefined) candidate.outcome = { kind: 'refused', fault }
    }),
  )
}

/** Rows looked through at once below a prefix. */
const prunedRows = 256

/** What an entry replaces: everything at and below its path that is older, and the same entry in another form. */
export async function prunedBy(candidate: Candidate, rows: ReadRows): Promise<readonly EntryRow[]> {
  const { entry } = candidate.authorised
  const namespace = candidate.row.key.subarray(0, namespaceBytes)
  const end = endOfPrefix(namespace, entry.subspace, entry.path)
  const pruned: EntryRow[] = []
  for (let start = candidate.row.key; ; ) {
    const page = await rows.entryRange(start, end, prunedRows)
    for (const row of page) {
      const age = compareAge(entry, fromRow(row).entry)
      if (age > 0 || (age === 0 && equalBytes(row.key, candidate.row.key))) pruned.push(row)
    }
    const last = page.at(-1)
    if (last === undefined || page.length < prunedRows) return pruned
    const next = new Uint8Array(last.key.length + 1)
    next.set(last.key)
    start = next
  }
}
