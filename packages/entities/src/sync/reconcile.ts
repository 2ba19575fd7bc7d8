/** One step of range reconciliation: what to answer to what the other side has told of a range. */
import { equalBytes } from '../willow/path.ts'
import type { AreaView, HashedKey } from './area-view.ts'
import { syncLimits } from './contract.ts'
import { listMax, type RangeItem, shortHashBytes } from './range-frames.ts'

export interface Step {
  /** To be told in the next message of the round. */
  readonly items: readonly RangeItem[]
  /** Keys of entries that the other side lacks. */
  readonly send: readonly Uint8Array[]
}

const nothing: Step = { items: [], send: [] }
/** Entries of a range that the other side has little of, sent at once; further ones by the next round. */
const sentAtOnce = 4096

const shortOf = (hash: Uint8Array) => hash.subarray(0, shortHashBytes)

/** Answers one item. */
export async function answerItem(view: AreaView, item: RangeItem): Promise<Step> {
  const { start, end } = item
  switch (item.kind) {
    case 'sum': {
      const own = await view.summary(item)
      if (own.count === item.count && equalBytes(own.fingerprint, item.fingerprint)) return nothing
      if (own.count <= listMax) {
        const hashes = (await view.hashes(item, listMax + 1)).map(({ hash }) => shortOf(hash))
        return { items: [{ kind: 'list', start, end, hashes }], send: [] }
      }
      // The other side has few: it is shorter to hear them than to tell mine.
      if (item.count <= listMax) return { items: [{ kind: 'sum', start, end, ...own }], send: [] }
      const parts = await view.split(item, syncLimits.splitParts)
      return { items: parts.map(part => ({ kind: 'sum', ...part })), send: [] }
    }
    case 'list':
      return answerList(view, item)
    case 'want': {
      const wanted = new Set(item.hashes.map(nameOf))
      const own = await view.hashes(item, sentAtOnce)
      return {
        items: [],
        send: own.filter(({ hash }) => wanted.has(nameOf(shortOf(hash)))).map(({ key }) => key),
      }
    }
    case 'again':
      return { items: [{ kind: 'sum', start, end, ...(await view.summary(item)) }], send: [] }
  }
}

async function answerList(view: AreaView, item: RangeItem & { readonly kind: 'list' }): Promise<Step> {
  const { start, end } = item
  const own = await view.hashes(item, sentAtOnce)
  const theirs = new Set(item.hashes.map(nameOf))
  const mine = new Set(own.map(({ hash }) => nameOf(shortOf(hash))))
  const missing = item.hashes.filter(hash => !mine.has(nameOf(hash)))
  const send = own.filter(({ hash }) => !theirs.has(nameOf(shortOf(hash)))).map(({ key }) => key)
  const items: RangeItem[] = missing.length === 0 ? [] : [{ kind: 'want', start, end, hashes: missing }]
  // More than were looked at: the rest of the range is compared in the next round.
  const last = own.length === sentAtOnce ? (own.at(-1) as HashedKey) : undefined
  if (last !== undefined) items.push({ kind: 'again', start: last.key, end })
  return { items, send }
}

function nameOf(hash: Uint8Array): string {
  let name = ''
  for (const byte of hash) name += String.fromCharCode(byte)
  return name
}
