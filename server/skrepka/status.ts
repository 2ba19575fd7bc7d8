/** The relay's own line for the terminal and the home page, and its numbers. */
import type { SystemStatus } from '../kernel/lifecycle.ts'
import type { Metrics } from '../kernel/metrics.ts'
import type { Database } from '../kernel/storage/database.ts'
import { ownListener, type SkrepkaSettings } from './config.ts'
import type { ServerName } from './contract.ts'
import type { RelayCore } from './relay.ts'

interface StatusParts {
  readonly settings: SkrepkaSettings
  readonly serverHost: ServerName
  readonly database: Database
  readonly relay: RelayCore
}

/** Says who the relay is, whom it speaks with, and what waits. */
export function createStatus({
  settings,
  serverHost,
  database,
  relay,
}: StatusParts): () => Promise<SystemStatus> {
  const listener = ownListener(settings)
  const federation = settings.federationEnabled
    ? `federation on, policy ${settings.federationPolicy}`
    : 'federation off'
  const head = [
    `${serverHost}, ${federation}`,
    ...(listener === undefined ? [] : [`listener ${listener.host}:${listener.port}`]),
  ].join(', ')
  return async () => {
    const { mailboxes, pending, waiters, peers } = await relay.counts()
    const line = `${head}; ${many(pending, 'message')} in ${many(mailboxes, 'mailbox', 'mailboxes')}, ${many(waiters, 'poll')}, ${many(peers, 'peer')}`
    const readOnly = database.readOnly()
    return readOnly === undefined
      ? { ok: true, line }
      : { ok: false, line: `${line}; read-only: ${readOnly}` }
  }
}

function many(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : nouns}`
}

/** Numbers of the relay that cost nothing to tell. */
export function addMetrics(
  metrics: Metrics,
  parts: { readonly relay: RelayCore; readonly bodyBytes: () => number },
): void {
  const { relay } = parts
  metrics.gauge('leaf_skrepka_waiters', 'Polls and streams that wait for mail.', () => relay.load().waiters)
  metrics.gauge(
    'leaf_skrepka_sends_waiting',
    'Sends that wait for their transaction.',
    () => relay.load().sends,
  )
  metrics.gauge(
    'leaf_skrepka_body_bytes',
    'Bytes of requests that are being read or stored.',
    parts.bodyBytes,
  )
  metrics.gauge(
    'leaf_skrepka_mailboxes',
    'Mailboxes with mail, when last counted.',
    () => relay.load().mailboxes,
  )
  metrics.gauge('leaf_skrepka_pending', 'Messages that wait, when last counted.', () => relay.load().pending)
  metrics.gauge('leaf_skrepka_pending_bytes', 'Bytes that wait, when last counted.', () => relay.load().bytes)
}
