import { type Leaf, startLeaf } from '../../server/test/support/leaf.ts'

/** Limits that are raised or off, as the report names them. */
export const raised: Readonly<Record<string, string>> = {
  SKREPKA_ADDRESS_RATE_LIMIT: '0',
  SKREPKA_ADDRESS_AUTH_RATE_LIMIT: '0',
  SKREPKA_AUTH_RATE_LIMIT: '0',
  SKREPKA_SEND_RATE_LIMIT: '0',
  SKREPKA_SEND_MESSAGES_LIMIT: '0',
  SKREPKA_SEND_BYTES_LIMIT: '0',
  SKREPKA_ADDRESS_SEND_BYTES_LIMIT: '0',
  SKREPKA_POLL_RATE_LIMIT: '0',
  SKREPKA_SENDER_SHARE_PERCENT: '100',
  SKREPKA_MAILBOX_MESSAGES_MAX: '100000000',
  SKREPKA_MAILBOX_BYTES_MAX: '1000000000000',
  SKREPKA_MAX_SESSIONS: '100000',
  SKREPKA_MAX_CHALLENGES: '100000',
}

export interface Relay {
  readonly leaf: Leaf
  readonly port: number
}

/** A whole Leaf that serves the relay only. */
export async function startRelay(env: Readonly<Record<string, string>> = {}): Promise<Relay> {
  const leaf = await startLeaf({
    env: { LEAF_SYSTEMS: 'skrepka', LEAF_LOG_LEVEL: 'warn', ...raised, ...env },
  })
  return { leaf, port: Number(new URL(leaf.url).port) }
}
