/** What the mesh sees of mailboxes. */
import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/storage/database.ts'
import type { AppendOutcome, KeyHex, Mailboxes } from '../contract.ts'
import { readBox } from '../database/mailboxes.ts'
import { readHeads, readMessage } from '../database/messages.ts'
import type { Append, BatchOutcome } from './append.ts'
import type { Boxes } from './boxes.ts'
import type { Vault } from './vault.ts'

/** When to try again to put mail into a mailbox that is full. */
export const fullRetryMs = 300_000

export function createMailboxes(deps: {
  readonly database: Database
  readonly clock: Clock
  readonly boxes: Boxes
  readonly append: Append
  readonly vault: Vault
  readonly wake: (key: KeyHex) => void
  readonly messageMaxAge: number
}): Omit<Mailboxes, 'release'> {
  const { database, clock, boxes, append, vault, wake } = deps
  return {
    append: async (tx, messages) => {
      const keys = new Set(messages.map(one => one.to))
      const outcomes = await boxes.changeIn(tx, keys, map =>
        append(
          tx,
          map,
          messages.map(one => [one]),
        ),
      )
      return outcomes.map(outcomeOf)
    },
    wake: keys => {
      for (const key of keys) wake(key)
    },
    boxOf: async (tx, key) => (await readBox(tx, key))?.id,
    pending: async (tx, box, after, limit) => {
      const heads = await readHeads(tx, { box, after, storedAfter: clock.now() - deps.messageMaxAge, limit })
      return heads.map(({ seq, hash, size }) => ({ box, seq, hash, bytes: size }))
    },
    blob: async (box, seq) => {
      const row = await readMessage(database.direct, box, seq)
      if (row === undefined || row.stored_at <= clock.now() - deps.messageMaxAge) return undefined
      return vault.open(row)
    },
    stow: vault.stow,
  }
}

function outcomeOf(outcome: BatchOutcome): AppendOutcome {
  if (outcome.kind === 'full') return { kind: 'full', retryAfterMs: fullRetryMs }
  const [taken] = outcome.messages
  if (taken === undefined || taken === 'duplicate') return { kind: 'duplicate' }
  return { kind: 'stored', box: taken.message.box, seq: taken.message.seq }
}
