/**
 * The relay's settings: every constant of the seed under its own name (`maxBatchSize` is `SKREPKA_MAX_BATCH_SIZE`, and
 * `--maxBatchSize=…` on the command line), then ours.
 */
import { flag, integer, longSecret, oneOf, setting, text, type ValuesOf } from '../kernel/config.ts'
import { type ListenAddress, listenAddress, schemeText, serverName } from './config-parsers.ts'
import { meshSettings } from './mesh/config.ts'

const mebibyte = 1024 * 1024
const dayMs = 86_400_000

/** The environment's name of a constant: `maxBlobLen` is `SKREPKA_MAX_BLOB_LEN`. */
function environmentName(name: string): string {
  return `SKREPKA_${name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`
}

function number(name: string, doc: string, fallback: number, bounds: { min?: number; max?: number } = {}) {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = bounds
  return setting(integer({ min, max }), { name: environmentName(name), doc, fallback })
}

function yesNo(name: string, doc: string, fallback: boolean) {
  return setting(flag, { name: environmentName(name), doc, fallback })
}

function optional<T>(
  name: string,
  doc: string,
  parse: (input: string) => T,
  rest: { readonly example?: string; readonly secret?: boolean } = {},
) {
  return setting<T | undefined>(parse, {
    name: environmentName(name),
    doc,
    fallback: undefined,
    defaultText: 'not set',
    ...rest,
  })
}

/** The constants of the seed, with its values. Milliseconds unless their text says otherwise. */
const constants = {
  serverHost: optional(
    'serverHost',
    'The relay’s name among relays, `host` or `host:port`. Default: host and port of PUBLIC_URL.',
    serverName,
    { example: 'relay.example.org' },
  ),
  bindHost: optional(
    'bindHost',
    'The address of the relay’s own listener, with SKREPKA_LISTEN_PORT. SKREPKA_LISTEN says both at once.',
    text,
    { example: '127.0.0.1' },
  ),
  listenPort: optional(
    'listenPort',
    'The port of the relay’s own listener. SKREPKA_LISTEN says address and port at once.',
    integer({ min: 0, max: 65_535 }),
    { example: '8080' },
  ),
  federationScheme: setting(schemeText, {
    name: 'SKREPKA_FEDERATION_SCHEME',
    doc: 'What stands before the name of another relay in its address. `http://` is for relays of one machine.',
    fallback: 'https://',
  }),
  messageMaxAge: number('messageMaxAge', 'How long mail waits to be fetched.', 30 * dayMs, { min: 1 }),
  maxBlobLen: number('maxBlobLen', 'The longest message, in hex digits: two for each byte.', 40 * mebibyte, {
    min: 2,
  }),
  maxBatchSize: number('maxBatchSize', 'Messages of one call of /messages.', 100, { min: 1 }),
  maxGossipEvents: number('maxGossipEvents', 'Events of one call of /federation/gossip, in and out.', 100, {
    min: 1,
  }),
  maxPollEvents: number('maxPollEvents', 'Messages of one answer of /poll.', 50, { min: 1, max: 1000 }),
  maxForwardsPerServer: number(
    'maxForwardsPerServer',
    'Mail that waits to be forwarded to one other relay. What is above it waits in its mailbox.',
    2000,
    { min: 1 },
  ),
  maxServerNameLen: number('maxServerNameLen', 'Characters of another relay’s name.', 128, { min: 1 }),
  maxChallenges: number(
    'maxChallenges',
    'Pairs of an address and a key that may have open challenges at a time. Challenges themselves are not stored; this bounds the table that counts them.',
    10_000,
    { min: 1 },
  ),
  maxSessions: number(
    'maxSessions',
    'Sessions of the whole relay. At the bound a new one ends the oldest of the network that has most.',
    10_000,
    { min: 1 },
  ),
  maxChallengesPerKey: number(
    'maxChallengesPerKey',
    'Open challenges of one key from one address. By key alone, anybody could lock its owner out.',
    5,
    { min: 1 },
  ),
  maxSessionsPerKey: number('maxSessionsPerKey', 'Sessions of one key; a new one ends the oldest.', 10, {
    min: 1,
  }),
  challengeExpiry: number('challengeExpiry', 'How long a challenge can be answered.', 60_000, { min: 1 }),
  sessionExpiry: number('sessionExpiry', 'How long a token is good.', 3_600_000, { min: 1 }),
  onlineGossipTtl: number(
    'onlineGossipTtl',
    'How long another relay’s word that somebody is online is believed.',
    5_400_000,
    { min: 1 },
  ),
  maxForwardRetries: number(
    'maxForwardRetries',
    'Tries after which a forward rests until its recipient is announced again. The mail itself stays.',
    10,
    { min: 1 },
  ),
  retryBackoffBase: number('retryBackoffBase', 'The first pause after another relay failed.', 30_000, {
    min: 1,
  }),
  retryBackoffMax: number('retryBackoffMax', 'The longest such pause.', 480_000, { min: 1 }),
  forwardFailureMaxAge: number(
    'forwardFailureMaxAge',
    'After this long without a failure, another relay’s failures are forgotten.',
    dayMs,
    { min: 1 },
  ),
  backgroundPruneInterval: number('backgroundPruneInterval', 'How often what is over is swept.', 30_000, {
    min: 1,
  }),
  pollTimeoutMs: number('pollTimeoutMs', 'How long an empty poll is held.', 25_000),
  rateLimitWindow: number('rateLimitWindow', 'The window of every limit below.', 60_000, { min: 1 }),
  authRateLimit: number(
    'authRateLimit',
    'Calls each of /auth/challenge and /auth/verify in a window, by address and key together. 0: no limit.',
    10,
  ),
  pollRateLimit: number('pollRateLimit', 'Calls of /poll in a window, by token. 0: no limit.', 60),
  sendRateLimit: number('sendRateLimit', 'Calls of /messages in a window, by token. 0: no limit.', 60),
  gossipRateLimit: number(
    'gossipRateLimit',
    'Calls of /federation/gossip in a window, by address. 0: no limit.',
    60,
  ),
  forwardRateLimit: number(
    'forwardRateLimit',
    'Calls of /federation/forward in a window, by address. 0: no limit.',
    600,
  ),
  federationEnabled: yesNo('federationEnabled', 'Whether this relay speaks with others.', true),
}

/** Who asks, and how often. */
const guards = {
  requireBoundAuth: yesNo(
    'requireBoundAuth',
    'Refuses logins whose signature does not name this relay.',
    false,
  ),
  ipBinding: setting<'exact' | 'prefix' | 'off'>(oneOf(['exact', 'prefix', 'off']), {
    name: 'SKREPKA_IP_BINDING',
    doc: 'Whether a token works from the address alone that it was given to (`exact`), from its network (`prefix`: /24, in IPv6 /64), or from anywhere (`off`). Holds behind trusted proxies only.',
    fallback: 'exact',
  }),
  slidingSessions: yesNo(
    'slidingSessions',
    'Whether a token that polls stays good, for as long as the proof of its login.',
    false,
  ),
  singlePoll: yesNo(
    'singlePoll',
    'Whether a new poll ends the one that the same token has parked, with an empty page.',
    false,
  ),
  pollsPerSession: number(
    'pollsPerSession',
    'Polls and streams that one token may park; the oldest ends.',
    8,
    {
      min: 1,
    },
  ),
  addressRateLimit: number(
    'addressRateLimit',
    'Calls of any route in a window, by address, counted before their bodies are read. 0: no limit.',
    30_000,
  ),
  addressAuthRateLimit: number(
    'addressAuthRateLimit',
    'Calls each of /auth/challenge and /auth/verify in a window, by address. 0: no limit.',
    120,
  ),
  sendMessagesLimit: number(
    'sendMessagesLimit',
    'Messages in a window, by the key that sends them. 0: no limit.',
    6000,
  ),
  sendBytesLimit: number(
    'sendBytesLimit',
    'Bytes of mail in a window, by the key that sends them. 0: no limit.',
    256 * mebibyte,
  ),
  addressSendBytesLimit: number(
    'addressSendBytesLimit',
    'Bytes of mail in a window, by address. 0: no limit.',
    1024 * mebibyte,
  ),
}

/** What mailboxes hold. */
const mailboxes = {
  strictSeedAck: yesNo(
    'strictSeedAck',
    'Whether any cursor acknowledges all mail up to it, also one that this mailbox was never given.',
    false,
  ),
  mailboxMessagesMax: number('mailboxMessagesMax', 'Messages that wait in one mailbox.', 10_000, { min: 1 }),
  mailboxBytesMax: number('mailboxBytesMax', 'Bytes of mail that wait in one mailbox.', 256 * mebibyte, {
    min: 1,
  }),
  senderSharePercent: number(
    'senderSharePercent',
    'How much of a mailbox one sender, or one other relay, may fill.',
    10,
    { min: 1, max: 100 },
  ),
  seal: optional(
    'seal',
    'Seals mail at rest under this secret of at least 32 characters. Mail that was stored before stays readable; without the secret sealed mail does not. Halves the throughput.',
    longSecret,
    { secret: true },
  ),
}

/** The network: bodies in, a listener. What concerns other relays is the mesh's. */
const network = {
  listen: optional<ListenAddress>(
    'listen',
    'Also serves the relay on a listener of its own: `8080`, `127.0.0.1:8080` or `[::]:8080`.',
    listenAddress,
    { example: '127.0.0.1:8080' },
  ),
  httpMaxBodyBytes: number('httpMaxBodyBytes', 'Bytes of one request.', 44 * mebibyte, { min: 1024 }),
  bodyBytesInFlightMax: number(
    'bodyBytesInFlightMax',
    'Bytes of all requests that are being read or stored; above it they are sent away for a second.',
    256 * mebibyte,
    { min: mebibyte },
  ),
}

export const skrepkaSettings = { ...constants, ...guards, ...mailboxes, ...network, ...meshSettings }
export type SkrepkaSettings = ValuesOf<typeof skrepkaSettings>

/** Names that the command line takes as `--name=value`, each with its environment variable. `bindHost` to `federationEnabled` are the seed's. */
export const skrepkaFlags: ReadonlyMap<string, string> = new Map([
  ...Object.entries(skrepkaSettings).map(([name, { name: variable }]) => [name, variable] as const),
  ['http-max-body-bytes', skrepkaSettings.httpMaxBodyBytes.name],
])

/** The address of the relay's own listener, or undefined when it has none. */
export function ownListener({
  listen,
  bindHost,
  listenPort,
}: Pick<SkrepkaSettings, 'listen' | 'bindHost' | 'listenPort'>): ListenAddress | undefined {
  if (listen !== undefined) return listen
  if (bindHost === undefined && listenPort === undefined) return undefined
  return { host: bindHost ?? '0.0.0.0', port: listenPort ?? 8080 }
}
