/**
 * How much of what waits in a mailbox is of one sender, so that nobody fills a mailbox alone. Kept in memory only, under
 * pseudonyms that change every day: nothing about senders is stored.
 */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Origin } from '../contract.ts'

/** Pairs of a mailbox and a sender that are counted; those that were not used for the longest time are forgotten. */
const pairsMax = 100_000
/** Parts in which a share is given back as its mailbox is read. */
const partsMax = 8
const dayMs = 86_400_000

interface Part {
  /** The last number in it. */
  upTo: number
  count: number
  bytes: number
}

export interface Share {
  /** Mail that waits, or was read only with later mail of the same part. */
  readonly count: number
  readonly bytes: number
}

export interface Shares {
  /** Names a sender in one mailbox, for today. */
  pseudonym(box: number, origin: Origin): string
  /** What waits of it, given that mail up to `acked` is gone. */
  read(pseudonym: string, acked: number): Share
  /** One message more, with the number `seq`. */
  add(pseudonym: string, message: { readonly seq: number; readonly bytes: number }): void
}

const nothing: Share = { count: 0, bytes: 0 }

export function createShares(options: {
  readonly clock: Clock
  /** Messages of a share at most. */
  readonly countMax: number
}): Shares {
  const { clock } = options
  const countOfPart = Math.max(1, Math.ceil(options.countMax / partsMax))
  const shares = createBoundedMap<string, Part[]>(pairsMax)
  /** Numbers of senders, in the order in which they came today. */
  const numbers = createBoundedMap<string, number>(pairsMax)
  let day = Number.NaN
  let next = 0

  const numberOf = (name: string): number => {
    const today = Math.floor(clock.now() / dayMs)
    if (today !== day) {
      day = today
      numbers.clear()
    }
    let number = numbers.get(name)
    if (number === undefined) {
      next += 1
      number = next
      numbers.set(name, number)
    }
    return number
  }

  return {
    pseudonym: (box, origin) => `${box}/${numberOf(nameOf(origin))}`,
    read: (pseudonym, acked) => {
      const parts = shares.get(pseudonym)
      if (parts === undefined) return nothing
      let gone = 0
      while (gone < parts.length && (parts[gone]?.upTo ?? 0) <= acked) gone += 1
      if (gone > 0) parts.splice(0, gone)
      let count = 0
      let bytes = 0
      for (const part of parts) {
        count += part.count
        bytes += part.bytes
      }
      return { count, bytes }
    },
    add: (pseudonym, { seq, bytes }) => {
      const parts = shares.get(pseudonym)
      const last = parts?.at(-1)
      if (parts === undefined) shares.set(pseudonym, [{ upTo: seq, count: 1, bytes }])
      else if (last === undefined || last.count >= countOfPart) parts.push({ upTo: seq, count: 1, bytes })
      else {
        last.upTo = seq
        last.count += 1
        last.bytes += bytes
      }
    },
  }
}

/** Mail from other relays counts by the relay, or by the address of one that has no name. */
function nameOf(origin: Origin): string {
  return origin.kind === 'sender' ? origin.key : (origin.server ?? origin.address)
}
