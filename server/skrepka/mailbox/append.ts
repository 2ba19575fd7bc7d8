/** Mail into mailboxes: knows again what was there, keeps to quotas, numbers, and stores with few statements. */
import type { Clock } from '../../kernel/clock.ts'
import type { Tx } from '../../kernel/storage/database.ts'
import type { Incoming, KeyHex, PendingMessage } from '../contract.ts'
import type { Box } from '../database/mailboxes.ts'
import {
  insertMessages,
  insertSeen,
  type NewMessage,
  readSeen,
  type Seen,
  seenHashBytes,
} from '../database/messages.ts'
import type { BoxMap } from './boxes.ts'
import type { Shares } from './shares.ts'
import type { Vault } from './vault.ts'

/** Mail that is taken whole or not at all. */
export type Batch = readonly Incoming[]

/** What became of a message of a batch that was taken. */
export type Taken = { readonly key: KeyHex; readonly message: PendingMessage } | 'duplicate'

/** In the order of the batch; or it would overfill a mailbox, or its sender's share of one. */
export type BatchOutcome =
  | { readonly kind: 'taken'; readonly messages: readonly Taken[] }
  | { readonly kind: 'full' }

export interface AppendRules {
  readonly mailboxMessagesMax: number
  readonly mailboxBytesMax: number
  readonly shareMessagesMax: number
  readonly shareBytesMax: number
  /** How long mail is known again after it came. Milliseconds. */
  readonly seenMs: number
}

export interface AppendDependencies {
  readonly rules: AppendRules
  readonly clock: Clock
  readonly shares: Shares
  readonly vault: Vault
  /** Whether somebody waits for a mailbox's mail at this moment: then its number is about to be given as a cursor. */
  readonly isAwaited: (key: KeyHex) => boolean
  /** In the transaction: whose mail was stored. */
  readonly announce: (tx: Tx, keys: Iterable<KeyHex>) => void
}

export type Append = (tx: Tx, boxes: BoxMap, batches: readonly Batch[]) => Promise<readonly BatchOutcome[]>

/** Gives the function that appends batches in order, in one transaction. Every recipient has its mailbox in `boxes`. */
export function createAppend(deps: AppendDependencies): Append {
  return async (tx, boxes, batches) => {
    const run = createRun(deps, boxes, await readSeenOf(tx, boxes, batches))
    const outcomes = batches.map(run.take)
    if (run.messages.length > 0) {
      await insertMessages(tx, run.messages)
      await insertSeen(tx, run.seen, run.nowMs + deps.rules.seenMs)
      deps.announce(tx, boxes.keys())
    }
    return outcomes
  }
}

async function readSeenOf(tx: Tx, boxes: BoxMap, batches: readonly Batch[]): Promise<Set<string>> {
  const wanted: Seen[] = []
  for (const batch of batches) {
    for (const { to, hash } of batch) wanted.push({ box: boxIn(boxes, to).id, hash: seenHash(hash) })
  }
  const seen = new Set<string>()
  for (const { box, hash } of await readSeen(tx, wanted)) seen.add(seenId(box, hash))
  return seen
}

/** A message that fits. */
interface Planned {
  readonly incoming: Incoming
  readonly box: Box
  readonly id: string
  readonly pseudonym: string
}

function createRun(deps: AppendDependencies, boxes: BoxMap, seenBefore: Set<string>) {
  const { rules, shares, vault, isAwaited } = deps
  const nowMs = deps.clock.now()
  const known = seenBefore
  const messages: NewMessage[] = []
  const seen: Seen[] = []
  // What this run has added to shares is told to `shares` as it is numbered, so that later batches see it.

  const isFull = (box: Box, pseudonym: string, bytes: number, own: { count: number; bytes: number }) => {
    if (box.count + 1 > rules.mailboxMessagesMax || box.bytes + bytes > rules.mailboxBytesMax) return true
    const share = shares.read(pseudonym, box.acked)
    return (
      share.count + own.count + 1 > rules.shareMessagesMax ||
      share.bytes + own.bytes + bytes > rules.shareBytesMax
    )
  }

  const plan = (batch: Batch): (Planned | 'duplicate')[] | undefined => {
    const planned: (Planned | 'duplicate')[] = []
    const own = new Map<string, { count: number; bytes: number }>()
    for (const incoming of batch) {
      const box = boxIn(boxes, incoming.to)
      const id = seenId(box.id, incoming.hash)
      if (known.has(id)) {
        planned.push('duplicate')
        continue
      }
      const bytes = incoming.blob.length
      const pseudonym = shares.pseudonym(box.id, incoming.origin)
      const mine = own.get(pseudonym) ?? { count: 0, bytes: 0 }
      if (isFull(box, pseudonym, bytes, mine)) {
        undo(planned)
        return undefined
      }
      own.set(pseudonym, { count: mine.count + 1, bytes: mine.bytes + bytes })
      known.add(id)
      box.count += 1
      box.bytes += bytes
      planned.push({ incoming, box, id, pseudonym })
    }
    return planned
  }
  const undo = (planned: readonly (Planned | 'duplicate')[]) => {
    for (const one of planned) {
      if (one === 'duplicate') continue
      known.delete(one.id)
      one.box.count -= 1
      one.box.bytes -= one.incoming.blob.length
    }
  }

  const store = ({ incoming, box, pseudonym }: Planned): Taken => {
    const { to, blob, hash, ref } = incoming
    const seq = Math.max(nowMs - box.shift, box.last + 1)
    box.last = seq
    shares.add(pseudonym, { seq, bytes: blob.length })
    messages.push({
      box: box.id,
      seq,
      hash,
      size: blob.length,
      given: isAwaited(to) ? box.shift : null,
      storedAt: nowMs,
      ...vault.seal(blob, hash, ref),
    })
    seen.push({ box: box.id, hash: seenHash(hash) })
    return { key: to, message: { box: box.id, seq, hash, bytes: blob.length } }
  }

  const take = (batch: Batch): BatchOutcome => {
    const planned = plan(batch)
    if (planned === undefined) return { kind: 'full' }
    return { kind: 'taken', messages: planned.map(one => (one === 'duplicate' ? one : store(one))) }
  }
  return { take, messages, seen, nowMs }
}

function boxIn(boxes: BoxMap, key: KeyHex): Box {
  const box = boxes.get(key)
  if (box === undefined) throw new Error('expected a mailbox for every recipient')
  return box
}

function seenHash(hash: Uint8Array): Uint8Array {
  return hash.subarray(0, seenHashBytes)
}

function seenId(box: number, hash: Uint8Array): string {
  return `${box}:${Buffer.from(hash.buffer, hash.byteOffset, seenHashBytes).toString('latin1')}`
}
