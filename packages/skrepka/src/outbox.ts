/** What leaves: sealed once, stored, and offered to each relay in order until it takes it or the time is over. */
import { batchMessagesMax, type OutgoingMessage } from './wire.ts'
import type { Draft } from './draft.ts'
import { SkrepkaError } from './errors.ts'
import { collections, type Outgoing, readOutgoing } from './records.ts'
import type { Store, StoreItem } from './store.ts'

/** Messages that wait to be sent; receipts and profiles stay away earlier than they crowd them out. */
export const outboxMax = 2000
const outboxQuietMax = 1000
/** Relays to which one blob is offered. */
export const targetsMax = 8
/** Bytes of blobs in one request, as long as there are several. */
const batchBytesMax = 4 * 1024 * 1024
/** As long as relays keep mail. */
const waitMsMax = 30 * 24 * 3600_000
/** Once one relay has it, the others get this long. */
const moreMsMax = 24 * 3600_000
const pageSize = 200

export interface Batch {
  readonly keys: readonly string[]
  readonly messages: readonly OutgoingMessage[]
}

/** Puts a sealed blob into the outbox. Rejects with 'too-much' when it is full. */
export async function enqueue(options: {
  readonly draft: Draft
  readonly store: Store
  readonly key: string
  readonly to: string
  readonly blob: Uint8Array
  readonly targets: readonly string[]
  readonly at: number
  readonly messageKey: string | undefined
}): Promise<void> {
  const { draft, key, blob, ...rest } = options
  const most = options.messageKey === undefined ? outboxQuietMax : outboxMax
  const waiting = await options.store.list(collections.outbox, { limit: most })
  if (waiting.length >= most) {
    throw new SkrepkaError(
      'too-much',
      `expected at most ${most} messages that wait for a relay, got one more`,
    )
  }
  const outgoing: Outgoing = {
    to: rest.to,
    blobBytes: blob.length,
    targets: rest.targets.slice(0, targetsMax),
    at: rest.at,
    messageKey: rest.messageKey,
    accepted: false,
  }
  draft.put(collections.outbox, key, outgoing)
  draft.put(collections.outboxBlobs, key, blob)
}

/** The next blobs for a relay, in order; undefined when there are none. */
export async function nextBatch(store: Store, target: string): Promise<Batch | undefined> {
  const keys: string[] = []
  const messages: OutgoingMessage[] = []
  let bytes = 0
  for await (const { key, outgoing } of eachOutgoing(store)) {
    if (!outgoing.targets.includes(target)) continue
    if (
      messages.length > 0 &&
      (messages.length === batchMessagesMax || bytes + outgoing.blobBytes > batchBytesMax)
    )
      break
    const blob = await store.get(collections.outboxBlobs, key)
    if (!(blob instanceof Uint8Array)) continue
    keys.push(key)
    messages.push({ to: outgoing.to, blob })
    bytes += blob.length
  }
  return messages.length === 0 ? undefined : { keys, messages }
}

/** The relays that somebody's blobs still wait for. */
export async function waitingTargets(store: Store): Promise<ReadonlySet<string>> {
  const targets = new Set<string>()
  for await (const { outgoing } of eachOutgoing(store))
    for (const target of outgoing.targets) targets.add(target)
  return targets
}

/** What became of blobs at a relay: taken, or refused for good. */
export async function settle(
  draft: Draft,
  keys: readonly string[],
  target: string,
  taken: boolean,
): Promise<void> {
  for (const key of keys) {
    const outgoing = readOutgoing(await draft.get(collections.outbox, key))
    if (outgoing === undefined) continue
    const targets = outgoing.targets.filter(name => name !== target)
    const accepted = outgoing.accepted || taken
    if (targets.length > 0) draft.put(collections.outbox, key, { ...outgoing, targets, accepted })
    else drop(draft, key)
    if (taken && !outgoing.accepted) await markMessage(draft, outgoing, 'sent')
    else if (!accepted && targets.length === 0) await markMessage(draft, outgoing, 'failed')
  }
}

/** What no relay has taken yet goes to other relays: ours have changed. */
export async function retarget(
  draft: Draft,
  store: Store,
  change: { readonly before: readonly string[]; readonly after: readonly string[] },
): Promise<void> {
  for await (const { key, outgoing } of eachOutgoing(store)) {
    const kept = outgoing.targets.filter(name => !change.before.includes(name))
    const targets = [...new Set([...(outgoing.accepted ? [] : change.after), ...kept])].slice(0, targetsMax)
    if (targets.length === 0 && outgoing.accepted) drop(draft, key)
    else draft.put(collections.outbox, key, { ...outgoing, targets })
  }
}

/** Gives up what has waited too long. */
export async function expireOutbox(draft: Draft, store: Store, now: number): Promise<void> {
  for await (const { key, outgoing } of eachOutgoing(store)) {
    if (now - outgoing.at < (outgoing.accepted ? moreMsMax : waitMsMax)) continue
    drop(draft, key)
    if (!outgoing.accepted) await markMessage(draft, outgoing, 'failed')
  }
}

/** Takes out of the outbox all that is for somebody. */
export async function dropOutgoing(draft: Draft, store: Store, to: string): Promise<void> {
  for await (const { key, outgoing } of eachOutgoing(store)) if (outgoing.to === to) drop(draft, key)
}

function drop(draft: Draft, key: string): void {
  draft.remove(collections.outbox, key)
  draft.remove(collections.outboxBlobs, key)
}

async function markMessage(draft: Draft, { messageKey }: Outgoing, state: 'sent' | 'failed'): Promise<void> {
  const message = messageKey === undefined ? undefined : await draft.message(messageKey)
  if (messageKey === undefined || message === undefined || message.state === 'delivered') return
  draft.put(collections.messages, messageKey, { ...message, state })
  draft.touch(message.peer)
}

async function* eachOutgoing(
  store: Store,
): AsyncGenerator<{ readonly key: string; readonly outgoing: Outgoing }> {
  let page: readonly StoreItem[] = []
  do {
    const after = page.at(-1)?.key
    page = await store.list(collections.outbox, {
      ...(after === undefined ? {} : { after }),
      limit: pageSize,
    })
    for (const { key, value } of page) {
      const outgoing = readOutgoing(value)
      if (outgoing !== undefined) yield { key, outgoing }
    }
  } while (page.length === pageSize)
}
