/** Our mailbox on one relay: its cursor is kept in the same change as what its page brought. */
import type { Core } from './core.ts'
import { applyPage, openPage } from './inbox.ts'
import { payloadLimits } from './payload.ts'
import { collections } from './records.ts'
import type { PageAnswer } from './wire.ts'

export interface Mailbox {
  /** What was last shown to us and is durable here; 0 before the first page. */
  cursor(): Promise<number>
  /** Keeps a page, and says to its senders that it arrived. Durable when it resolves. */
  keep(page: PageAnswer): Promise<void>
}

/** The mailbox on the relay of that name. */
export function createMailbox(core: Core, name: string): Mailbox {
  const cursor = async () => {
    const kept = await core.store.get(collections.cursors, name)
    return typeof kept === 'number' ? kept : 0
  }
  const keep = async (page: PageAnswer) => {
    if (page.blobs.length === 0 && page.cursor === (await cursor())) return
    const opened = await openPage(page.blobs, core.identity)
    await core.change(async draft => {
      const { store, nextAt, keyOf } = core
      const receipts = await applyPage({ draft, store, opened, ownKey: core.identity.key, nextAt, keyOf })
      for (const [peer, ids] of receipts) {
        const contact = await draft.contact(peer)
        if (contact === undefined) continue
        for (let at = 0; at < ids.length; at += payloadLimits.ackIds) {
          const ackIds = ids.slice(at, at + payloadLimits.ackIds)
          await core.postQuietly(draft, {
            contact,
            payload: { type: 'delivery.ack', ackIds, ts: core.clock.now() },
          })
        }
      }
      draft.put(collections.cursors, name, page.cursor)
    })
  }
  return { cursor, keep }
}
