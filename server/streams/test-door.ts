/** A door on a real server with a stand-in behind it, for the tests of sockets and HTTP routes. */
import { encodeDrisl } from '@leaf/codec/drisl'
import { decodeReply, type Reply } from '@leaf/streams/wire'
import { io, type Socket } from 'socket.io-client'
import * as parser from 'socket.io-msgpack-parser'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { readSettings } from '../kernel/config.ts'
import { startServer, type TestServer } from '../kernel/http/test-server.ts'
import type { Did, DidDocument } from '../kernel/identity/types.ts'
import { generateSigningKey, type SigningKey } from '../kernel/keys.ts'
import { jwtPart } from '../kernel/jwt.ts'
import { createMemoryLimiter } from '../kernel/limit.ts'
import { type Logger, silentLogger } from '../kernel/log.ts'
import { type Metrics, noMetrics } from '../kernel/metrics.ts'
import { systemRandom } from '../kernel/random.ts'
import { streamsSettings, type StreamsSettings } from './config.ts'
import { createDoor, type Door } from './door.ts'
import { createTestStreams, type TestStreams } from './socket/test-streams.ts'
import type { Streams } from './stream/contract.ts'

export const serverDid = 'did:web:localhost'
export const unsafeToken = 'the operator says so'

export interface TestPerson {
  readonly did: Did
  readonly key: SigningKey
  /** A service token with these claims in place of the usual ones; `undefined` leaves one out. */
  token(claims?: Readonly<Record<string, unknown>>): string
}

export interface TestDoor {
  readonly server: TestServer
  readonly url: string
  readonly door: Door
  readonly streams: TestStreams
  readonly alice: TestPerson
  /** Documents by DID; how often each was asked for. */
  readonly documents: Map<string, DidDocument>
  readonly asked: { did: string; force: boolean }[]
  /** A client as the published one makes it; told `authenticated` already. */
  connect(token?: unknown, options?: Parameters<typeof io>[1]): Promise<Socket>
  stop(): Promise<void>
}

interface TestDoorOptions {
  readonly settings?: Partial<StreamsSettings>
  readonly clock?: Clock
  readonly log?: Logger
  readonly metrics?: Metrics
  readonly streams?: Streams
}

export function newPerson(did: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'): TestPerson {
  const key = generateSigningKey(systemRandom)
  const token = (claims: Readonly<Record<string, unknown>> = {}) => {
    const nowS = Math.floor(systemClock.now() / 1000)
    const usual = { iss: did, aud: serverDid, lxm: 'town.muni.leaf.authenticate', exp: nowS + 60, iat: nowS }
    const signed = `${jwtPart({ typ: 'JWT', alg: 'ES256K' })}.${jwtPart({ ...usual, ...claims })}`
    return `${signed}.${Buffer.from(key.sign(Buffer.from(signed))).toString('base64url')}`
  }
  return { did, key, token }
}

export function documentOf(did: Did, methods: Readonly<Record<string, SigningKey>>): DidDocument {
  return {
    id: did,
    verificationMethod: Object.entries(methods).map(([name, { didKey }]) => ({
      id: `${did}#${name}`,
      type: 'Multikey',
      controller: did,
      publicKeyMultibase: didKey.slice('did:key:'.length),
    })),
  }
}

export async function openTestDoor(options: TestDoorOptions = {}): Promise<TestDoor> {
  const clock = options.clock ?? systemClock
  const streams = createTestStreams()
  const alice = newPerson()
  const documents = new Map<string, DidDocument>([[alice.did, documentOf(alice.did, { atproto: alice.key })]])
  const asked: { did: string; force: boolean }[] = []
  const door = createDoor(
    {
      settings: {
        ...readSettings(streamsSettings, {}, 'development', []),
        unsafeAuthToken: unsafeToken,
        subscribeLimit: 100_000,
        activeMax: 100_000,
        ...options.settings,
      },
      publicUrl: 'http://localhost',
      name: { did: serverDid },
      clock,
      random: systemRandom,
      log: options.log ?? silentLogger,
      metrics: options.metrics ?? noMetrics,
      limiter: createMemoryLimiter({ clock, keysMax: 1000 }),
      resolver: {
        document: async (did, { force = false } = {}) => {
          asked.push({ did, force })
          return documents.get(did)
        },
        handle: async () => undefined,
        forget: () => undefined,
      },
    },
    options.streams ?? streams,
  )
  const server = await startServer(door.own.routes, { upgrades: door.own.upgrades })
  const clients: Socket[] = []
  const connect = async (token?: unknown, more: Parameters<typeof io>[1] = {}) => {
    const client = io(server.url, {
      parser,
      auth: { token },
      forceNew: true,
      reconnection: false,
      transports: ['websocket'],
      ...more,
    })
    clients.push(client)
    await new Promise<void>((resolve, reject) => {
      client.once('authenticated', () => resolve())
      client.once('error', text => reject(new Error(String(text))))
      client.once('connect_error', reject)
    })
    return client
  }
  return {
    server,
    url: server.url,
    door,
    streams,
    alice,
    documents,
    asked,
    connect,
    stop: async () => {
      for (const client of clients) client.disconnect()
      await door.stop(100)
      await server.stop()
    },
  }
}

/** Calls an event with DRISL of `argument` (bytes are sent as they are) and gives the reply. */
export async function call(client: Socket, event: string, argument: unknown): Promise<Reply> {
  const bytes = argument instanceof Uint8Array ? argument : encodeDrisl(argument as never)
  const reply: Uint8Array = await client.timeout(5000).emitWithAck(event, Buffer.from(bytes))
  return decodeReply(new Uint8Array(reply))
}
