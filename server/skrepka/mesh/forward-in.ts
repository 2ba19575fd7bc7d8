/** `POST /federation/forward` and `POST /skrepka/forward`: mail that peers bring for keys that are online here. */
import { createHash } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import type { AppendOutcome, Incoming, KeyHex, Mailboxes, ServerName } from '../contract.ts'
import { noteTaken } from './forward-store.ts'
import { locksOf } from './locks.ts'
import { elsewhere, isHere, markStaged } from './presence-store.ts'
import type { ForwardedMessage, ForwardResult } from './wire.ts'

/** Who brings it. */
export interface Bringer {
  /** The peer's name, as it says; undefined: it says none, or one that we do not know. */
  readonly claimed: ServerName | undefined
  /** Whether it showed that the name is its own. */
  readonly proven: boolean
  readonly address: string
}

/** Blobs below this surely lie in their rows. */
const stowedBytesMin = 16 * 1024

export interface ForwardInOptions {
  readonly clock: Clock
  readonly database: Database
  readonly mailboxes: Pick<Mailboxes, 'append' | 'stow' | 'wake'>
}

/** Takes mail in, all of it in one transaction; what became of each message, in their order. */
export type ForwardIn = (
  messages: readonly ForwardedMessage[],
  from: Bringer,
) => Promise<readonly ForwardResult[]>

export function createForwardIn({ clock, database, mailboxes }: ForwardInOptions): ForwardIn {
  /** Mail is brought to where its recipient is by the relay that got it from its sender, so it goes no further from here. */
  const note = async (tx: Tx, incoming: Incoming, outcome: AppendOutcome, from: Bringer): Promise<void> => {
    if (outcome.kind !== 'stored') return
    const { to: key, hash, blob } = incoming
    const message = { box: outcome.box, seq: outcome.seq, hash, bytes: blob.length }
    const nowMs = clock.now()
    for (const place of (await elsewhere(tx, [key], nowMs)).get(key) ?? []) {
      if (place.behind || place.staged >= outcome.seq) continue
      await markStaged(tx, { ...place, key, staged: outcome.seq })
    }
    // Whoever brought it has it: it is not carried back.
    if (from.claimed !== undefined) await noteTaken(tx, { server: from.claimed, key, message, nowMs })
  }

  return async (messages, from) => {
    const hashed: (Pick<Incoming, 'to' | 'blob' | 'hash'> & { readonly ref?: string })[] = []
    for (const { key, blob } of messages) {
      const hash = createHash('sha256').update(blob).digest()
      // Only mail for somebody who is here is worth a place in the blob store.
      const isLarge = blob.length >= stowedBytesMin && (await isHere(database.direct, key, clock.now()))
      const ref = isLarge ? await mailboxes.stow(blob, hash) : undefined
      hashed.push(ref === undefined ? { to: key, blob, hash } : { to: key, blob, hash, ref })
    }
    const server = from.proven ? from.claimed : undefined
    const origin = { kind: 'peer', server, address: from.address, proven: from.proven } as const
    const woken = new Set<KeyHex>()
    const results = await database.write(
      async tx => {
        woken.clear()
        const here = new Map<KeyHex, boolean>()
        for (const { to } of hashed) if (!here.has(to)) here.set(to, await isHere(tx, to, clock.now()))
        const wanted = hashed.filter(({ to }) => here.get(to) === true).map(one => ({ ...one, origin }))
        const outcomes = wanted.length === 0 ? [] : await mailboxes.append(tx, wanted)
        for (const [index, incoming] of wanted.entries()) {
          const outcome = outcomes[index]
          if (outcome?.kind !== 'stored') continue
          woken.add(incoming.to)
          await note(tx, incoming, outcome, from)
        }
        let next = 0
        return hashed.map(({ to }): ForwardResult => {
          if (here.get(to) !== true) return { status: 'no_presence' }
          return resultOf(outcomes[next++])
        })
      },
      locksOf(hashed.map(one => one.to)),
    )
    if (woken.size > 0) mailboxes.wake([...woken])
    return results
  }
}

function resultOf(outcome: AppendOutcome | undefined): ForwardResult {
  if (outcome?.kind === 'full') return { retryAfterMs: outcome.retryAfterMs, status: 'mailbox_full' }
  return { status: outcome?.kind === 'duplicate' ? 'duplicate' : 'stored' }
}
