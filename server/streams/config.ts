/** The settings of streams: upstream's and the seed's names, and ours. */
import {
  type ConfigFault,
  flag,
  integer,
  type Mode,
  oneOf,
  setting,
  text,
  type ValuesOf,
} from '../kernel/config.ts'
import { isLoopback } from '../kernel/http/host.ts'
import { type ListenAddress, listenAddress } from '../kernel/http/listen-address.ts'
import type { Did } from '../kernel/identity/types.ts'
import { type ActorLimits, actorLimits, did, dids } from './config-parsers.ts'

const mebibyte = 1024 * 1024

/** A whole number with a default. */
function number(name: string, doc: string, fallback: number, bounds: { min?: number; max?: number } = {}) {
  const { min = 1, max = Number.MAX_SAFE_INTEGER } = bounds
  return setting(integer({ min, max }), { name, doc, fallback })
}

/** A list of DIDs, empty by default. */
function didList(name: string, doc: string, aliases: readonly string[] = []) {
  return setting<readonly Did[]>(dids, { name, doc, aliases, fallback: [], defaultText: 'none' })
}

/** Who is asking, and where. */
const identity = {
  did: setting<Did | undefined>(did, {
    name: 'STREAMS_DID',
    aliases: ['DID'],
    doc: 'The DID that service tokens for streams name as their audience, and whom the unsafe token makes of its bearer.',
    fallback: undefined,
    defaultText: 'did:web of the public host name',
    example: 'did:web:leaf.example.org',
  }),
  listen: setting<ListenAddress | undefined>(listenAddress, {
    name: 'STREAMS_LISTEN',
    aliases: ['LISTEN_ADDRESS'],
    doc: 'Also serves streams on a listener of their own: `5530`, `127.0.0.1:5530` or `[::]:5530`.',
    fallback: undefined,
    defaultText: 'not set: streams are served on the one port only',
    example: '127.0.0.1:5530',
  }),
  unsafeAuthToken: setting<string | undefined>(text, {
    name: 'UNSAFE_AUTH_TOKEN',
    doc: 'Whoever connects with this token is the server itself: lists all streams, and sends events in the name of others. For services of the operator. In production at least 32 characters.',
    fallback: undefined,
    defaultText: 'none',
    secret: true,
    example: '<32 characters or more>',
  }),
  requireAudience: setting(flag, {
    name: 'STREAMS_REQUIRE_AUDIENCE',
    doc: 'Whether a service token must say for whom it is (`aud`). Without it a token that was made for another server is good here too.',
    fallback: true,
  }),
  requireMethod: setting(flag, {
    name: 'STREAMS_REQUIRE_METHOD',
    doc: 'Whether a service token must say for what it is (`lxm`, town.muni.leaf.authenticate). One that says something else is always refused.',
    fallback: false,
  }),
  create: setting<'anyone' | 'members'>(oneOf(['anyone', 'members']), {
    name: 'STREAMS_CREATE',
    doc: 'Who may create streams: anyone who is signed in, or those with an account on this server and those in STREAMS_ALLOW.',
    fallback: { development: 'anyone', production: 'members' },
  }),
  allow: didList('STREAMS_ALLOW', 'DIDs that may create streams though they have no account here.'),
  block: didList('STREAMS_BLOCK', 'DIDs that may neither create streams nor upload modules.'),
  moduleAdmins: didList('STREAMS_MODULE_ADMINS', 'DIDs that may change the module of every stream.', [
    'MODULE_ADMINS',
  ]),
}

/** The seed's throttles. */
const throttles = {
  throttleWindowSecs: number(
    'THROTTLE_WINDOW_SECS',
    'Seconds of the window in which creations and subscriptions of one actor are counted. It begins with the first of them.',
    30,
    { max: 86_400 },
  ),
  createLimit: number(
    'STREAM_CREATE_LIMIT_PER_WINDOW',
    'Attempts of one actor to create a stream in a window. An actor is a DID, or one anonymous connection.',
    8,
  ),
  subscribeLimit: number(
    'STREAM_SUBSCRIBE_LIMIT_PER_WINDOW',
    'Attempts of one actor to subscribe in a window.',
    20,
  ),
  activeMax: number(
    'MAX_ACTIVE_SUBSCRIPTIONS_PER_ACTOR',
    'Subscriptions that one actor may have at the same time.',
    64,
  ),
  throttleOverrides: setting<ReadonlyMap<string, ActorLimits>>(actorLimits, {
    name: 'STREAMS_THROTTLE_OVERRIDES',
    doc: 'Other throttles for some DIDs, separated by commas: `did=creates/subscribes/active`, or `did=off`.',
    fallback: new Map(),
    defaultText: 'none',
    example: 'did:web:bridge.example.org=100/5000/5000',
  }),
  anonymousAddressFactor: number(
    'STREAMS_ANONYMOUS_ADDRESS_FACTOR',
    'Anonymous connections of one address together may create and subscribe so many times as often as one actor.',
    10,
    { max: 1_000_000 },
  ),
}

/** What connections may hold, before and after anything is parsed. */
const connections = {
  connectionsMax: number('STREAMS_CONNECTIONS_MAX', 'Connections at the same time.', 10_000),
  connectionsPerAddressMax: number(
    'STREAMS_CONNECTIONS_PER_ADDRESS_MAX',
    'Connections of one address at the same time.',
    500,
  ),
  inFlightBytesMax: number(
    'STREAMS_IN_FLIGHT_BYTES_MAX',
    'Bytes that are being received or worked on, of all connections together.',
    256 * mebibyte,
    { min: mebibyte },
  ),
  inFlightBytesPerAddressMax: number(
    'STREAMS_IN_FLIGHT_BYTES_PER_ADDRESS_MAX',
    'Bytes that are being received or worked on, of all connections of one address.',
    64 * mebibyte,
    { min: mebibyte },
  ),
  unsentBytesMax: number(
    'STREAMS_UNSENT_BYTES_MAX',
    'Bytes that may wait for one connection to take them; one that lets more pile up is closed.',
    32 * mebibyte,
    { min: mebibyte },
  ),
  readLimit: number('STREAMS_READ_LIMIT', 'Requests over HTTP that one address may make in a minute.', 600),
  liveReadersMax: number(
    'STREAMS_LIVE_READERS_MAX',
    'Readers over HTTP that may wait for events at the same time.',
    1000,
  ),
  liveReadersPerAddressMax: number(
    'STREAMS_LIVE_READERS_PER_ADDRESS_MAX',
    'Readers of one address that may wait for events at the same time.',
    50,
  ),
}

/** What streams, their modules and the SQL of modules may take. */
const streams = {
  moduleBytesMax: number('STREAMS_MODULE_BYTES_MAX', 'Bytes of a module.', 10 * mebibyte, {
    max: 10 * mebibyte,
  }),
  batchEventsMax: number('STREAMS_BATCH_EVENTS_MAX', 'Events of one batch.', 750, { max: 100_000 }),
  batchBytesMax: number('STREAMS_BATCH_BYTES_MAX', 'Bytes of the events of one batch.', 2 * mebibyte, {
    max: 12 * mebibyte,
  }),
  streamsPerOwnerMax: number(
    'STREAMS_PER_OWNER_MAX',
    'Streams of one owner, unless an operator gave her another quota.',
    100,
  ),
  bytesPerOwnerMax: number(
    'STREAMS_BYTES_PER_OWNER_MAX',
    'Bytes in all streams of one owner, unless an operator gave her another quota.',
    1024 * mebibyte,
  ),
  queryMsMax: number('STREAMS_QUERY_MS_MAX', 'How long one query may run.', 1000, { max: 600_000 }),
  batchMsMax: number('STREAMS_BATCH_MS_MAX', 'How long the SQL for one batch of events may run.', 2000, {
    max: 600_000,
  }),
  answerRowsMax: number('STREAMS_ANSWER_ROWS_MAX', 'Rows of one answer.', 10_000, { max: 1_000_000 }),
  answerBytesMax: number('STREAMS_ANSWER_BYTES_MAX', 'Bytes of one answer.', 8 * mebibyte, {
    max: 64 * mebibyte,
  }),
  hostsMax: number('STREAMS_HOSTS_MAX', 'Processes that run the SQL of modules. 0: one for each core.', 0, {
    min: 0,
    max: 256,
  }),
  hostMemoryBytes: number(
    'STREAMS_HOST_MEMORY_BYTES',
    'Memory that the SQL in one of these processes may take beyond what the process itself needs.',
    512 * mebibyte,
    { min: 64 * mebibyte },
  ),
  openStreamsMax: number(
    'STREAMS_OPEN_MAX',
    'Streams that one of these processes keeps open; the one used longest ago is closed.',
    200,
    { max: 10_000 },
  ),
}

export const streamsSettings = { ...identity, ...throttles, ...connections, ...streams }
export type StreamsSettings = ValuesOf<typeof streamsSettings>

const unsafeCharactersMin = 32

/** What no single setting can see. */
export function checkStreamsSettings(settings: StreamsSettings, mode: Mode, faults: ConfigFault[]): void {
  const { unsafeAuthToken, listen } = settings
  if (mode === 'production') {
    if (unsafeAuthToken !== undefined && unsafeAuthToken.length < unsafeCharactersMin) {
      faults.push({
        name: streamsSettings.unsafeAuthToken.name,
        sentence: `expected at least ${unsafeCharactersMin} characters in production, got ${unsafeAuthToken.length}`,
      })
    }
    return
  }
  if (listen !== undefined && !isLoopback(listen.host)) {
    faults.push({
      name: streamsSettings.listen.name,
      sentence: `development mode listens on this machine only, not on ${listen.host}: take 127.0.0.1:${listen.port}. To serve others, set PUBLIC_URL to an https address.`,
    })
  }
}

/** Upstream's flags that are settings of streams, with their variables: `--unsafe-auth-token` and so on. */
export const streamsFlags: ReadonlyMap<string, string> = new Map([
  ['did', 'DID'],
  ['listen-address', 'LISTEN_ADDRESS'],
  ['unsafe-auth-token', 'UNSAFE_AUTH_TOKEN'],
  ['module-admins', 'MODULE_ADMINS'],
  ['throttle-window-secs', 'THROTTLE_WINDOW_SECS'],
  ['stream-create-limit-per-window', 'STREAM_CREATE_LIMIT_PER_WINDOW'],
  ['stream-subscribe-limit-per-window', 'STREAM_SUBSCRIBE_LIMIT_PER_WINDOW'],
  ['max-active-subscriptions-per-actor', 'MAX_ACTIVE_SUBSCRIPTIONS_PER_ACTOR'],
])
