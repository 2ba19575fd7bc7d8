/** Puts the mailboxes together. */
import type { Tx } from '../../kernel/storage/database.ts'
import type { KeyHex, Mailboxes, Mesh, RelayDependencies } from '../contract.ts'
import { createAnnouncer } from './announcer.ts'
import { createAppend } from './append.ts'
import { createBoxes } from './boxes.ts'
import { createCollector } from './collect.ts'
import { createEvents } from './events.ts'
import { createExpiry } from './expiry.ts'
import { createMailboxes } from './mailboxes.ts'
import { createPoll } from './poll.ts'
import { createSendLane } from './send-lane.ts'
import { createShares } from './shares.ts'
import { createVault } from './vault.ts'
import { createWaiters } from './waiters.ts'

/** Bytes of blobs of a page; and of one that is answered in one piece. */
const pageBytesMax = 8 * 1024 * 1024
const smallPageBytesMax = 512 * 1024
/** Mail comes back from other relays for as long as they believe old gossip. */
const seenMarginMs = 90 * 60_000

/** `meshOf` builds the mesh on these mailboxes. */
export function createMailRoom<OwnMesh extends Mesh>(
  deps: Pick<RelayDependencies, 'settings' | 'database' | 'blobs' | 'clock' | 'random' | 'log' | 'sealer'>,
  meshOf: (mailboxes: Mailboxes) => OwnMesh,
) {
  const { settings, database, blobs, clock, random, log } = deps
  const { messageMaxAge } = settings
  const share = settings.senderSharePercent / 100
  const rules = {
    mailboxMessagesMax: settings.mailboxMessagesMax,
    mailboxBytesMax: settings.mailboxBytesMax,
    shareMessagesMax: Math.max(1, Math.floor(settings.mailboxMessagesMax * share)),
    // One message of the largest size always fits.
    shareBytesMax: Math.max(settings.maxBlobLen / 2, Math.floor(settings.mailboxBytesMax * share)),
    seenMs: messageMaxAge + seenMarginMs,
  }
  const boxes = createBoxes({ database })
  const polls = createWaiters({ clock })
  const streams = createWaiters({ clock })
  const isAwaited = (key: KeyHex) => polls.isAwaited(key) || streams.isAwaited(key)
  const wake = (key: KeyHex) => {
    polls.wake(key)
    streams.wake(key)
  }
  const vault = createVault({ blobs, sealer: deps.sealer, clock, random, log })
  const shares = createShares({ clock, countMax: rules.shareMessagesMax })
  const announcer = createAnnouncer(database, isMeant => {
    polls.wakeThose(isMeant)
    streams.wakeThose(isMeant)
  })
  const append = createAppend({ rules, clock, shares, vault, isAwaited, announce: announcer.note })
  const mailboxes: Mailboxes = {
    ...createMailboxes({ database, clock, boxes, append, vault, wake, messageMaxAge }),
    release: mail => expiry.release(mail),
  }
  const mesh = meshOf(mailboxes)
  const forget = (tx: Tx, box: number, seqs: readonly number[]) => mesh.forget(tx, box, seqs)
  const expiry = createExpiry({ database, blobs, vault, boxes, clock, messageMaxAge, forget })
  const collector = createCollector({
    rules: {
      strictSeedAck: settings.strictSeedAck,
      eventsMax: settings.maxPollEvents,
      bytesMax: pageBytesMax,
      smallBytesMax: smallPageBytesMax,
      messageMaxAge,
    },
    clock,
    boxes,
    forget,
    dropBlobs: vault.drop,
    acked: streams.wake,
  })
  const lane = createSendLane({
    isOnlyWriter: database.engine === 'sqlite',
    boxes,
    append,
    stage: (tx, stored) => mesh.stage(tx, stored),
    stored: (messages, servers) => {
      for (const { key } of messages) wake(key)
      if (servers.length > 0) mesh.deliver(servers)
    },
  })
  return {
    mailboxes,
    mesh,
    collector,
    lane,
    vault,
    poll: createPoll({
      clock,
      boxes,
      collector,
      waiters: polls,
      timeoutMs: settings.pollTimeoutMs,
      perSessionMax: settings.singlePoll ? 1 : settings.pollsPerSession,
    }),
    events: createEvents({ clock, boxes, collector, waiters: streams }),
    expiry,
    waiting: () => polls.count() + streams.count(),
    start: announcer.start,
    stop: () => {
      announcer.stop()
      polls.stop()
      streams.stop()
    },
  }
}
