/** One step of range reconciliation: what to answer to what the other side has told of a range. */
import { nameOf } from '../store/keys.ts'
import { equalBytes } from '../willow/path.ts'
import type { AreaView, HashedKey } from './area-view.ts'
import { syncLimits } from './contract.ts'
import { listMax, type RangeItem, shortHashBytes } from './range-frames.ts'

/** Where a step's outcome goes. */
export interface Answer {
  /** To be told in the next message of the round. */
  tell(item: RangeItem): Promise<void>
  /** Keys of entries that the other side lacks. */
  send(keys: readonly Uint8Array[]): Promise<void>
}

const shortOf = (hash: Uint8Array) => hash.subarray(0, shortHashBytes)
const shortName = ({ hash }: HashedKey) => nameOf(shortOf(hash))

/** Answers one item. */
export async function answerItem(view: AreaView, item: RangeItem, answer: Answer): Promise<void> {
  if (item.kind === 'sum') await answerSum(view, item, answer)
  else if (item.kind === 'list') await answerList(view, item, answer)
  else if (item.kind === 'want') await answerWant(view, item, answer)
  else {
    const { start, end } = item
    await answer.tell({ kind: 'sum', start, end, ...(await view.summary(item)) })
  }
}

type Item<Kind extends RangeItem['kind']> = RangeItem & { readonly kind: Kind }

async function answerSum(view: AreaView, item: Item<'sum'>, { tell }: Answer): Promise<void> {
  const { start, end } = item
  const own = await view.summary(item)
  if (own.count === item.count && equalBytes(own.fingerprint, item.fingerprint)) return
  if (own.count <= listMax) {
    const hashes: Uint8Array[] = []
    for await (const page of view.hashes(item)) {
      hashes.push(...page.map(({ hash }) => shortOf(hash)))
      // It has grown meanwhile. What is left out is sent here once more, and known.
      if (hashes.length > listMax) break
    }
    await tell({ kind: 'list', start, end, hashes: hashes.slice(0, listMax) })
    return
  }
  // The other side has few: it is shorter to hear them than to tell mine.
  if (item.count <= listMax) {
    await tell({ kind: 'sum', start, end, ...own })
    return
  }
  for (const part of await view.split(item, syncLimits.splitParts)) await tell({ kind: 'sum', ...part })
}

async function answerList(view: AreaView, item: Item<'list'>, { tell, send }: Answer): Promise<void> {
  const { start, end } = item
  const theirs = new Map(item.hashes.map(hash => [nameOf(hash), hash]))
  const missing = new Map(theirs)
  for await (const page of view.hashes(item)) {
    for (const one of page) missing.delete(shortName(one))
    await send(page.filter(one => !theirs.has(shortName(one))).map(({ key }) => key))
  }
  if (missing.size > 0) await tell({ kind: 'want', start, end, hashes: [...missing.values()] })
}

async function answerWant(view: AreaView, item: Item<'want'>, { send }: Answer): Promise<void> {
  const wanted = new Set(item.hashes.map(nameOf))
  for await (const page of view.hashes(item)) {
    const found = page.filter(one => wanted.delete(shortName(one)))
    await send(found.map(({ key }) => key))
    if (wanted.size === 0) return
  }
}
