/** What the mesh adds to the seed's constants; part of the relay's table of settings. */
import { flag, integer, list, oneOf, setting, type ValuesOf } from '../../kernel/config.ts'
import { parseServerName } from './names.ts'

const mebibyte = 1024 * 1024
const count = integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

const serverNames = (input: string): readonly string[] =>
  list(input).map(name => {
    if (parseServerName(name) === undefined) throw new Error(`expected host or host:port, got "${name}"`)
    return name
  })

const ports = (input: string): readonly number[] => list(input).map(integer({ min: 1, max: 65_535 }))

/** Settings of federation that the seed does not have. */
export const meshSettings = {
  federationPolicy: setting(oneOf(['open', 'prefer', 'require']), {
    name: 'SKREPKA_FEDERATION_POLICY',
    doc: 'Whom peers are believed about presence. open: anybody, as the seed. prefer: proofs at once; others after a call back, within a budget. require: proofs only.',
    fallback: 'prefer',
  }),
  seedPeers: setting(serverNames, {
    name: 'SKREPKA_SEED_PEERS',
    doc: 'Relays that always hear who is online here. Comma-separated host or host:port.',
    fallback: [],
    defaultText: 'none',
    example: 'relay.example.org',
  }),
  peersAllow: setting(serverNames, {
    name: 'SKREPKA_PEERS_ALLOW',
    doc: 'When set, relays other than these and the seed peers are not federated with.',
    fallback: [],
    defaultText: 'all',
  }),
  peersDeny: setting(serverNames, {
    name: 'SKREPKA_PEERS_DENY',
    doc: 'Relays that are not federated with.',
    fallback: [],
    defaultText: 'none',
  }),
  federationPorts: setting(ports, {
    name: 'SKREPKA_FEDERATION_PORTS',
    doc: 'Ports that names of peers may carry, besides the usual one. A relay with a private name of its own may call any.',
    fallback: [],
    defaultText: 'none',
    example: '8443',
  }),
  taggedPeers: setting(serverNames, {
    name: 'SKREPKA_TAGGED_PEERS',
    doc: 'Peers on an early Knot runtime, which reads gossip events only as tagged constructors.',
    fallback: [],
    defaultText: 'none',
  }),
  publishPeers: setting(flag, {
    name: 'SKREPKA_PUBLISH_PEERS',
    doc: 'Whether /.well-known/skrepka-relay lists the peers that were heard of with a proof.',
    fallback: false,
  }),
  unprovenBytesPerHour: setting(count, {
    name: 'SKREPKA_UNPROVEN_BYTES_PER_HOUR',
    doc: 'With the policy prefer: bytes of mail that one peer gets an hour for presence without proof; all of them together get 16 times as much.',
    fallback: 16 * mebibyte,
  }),
  forwardedRetention: setting(count, {
    name: 'SKREPKA_FORWARDED_RETENTION',
    doc: 'Milliseconds for which mail is kept here after a peer that proved the presence took it. 0: as long as other mail.',
    fallback: 72 * 3_600_000,
  }),
  maxPeers: setting(count, {
    name: 'SKREPKA_MAX_PEERS',
    doc: 'Peers that are remembered. Without a proof they may be half of them.',
    fallback: 1000,
  }),
  maxPresence: setting(count, {
    name: 'SKREPKA_MAX_PRESENCE',
    doc: 'Keys online at peers that are remembered. Without a proof they may be half of them.',
    fallback: 100_000,
  }),
  maxPresencePerPeer: setting(count, {
    name: 'SKREPKA_MAX_PRESENCE_PER_PEER',
    doc: 'Keys online at one peer that are remembered.',
    fallback: 5000,
  }),
}

/** The mesh's settings, with those of the seed that it uses; all durations in milliseconds. */
export interface MeshSettings extends ValuesOf<typeof meshSettings> {
  readonly federationEnabled: boolean
  readonly sessionExpiry: number
  readonly onlineGossipTtl: number
  readonly messageMaxAge: number
  readonly maxBlobLen: number
  readonly maxBatchSize: number
  readonly maxGossipEvents: number
  readonly maxForwardsPerServer: number
  readonly maxForwardRetries: number
  readonly maxServerNameLen: number
  readonly retryBackoffBase: number
  readonly retryBackoffMax: number
  readonly forwardFailureMaxAge: number
  readonly backgroundPruneInterval: number
  readonly rateLimitWindow: number
  readonly gossipRateLimit: number
  readonly forwardRateLimit: number
}
