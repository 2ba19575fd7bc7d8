/** Watches a world from outside, as its users and its network see it, and tells which invariant broke. */
import type { KeyHex, ServerName } from '../../server/skrepka/contract.ts'

/** Names of what must hold; the sentences are in `invariants`. */
export type Invariant = keyof typeof invariants

export const invariants = {
  I1: 'what a hardened relay answered 200 reaches its recipient, whichever hardened relay he polls',
  I2: 'what was acked to a relay never comes from it again',
  I3: 'cursors do not go back, pages are bounded, without doubles, and in the order of sending',
  I4: 'mail leaves only for where its key was shown to be, or within the budget',
  I5: 'tables are bounded',
  I6: 'what is delivered is what was sent, and to whom',
  I7: 'no client polls more than 70 times a minute for nothing',
  I8: 'a peer without proof does not get more than it gave',
  I9: 'no address outside the public is called',
  I10: 'the same seed takes the same course',
  I11: 'what was overheard logs nobody in',
  I12: 'honest relays do not refuse one another, and nothing is carried twice',
  I13: 'nobody is locked out by others',
  I14: 'a relay answers, whatever it is asked',
} as const

export interface Violation {
  readonly invariant: Invariant
  readonly what: string
  readonly atMs: number
}

/** A message as the world knows it. */
export interface SentMessage {
  readonly id: number
  readonly from: string
  readonly to: KeyHex
  readonly blob: string
  /** Relays that it was sent to: from one of them it may have come to another in another order. */
  readonly triedAt: Set<ServerName>
  /** Relays that answered 200 for it. */
  readonly takenBy: Set<ServerName>
}

/** A page that a client got, and what it had asked. */
export interface GivenPage {
  readonly user: KeyHex
  readonly relay: ServerName
  readonly askedAtMs: number
  readonly askedCursor: number
  readonly cursor: number
  readonly blobs: readonly string[]
}

export interface Oracle {
  readonly violations: readonly Violation[]
  violate(invariant: Invariant, what: string): void
  /** A client begins to send; the same blob again is the same message. */
  sending(from: string, to: KeyHex, blob: string): SentMessage
  taken(message: SentMessage, relay: ServerName): void
  /** Blobs that enemies made: nobody waits for them. */
  junk(blob: string): void
  page(page: GivenPage): void
  polled(user: KeyHex, relay: ServerName): void
  /** Who has what in the end; `settled` gives the hardened relay that somebody polls at last. */
  conclude(hardened: ReadonlySet<ServerName>, settled: ReadonlyMap<KeyHex, ServerName>): void
  /** When a blob was first given to its recipient. */
  receivedAtMs(message: SentMessage): number | undefined
  readonly messages: ReadonlyMap<string, SentMessage>
}

/** What one mailbox gave to its owner. */
interface Mailbox {
  lastCursor: number
  lastAskedMs: number
  readonly pages: { readonly cursor: number; readonly blobs: readonly string[] }[]
  /** Blob to when the poll was asked that acked it. */
  readonly acked: Map<string, number>
  readonly order: string[]
  readonly seen: Set<string>
}

const pageMax = 50
const pollsAMinuteMax = 70
/** Pages a mailbox's owner might still ack. */
const pagesKept = 8

/** `isHeld`: whether a relay is held to what ours promises. */
export function createOracle(nowMs: () => number, isHeld: (relay: ServerName) => boolean): Oracle {
  const violations: Violation[] = []
  const messages = new Map<string, SentMessage>()
  const enemies = new Set<string>()
  const mailboxes = new Map<string, Mailbox>()
  const received = new Map<string, number>()
  const polls = new Map<KeyHex, number[]>()

  const violate = (invariant: Invariant, what: string) =>
    void violations.push({ invariant, what, atMs: nowMs() })

  const mailboxOf = (user: KeyHex, relay: ServerName): Mailbox => {
    const name = `${user} ${relay}`
    let box = mailboxes.get(name)
    if (box === undefined) {
      box = { lastCursor: 0, lastAskedMs: -1, pages: [], acked: new Map(), order: [], seen: new Set() }
      mailboxes.set(name, box)
    }
    return box
  }

  // The relay that answers a poll has taken its ack before: not even in that very answer may the acked come again.
  const noteAck = (box: Mailbox, { askedCursor: cursor, askedAtMs }: GivenPage) => {
    const at = box.pages.findLastIndex(page => page.cursor === cursor)
    if (at < 0) return
    for (const page of box.pages.splice(0, at + 1))
      for (const blob of page.blobs) if (!box.acked.has(blob)) box.acked.set(blob, askedAtMs)
  }

  const checkBlob = (box: Mailbox, page: GivenPage, blob: string) => {
    const message = messages.get(blob)
    const at = `${blob.slice(0, 24)}… at ${page.relay}`
    if (message === undefined && !enemies.has(blob)) violate('I6', `unknown blob ${at}`)
    if (message !== undefined && message.to !== page.user) violate('I6', `somebody else’s blob ${at}`)
    const ackedAt = box.acked.get(blob)
    if (ackedAt !== undefined && ackedAt <= page.askedAtMs && isHeld(page.relay))
      violate('I2', `${message?.id ?? 'junk'} came again from ${page.relay}, acked at ${ackedAt}`)
    if (!box.seen.has(blob)) box.order.push(blob)
    box.seen.add(blob)
    if (!received.has(blob)) received.set(blob, nowMs())
  }

  return {
    violations,
    messages,
    violate,
    sending: (from, to, blob) => {
      const known = messages.get(blob)
      if (known !== undefined) return known
      const message: SentMessage = {
        id: messages.size + 1,
        from,
        to,
        blob,
        triedAt: new Set(),
        takenBy: new Set(),
      }
      messages.set(blob, message)
      return message
    },
    taken: (message, relay) => void message.takenBy.add(relay),
    junk: blob => void enemies.add(blob),
    page: page => {
      const box = mailboxOf(page.user, page.relay)
      noteAck(box, page)
      // A poll that brought something new was needed.
      if (page.blobs.some(blob => !box.seen.has(blob))) polls.get(page.user)?.pop()
      for (const blob of page.blobs) checkBlob(box, page, blob)
      const { blobs, cursor, relay } = page
      if (!isHeld(relay)) return
      if (blobs.length > pageMax) violate('I3', `a page of ${blobs.length} from ${relay}`)
      if (new Set(blobs).size !== blobs.length) violate('I3', `a blob twice in a page from ${relay}`)
      if (page.askedAtMs > box.lastAskedMs && cursor < box.lastCursor)
        violate('I3', `cursor ${cursor} after ${box.lastCursor} from ${relay}`)
      box.lastCursor = Math.max(box.lastCursor, cursor)
      box.lastAskedMs = nowMs()
      if (blobs.length > 0) box.pages.push({ cursor, blobs })
      if (box.pages.length > pagesKept) box.pages.shift()
    },
    polled: (user, relay) => {
      if (!isHeld(relay)) return
      const now = nowMs()
      const recent = (polls.get(user) ?? []).filter(at => at > now - 60_000)
      recent.push(now)
      polls.set(user, recent)
      if (recent.length === pollsAMinuteMax + 1)
        violate('I7', `${recent.length} polls in a minute for nothing`)
    },
    receivedAtMs: message => received.get(message.blob),
    conclude: (hardened, settled) => {
      for (const message of messages.values()) {
        if (!settled.has(message.to) || received.has(message.blob)) continue
        const by = [...message.takenBy].filter(relay => hardened.has(relay))
        if (by.length > 0)
          violate(
            'I1',
            `${message.id} of ${message.from}, taken by ${by.join()}, never came to ${message.to}`,
          )
      }
      for (const [name, box] of mailboxes) checkOrder(name, box)
    },
  }

  /** Of one sender’s messages that a mailbox’s relay itself took, the first appearances are in the order of sending. */
  function checkOrder(name: string, box: Mailbox): void {
    const relay = name.slice(name.indexOf(' ') + 1)
    if (!isHeld(relay)) return
    const last = new Map<string, number>()
    for (const blob of box.order) {
      const message = messages.get(blob)
      if (message === undefined || !message.takenBy.has(relay) || message.triedAt.size > 1) continue
      const before = last.get(message.from) ?? 0
      if (message.id < before) violate('I3', `${message.id} after ${before} from ${relay}`)
      last.set(message.from, Math.max(before, message.id))
    }
  }
}
