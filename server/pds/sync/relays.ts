/**
 * Relays: they are asked to crawl this server when it starts and after it has written, seldom enough for them, and what
 * each answered is kept. https://atproto.com/specs/sync
 */
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { SafeFetch } from '../../kernel/fetch.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import {
  claimRequest,
  deleteRelay,
  enableRelay,
  insertRelay,
  listRelays,
  type Relay,
  setAnswer,
} from '../database/relays.ts'
import { sequencerChannel } from '../database/sequencer.ts'

export interface RelaysOptions {
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly fetch: SafeFetch
  /** What relays are to connect to; undefined: nobody outside could, so that none is asked. */
  readonly hostname: string | undefined
  /** Relays of the configuration; they are added to the table at start. */
  readonly configured: readonly string[]
}

export interface Relays {
  list(): Promise<readonly Relay[]>
  /** Adds a relay and asks it to crawl. Throws Refusal 'invalid' for what is no address, 'conflict' for one that is there. */
  add(address: string): Promise<void>
  /** Throws Refusal 'missing'. */
  remove(host: string): Promise<void>
  /** A relay that is not enabled is not asked. Throws Refusal 'missing'. */
  enable(host: string, enabled: boolean): Promise<void>
  /** Asks every enabled relay whose time it is; never throws, what they answer is in `list`. */
  announce(): Promise<void>
  start(): Promise<void>
  /** Waits for answers that are under way, no longer than their time limit. */
  stop(): Promise<void>
}

/** A relay is asked once in this time; after a failure twice as late each time, up to the second bound. */
const requestEveryMs = 20 * 60_000
const backoffMsMax = 24 * 3_600_000
const requestTimeoutMs = 10_000
const relaysMax = 100
/** Characters of an answer that are kept. */
const answerLengthMax = 300

export function createRelays(options: RelaysOptions): Relays {
  const { database, clock, logger, hostname } = options
  const failures = new Map<string, number>()
  const underWay = new Set<Promise<void>>()
  let ends: (() => void)[] = []
  let nextDueMs = 0
  let isWritten = false

  const waitOf = (host: string) => Math.min(requestEveryMs * 2 ** (failures.get(host) ?? 0), backoffMsMax)

  const ask = async (host: string, publicName: string): Promise<void> => {
    const now = clock.now()
    const claimed = await database.write(tx => claimRequest(tx, host, now - waitOf(host), now))
    if (!claimed) return
    const { status, text } = await requestCrawl(options.fetch, host, publicName)
    if (status >= 200 && status < 300) failures.delete(host)
    else failures.set(host, (failures.get(host) ?? 0) + 1)
    logger[status >= 200 && status < 300 ? 'info' : 'warn'](
      { relay: host, status, answer: text },
      'a relay was asked to crawl',
    )
    await database.write(tx => setAnswer(tx, host, { status, text, at: clock.now() }))
  }

  const announce = async (): Promise<void> => {
    if (hostname === undefined) return
    isWritten = false
    try {
      const relays = (await database.read(listRelays)).filter(relay => relay.enabled)
      await Promise.all(relays.map(relay => ask(relay.host, hostname)))
      nextDueMs = clock.monotonic() + requestEveryMs
    } catch (error) {
      logger.warn({ error }, 'relays could not be asked; it is tried again after the next write')
    }
  }

  const announceInBackground = () => {
    const done: Promise<void> = announce().finally(() => underWay.delete(done))
    underWay.add(done)
  }

  // Called after every commit: so nothing but a look at the clock happens here.
  const onWrite = () => {
    if (hostname === undefined) return
    isWritten = true
    if (clock.monotonic() >= nextDueMs) {
      nextDueMs = clock.monotonic() + requestEveryMs
      announceInBackground()
    }
  }

  const change = async (host: string, act: () => Promise<boolean>): Promise<void> => {
    if (!(await act())) throw new Refusal('missing', `there is no relay ${host}`)
    failures.delete(host)
  }

  return {
    list: () => database.read(listRelays),
    add: async address => {
      const host = relayHost(address)
      await database.write(async tx => {
        const known = await listRelays(tx)
        if (known.some(relay => relay.host === host))
          throw new Refusal('conflict', `${host} is there already`)
        if (known.length >= relaysMax) throw new Refusal('invalid', `there may be ${relaysMax} relays`)
        await insertRelay(tx, host, clock.now())
      })
      announceInBackground()
    },
    remove: host => change(host, () => database.write(tx => deleteRelay(tx, host))),
    enable: async (host, enabled) => {
      await change(host, () => database.write(tx => enableRelay(tx, host, enabled)))
      if (enabled) announceInBackground()
    },
    announce,
    start: async () => {
      const hosts = options.configured.map(relayHost)
      await database.write(async tx => {
        for (const host of hosts) await insertRelay(tx, host, clock.now())
      })
      // A write that came between two times is told at the next.
      const onTime = () => {
        if (isWritten) onWrite()
      }
      ends = [database.listen(sequencerChannel, onWrite), clock.every(requestEveryMs, onTime)]
      nextDueMs = clock.monotonic() + requestEveryMs
      announceInBackground()
    },
    stop: async () => {
      for (const end of ends) end()
      await Promise.all(underWay)
    },
  }
}

async function requestCrawl(
  fetch: SafeFetch,
  host: string,
  hostname: string,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const { status, body } = await fetch(`${host}/xrpc/com.atproto.sync.requestCrawl`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ hostname }),
      timeoutMs: requestTimeoutMs,
      bytesMax: 64 * 1024,
    })
    return { status, text: tellable(Buffer.from(body).toString()) }
  } catch (error) {
    return { status: 0, text: tellable(error instanceof Error ? error.message : 'it could not be reached') }
  }
}

function tellable(text: string): string {
  return text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, answerLengthMax)
}

/** `https://bsky.network` of what people write: with or without scheme, path or slash. Throws Refusal 'invalid'. */
export function relayHost(address: string): string {
  const url = URL.parse(/^[a-z]+:\/\//i.test(address) ? address : `https://${address}`)
  const isWeb = url !== null && (url.protocol === 'https:' || url.protocol === 'http:')
  if (!isWeb || url.username !== '' || url.hostname === '') {
    throw new Refusal('invalid', `expected a relay's address such as https://bsky.network, got "${address}"`)
  }
  return url.origin
}
