import { isIP } from 'node:net'
import {
  type ConfigFault,
  flag,
  httpUrl,
  integer,
  list,
  longSecret,
  type Mode,
  oneOf,
  required,
  setting,
  text,
  type ValuesOf,
} from './config.ts'
import { isLoopback } from './http/host.ts'
import { createProxyTrust } from './http/proxies.ts'
import { type LogLevel, logLevels } from './log.ts'
import type { S3Settings } from './storage/s3-client.ts'

/** The systems a house may have. */
export const systemNames = ['pds', 'streams', 'entities', 'skrepka'] as const
export type SystemName = (typeof systemNames)[number]

const port = integer({ min: 0, max: 65_535 })

const systemList = (input: string): readonly SystemName[] => [...new Set(list(input).map(oneOf(systemNames)))]

const addressList = (input: string): readonly string[] =>
  list(input).map(address => {
    const bare = address.replace(/^\[(.*)\]$/, '$1')
    if (isIP(bare) === 0) throw new Error(`expected IP addresses, got "${address}"`)
    return bare
  })

const proxyList = (input: string): readonly string[] => {
  const networks = input === 'none' ? [] : list(input)
  createProxyTrust(networks)
  return networks
}

const urlOf =
  (protocols: readonly string[], example: string) =>
  (input: string): string => {
    const url = URL.parse(input)
    // The address itself may hold a password, so it is not repeated.
    if (url === null || !protocols.includes(url.protocol))
      throw new Error(`expected an address like ${example}`)
    return input
  }
const postgresUrl = urlOf(['postgres:', 'postgresql:'], 'postgres://user:password@host/name')
const redisUrl = urlOf(['redis:', 'rediss:'], 'redis://host:6379')

/** The house's own settings; each system has a table of its own. */
export const houseSettings = {
  dataDir: setting(text, {
    name: 'LEAF_DATA_DIR',
    aliases: ['DATA_DIR'],
    doc: 'The folder that holds everything Leaf keeps: the database and the blobs. Back it up.',
    fallback: './data',
  }),
  systems: setting<readonly SystemName[]>(systemList, {
    name: 'LEAF_SYSTEMS',
    doc: `What runs, separated by commas, of ${systemNames.join(', ')}.`,
    fallback: systemNames,
    defaultText: `all: \`${systemNames.join(',')}\``,
    example: 'pds,streams,skrepka',
  }),
  publicUrl: setting<string | undefined>(httpUrl, {
    name: 'PUBLIC_URL',
    aliases: ['ENDPOINT'],
    doc: 'The address under which the world reaches this server, without a path. An https address switches production on.',
    fallback: { development: undefined, production: required },
    defaultText: 'in development `http://localhost` with the port',
    example: 'https://leaf.example.org',
  }),
  port: setting(port, {
    name: 'PDS_PORT',
    doc: 'The one port on which all systems are served. 0 takes a free one.',
    fallback: 3334,
  }),
  bind: setting<readonly string[]>(addressList, {
    name: 'LEAF_BIND',
    doc: 'The addresses to listen on, separated by commas. Behind a proxy on the same machine take `127.0.0.1`. In development only loopback addresses are allowed.',
    fallback: { development: ['127.0.0.1', '::1'], production: ['::'] },
    example: '127.0.0.1',
  }),
  trustedProxies: setting<readonly string[]>(proxyList, {
    name: 'LEAF_TRUSTED_PROXIES',
    doc: 'Who may say, in X-Forwarded-For, -Proto and -Host, for whom it asks: addresses, networks like 10.0.0.0/8, or the words `loopback` and `private`, separated by commas. `none` trusts nobody.',
    fallback: { development: [], production: ['loopback'] },
    defaultText: 'in production `loopback`, in development `none`',
    example: 'loopback',
  }),
  databaseUrl: setting<string | undefined>(postgresUrl, {
    name: 'DATABASE_URL',
    doc: 'A PostgreSQL database, `postgres://user:password@host/name`. Absent: SQLite in the data folder.',
    fallback: undefined,
    defaultText: 'SQLite in the data folder',
    secret: true,
    example: 'postgres://leaf:password@localhost/leaf',
  }),
  redisUrl: setting<string | undefined>(redisUrl, {
    name: 'REDIS_URL',
    doc: 'A Redis server for rate limits that several Leaf servers share. Absent: each counts for itself, in memory.',
    fallback: undefined,
    defaultText: 'limits in memory',
    secret: true,
    example: 'redis://localhost:6379',
  }),
  blobS3Bucket: setting<string | undefined>(text, {
    name: 'BLOB_S3_BUCKET',
    aliases: ['S3_BUCKET'],
    doc: 'Keeps blobs in this bucket of an S3-compatible store instead of in the data folder.',
    fallback: undefined,
    defaultText: 'blobs in the data folder',
    example: 'leaf-blobs',
  }),
  blobS3Endpoint: setting<string | undefined>(httpUrl, {
    name: 'BLOB_S3_ENDPOINT',
    aliases: ['S3_HOST'],
    doc: 'The address of the S3-compatible store.',
    fallback: undefined,
    defaultText: 'that of AWS for the region',
    example: 'https://s3.eu-central-1.amazonaws.com',
  }),
  blobS3Region: setting(text, {
    name: 'BLOB_S3_REGION',
    aliases: ['S3_REGION'],
    doc: 'The region of the bucket.',
    fallback: 'us-east-1',
  }),
  blobS3KeyId: setting<string | undefined>(text, {
    name: 'BLOB_S3_ACCESS_KEY_ID',
    aliases: ['S3_ACCESS_KEY'],
    doc: 'The id of the key with which the bucket is read and written.',
    fallback: undefined,
    defaultText: 'none',
    example: 'AKIA…',
  }),
  blobS3Secret: setting<string | undefined>(text, {
    name: 'BLOB_S3_SECRET_ACCESS_KEY',
    aliases: ['S3_SECRET_KEY'],
    doc: 'The secret of that key.',
    fallback: undefined,
    defaultText: 'none',
    secret: true,
    example: '…',
  }),
  blobS3PathStyle: setting(flag, {
    name: 'BLOB_S3_FORCE_PATH_STYLE',
    doc: 'Whether the bucket stands in the path instead of the host name. Most stores besides AWS want it.',
    fallback: true,
  }),
  plcDirectoryUrl: setting<string | undefined>(httpUrl, {
    name: 'PLC_DIRECTORY_URL',
    aliases: ['PLC_DIRECTORY'],
    doc: 'The directory in which new accounts get their did:plc.',
    fallback: { development: undefined, production: 'https://plc.directory' },
    defaultText: 'in production `https://plc.directory`, in development a directory of its own inside Leaf',
    example: 'https://plc.directory',
  }),
  plcPort: setting(port, {
    name: 'PLC_PORT',
    doc: 'The port of the directory inside Leaf, in development. If it is taken, the next free one is used.',
    fallback: 2582,
  }),
  metricsToken: setting<string | undefined>(longSecret, {
    name: 'LEAF_METRICS_TOKEN',
    doc: 'Who sends this as a bearer token may read /metrics. Absent: only this machine may.',
    fallback: undefined,
    defaultText: 'none: only this machine reads metrics',
    secret: true,
    example: '<32 characters or more>',
  }),
  logLevel: setting<LogLevel>(oneOf(logLevels), {
    name: 'LEAF_LOG_LEVEL',
    doc: `From which weight on lines are logged: ${logLevels.join(', ')}. Every request is a line at info.`,
    fallback: { development: 'warn', production: 'info' },
  }),
  logFormat: setting<'json' | 'lines'>(oneOf(['json', 'lines']), {
    name: 'LEAF_LOG_FORMAT',
    doc: 'How lines are logged: `json`, one object a line, or `lines`, for people.',
    fallback: { development: 'lines', production: 'json' },
  }),
  otel: setting(flag, {
    name: 'LEAF_OTEL',
    aliases: ['OTEL'],
    doc: 'Sends a trace of every request by OTLP over HTTP; where to is said by the standard OTEL_* variables. The same as `leaf start --otel`.',
    fallback: false,
  }),
  shutdownSeconds: setting(integer({ min: 1, max: 300 }), {
    name: 'LEAF_SHUTDOWN_SECS',
    doc: 'How long requests under way, sockets and background work may take to end when Leaf stops.',
    fallback: 10,
  }),
  connectionsMax: setting(integer({ min: 10, max: 1_000_000 }), {
    name: 'LEAF_CONNECTIONS_MAX',
    doc: 'Connections that are open at the same time; further ones are closed at once.',
    fallback: 20_000,
  }),
}

export type HouseSettings = ValuesOf<typeof houseSettings>

/** What no single setting can see. */
export function checkHouseSettings(settings: HouseSettings, mode: Mode, faults: ConfigFault[]): void {
  const foreign = settings.bind.filter(address => !isLoopback(address))
  if (mode === 'development' && foreign.length > 0) {
    faults.push({
      name: houseSettings.bind.name,
      sentence: `development mode listens on this machine only, not on ${foreign.join(', ')}. To serve others, set PUBLIC_URL to an https address.`,
    })
  }
  if (settings.publicUrl !== undefined && new URL(settings.publicUrl).pathname !== '/') {
    faults.push({
      name: houseSettings.publicUrl.name,
      sentence: 'must not have a path: Leaf serves the whole host.',
    })
  }
  const { blobS3Bucket, blobS3KeyId, blobS3Secret } = houseSettings
  const given = [settings.blobS3Bucket, settings.blobS3KeyId, settings.blobS3Secret]
  if (given.some(value => value !== undefined) && given.includes(undefined)) {
    const names = [blobS3Bucket.name, blobS3KeyId.name, blobS3Secret.name]
    faults.push({
      name: names[given.indexOf(undefined)] ?? names.join(', '),
      sentence: `is missing: blobs in S3 need ${names.join(', ')} together.`,
    })
  }
}

/** The bucket for blobs that the settings name; undefined: blobs are kept in the data folder. */
export function s3Of(house: HouseSettings): S3Settings | undefined {
  if (house.blobS3Bucket === undefined) return undefined
  return {
    bucket: house.blobS3Bucket,
    endpoint: house.blobS3Endpoint,
    region: house.blobS3Region,
    keyId: house.blobS3KeyId ?? '',
    secret: house.blobS3Secret ?? '',
    pathStyle: house.blobS3PathStyle,
  }
}
