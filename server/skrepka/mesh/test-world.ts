/** For tests: relays in one process, on one manual clock, over a network that is a map. */
import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createManualClock, type ManualClock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { silentLogger } from '../../kernel/log.ts'
import { noMetrics } from '../../kernel/metrics.ts'
import type { Random } from '../../kernel/random.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import { openSqlite } from '../../kernel/storage/sqlite.ts'
import type {
  CallPeer,
  Incoming,
  KeyHex,
  Mailboxes,
  PresenceProof,
  RelayAnswer,
  RelayRequest,
  ServerName,
} from '../contract.ts'
import type { MeshSettings } from './config.ts'
import type { MeshDependencies } from './dependencies.ts'
import { createMesh } from './mesh.ts'
import { meshMigrations } from './migrations.ts'
import { challengeOf, signedText } from './proof.ts'

const mebibyte = 1024 * 1024

export const settingsForTests: MeshSettings = {
  federationPolicy: 'prefer',
  seedPeers: [],
  peersAllow: [],
  peersDeny: [],
  federationPorts: [],
  taggedPeers: [],
  publishPeers: false,
  unprovenBytesPerHour: 16 * mebibyte,
  forwardedRetention: 72 * 3_600_000,
  maxPeers: 1000,
  maxPresence: 100_000,
  maxPresencePerPeer: 5000,
  federationEnabled: true,
  sessionExpiry: 3_600_000,
  onlineGossipTtl: 5_400_000,
  messageMaxAge: 30 * 86_400_000,
  maxBlobLen: 40 * mebibyte,
  maxBatchSize: 100,
  maxGossipEvents: 100,
  maxForwardsPerServer: 2000,
  maxForwardRetries: 10,
  maxServerNameLen: 128,
  retryBackoffBase: 30_000,
  retryBackoffMax: 480_000,
  forwardFailureMaxAge: 86_400_000,
  backgroundPruneInterval: 30_000,
  rateLimitWindow: 60_000,
  gossipRateLimit: 60,
  forwardRateLimit: 600,
}

/** A `Random` that gives the same for the same seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    bytes: count => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)),
    integer: below => Math.floor(next() * below),
  }
}

export interface Person {
  readonly key: KeyHex
  readonly secret: KeyObject
}

/** The person of a name; always the same. */
export function person(name: string): Person {
  const seed = createHash('sha256').update(name).digest()
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return { key: Buffer.from(secret.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex'), secret }
}

/** What a relay of that name can show when somebody logged in there. */
export function proofFor(who: Person, serverHost: ServerName, atMs: number, nonce = 1): PresenceProof {
  const houseKey = createHash('sha256').update(serverHost).digest()
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(nonce)
  const made = challengeOf({ houseKey, serverHost, key: who.key, address: '', atMs, nonce: bytes })
  return { ...made, signature: sign(null, signedText(made.challenge), who.secret).toString('hex') }
}

export const hashOf = (blob: Uint8Array) => createHash('sha256').update(blob).digest()

/** Whoever answers at a name. */
export type Host = (request: RelayRequest) => Promise<RelayAnswer>

export interface Call {
  readonly from: ServerName
  readonly to: ServerName
  readonly path: string
  readonly body: string
}

/** Relays and others by name; `cut` stops calls from one to the other. */
export interface World {
  readonly clock: ManualClock
  readonly calls: Call[]
  readonly hosts: Map<ServerName, Host>
  readonly cuts: Set<string>
  relay(name: ServerName, settings?: Partial<MeshSettings>): Promise<TestRelay>
  /** Lets time pass in steps, and all that is under way come to rest after each. */
  pass(ms: number, stepMs?: number): Promise<void>
  rest(): Promise<void>
  close(): Promise<void>
}

export interface TestRelay {
  readonly name: ServerName
  readonly mesh: ReturnType<typeof createMesh>
  readonly database: Database
  readonly mailboxes: TestMailboxes
  login(who: Person): Promise<void>
  logout(who: Person): Promise<void>
  send(to: KeyHex, ...blobs: Uint8Array[]): Promise<void>
  ask(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: unknown; headers: Record<string, string> }>
  /** The first token that somebody called this relay with. */
  tokenSeenBy(server: ServerName): string | undefined
  stop(): Promise<void>
  /** Ends it, and starts it again over the same tables. */
  restart(): Promise<void>
}

/** Declares a test in a world of its own. */
export function within(title: string, fn: (world: World) => Promise<void>): void {
  test(title, async () => {
    const world = createWorld()
    try {
      await fn(world)
    } finally {
      await world.close()
    }
  })
}

export function createWorld(): World {
  const clock = createManualClock()
  const calls: Call[] = []
  const hosts = new Map<ServerName, Host>()
  const cuts = new Set<string>()
  const relays: TestRelay[] = []
  const folders: string[] = []

  const rest = async () => {
    for (let turn = 0; turn < 60; turn += 1) await new Promise(resolve => setImmediate(resolve))
  }
  const callFrom =
    (from: ServerName): CallPeer =>
    async (to, { method, path, headers = {}, body = '' }) => {
      calls.push({ from, to, path, body })
      const host = hosts.get(to)
      if (host === undefined || cuts.has(`${from} ${to}`)) throw new Refusal('upstream', 'not reachable')
      const answer = await host({
        method,
        path,
        query: '',
        header: name => headers[name],
        body: Buffer.from(body),
        address: `10.0.0.${[...hosts.keys()].indexOf(from)}`,
        forwarded: false,
        signal: AbortSignal.timeout(60_000),
      })
      const retryAfter = answer.headers?.['retry-after']
      return {
        status: answer.status,
        retryAfterMs: retryAfter === undefined ? undefined : Number(retryAfter) * 1000,
        body: Buffer.from(typeof answer.body === 'string' ? answer.body : ''),
      }
    }

  return {
    clock,
    calls,
    hosts,
    cuts,
    rest,
    pass: async (ms, stepMs = 10_000) => {
      for (let left = ms; left > 0; left -= stepMs) {
        clock.advance(Math.min(left, stepMs))
        await rest()
      }
    },
    relay: async (name, settings = {}) => {
      const folder = mkdtempSync(join(tmpdir(), 'leaf-mesh-'))
      folders.push(folder)
      const relay = await openRelay(name, folder, {
        clock,
        settings: { ...settingsForTests, ...settings },
        callPeer: callFrom(name),
        register: host => hosts.set(name, host),
      })
      relays.push(relay)
      return relay
    },
    close: async () => {
      for (const relay of relays) await relay.stop()
      for (const folder of folders) rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function openRelay(
  name: ServerName,
  folder: string,
  of: {
    readonly clock: ManualClock
    readonly settings: MeshSettings
    readonly callPeer: CallPeer
    readonly register: (host: Host) => void
  },
): Promise<TestRelay> {
  const { clock } = of
  const database = await openSqlite({
    path: join(folder, 'leaf.db'),
    clock,
    synchronous: 'OFF',
    freeBytesMin: 0,
  })
  const mailboxes = await createTestMailboxes(database, () => clock.now())
  await database.migrate('skrepka', [{ version: 1, name: 'none', sql: 'SELECT 1' }, ...meshMigrations])
  const deps: MeshDependencies = {
    settings: of.settings,
    serverHost: name,
    houseKey: createHash('sha256').update(name).digest(),
    clock,
    random: seededRandom(1),
    database,
    log: silentLogger,
    metrics: noMetrics,
    callPeer: of.callPeer,
    mailboxes,
  }
  let mesh = createMesh(deps)
  const tokens = new Map<ServerName, string>()
  const answer: Host = async request => {
    const [from, token] = [request.header('x-skrepka-server'), request.header('x-skrepka-token')]
    if (from !== undefined && token !== undefined && !tokens.has(from)) tokens.set(from, token)
    return (await mesh.answer(request)) ?? { status: 404, body: '{"error":"not found"}' }
  }
  of.register(answer)
  mesh.start()
  let logins = 0
  return {
    name,
    get mesh() {
      return mesh
    },
    database,
    mailboxes,
    login: async who => {
      logins += 1
      const proof = proofFor(who, name, clock.now(), logins)
      const presence = { key: who.key, expiresAt: clock.now() + of.settings.sessionExpiry, proof }
      if (await database.write(tx => mesh.present(tx, presence))) mesh.announce(who.key)
    },
    tokenSeenBy: server => tokens.get(server),
    logout: who => database.write(tx => mesh.absent(tx, who.key)),
    send: async (to, ...blobs) => {
      const servers = await database.write(async tx => {
        const origin = { kind: 'sender', key: 'f'.repeat(64) } as const
        const incoming = blobs.map(blob => ({ to, blob, hash: hashOf(blob), origin }))
        const outcomes = await mailboxes.append(tx, incoming)
        const stored = outcomes.flatMap((outcome, index) => {
          const one = incoming[index]
          if (outcome.kind !== 'stored' || one === undefined) return []
          const message = { box: outcome.box, seq: outcome.seq, hash: one.hash, bytes: one.blob.length }
          return [{ key: to, message }]
        })
        return await mesh.stage(tx, stored)
      })
      mesh.deliver(servers)
    },
    ask: async (path, body, headers = {}) => {
      const result = await answer({
        method: body === undefined ? 'GET' : 'POST',
        path,
        query: '',
        header: header => headers[header],
        body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body ?? '')),
        address: headers['address'] ?? '192.0.2.1',
        forwarded: false,
        signal: AbortSignal.timeout(60_000),
      })
      const text = typeof result.body === 'string' ? result.body : ''
      return { status: result.status, body: JSON.parse(text), headers: { ...result.headers } }
    },
    stop: async () => {
      await mesh.stop()
      await database.close()
    },
    restart: async () => {
      await mesh.stop()
      mesh = createMesh(deps)
      mesh.start()
    },
  }
}

export interface TestMailboxes extends Mailboxes {
  /** What waits for a key, in its order. */
  readonly list: (key: KeyHex) => Promise<string[]>
  /** Takes away all that waits, as an ack does. */
  readonly ack: (tx: Tx, key: KeyHex) => Promise<{ box: number; seqs: number[] }>
  /** Mail for these keys does not fit. */
  readonly full: Set<KeyHex>
  readonly woken: KeyHex[]
}

/** The smallest mailboxes that do what the contract says. */
async function createTestMailboxes(database: Database, now: () => number): Promise<TestMailboxes> {
  await database.migrate('test', [
    {
      version: 1,
      name: 'mail',
      sql: `CREATE TABLE test_box (id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, k TEXT NOT NULL UNIQUE);
        CREATE TABLE test_mail (box BIGINT NOT NULL, seq BIGINT NOT NULL, hash BYTEA NOT NULL, blob BYTEA, PRIMARY KEY (box, seq));
        CREATE UNIQUE INDEX test_mail_hash ON test_mail (box, hash);`,
    },
  ])
  const full = new Set<KeyHex>()
  const woken: KeyHex[] = []
  const boxOf = async (tx: Pick<Tx, 'get'>, key: KeyHex) =>
    (await tx.get<{ id: number }>('SELECT id FROM test_box WHERE k = $1', [key]))?.id
  const append = async (tx: Tx, { to, blob, hash }: Incoming) => {
    if (full.has(to)) return { kind: 'full', retryAfterMs: 5000 } as const
    await tx.run('INSERT INTO test_box (k) VALUES ($1) ON CONFLICT (k) DO NOTHING', [to])
    const box = (await boxOf(tx, to)) ?? 0
    const last = await tx.get<{ seq: number | null }>(
      'SELECT MAX(seq) AS seq FROM test_mail WHERE box = $1',
      [box],
    )
    const seq = Math.max(now(), (last?.seq ?? 0) + 1)
    const { changes } = await tx.run(
      'INSERT INTO test_mail (box, seq, hash, blob) VALUES ($1, $2, $3, $4) ON CONFLICT (box, hash) DO NOTHING',
      [box, seq, hash, blob],
    )
    return changes > 0 ? ({ kind: 'stored', box, seq } as const) : ({ kind: 'duplicate' } as const)
  }
  const drop = async (tx: Tx, box: number, seqs: readonly number[]) => {
    for (const seq of seqs)
      await tx.run('UPDATE test_mail SET blob = NULL WHERE box = $1 AND seq = $2', [box, seq])
  }
  const waiting = (tx: Pick<Tx, 'all'>, box: number, after: number, limit: number) =>
    tx.all<{ seq: number; hash: Uint8Array; bytes: number }>(
      `SELECT seq, hash, LENGTH(blob) AS bytes FROM test_mail
       WHERE box = $1 AND seq > $2 AND blob IS NOT NULL ORDER BY seq LIMIT $3`,
      [box, after, limit],
    )
  return {
    full,
    woken,
    boxOf,
    append: async (tx, messages) => {
      const outcomes = []
      for (const one of messages) outcomes.push(await append(tx, one))
      return outcomes
    },
    wake: keys => void woken.push(...keys),
    pending: async (tx, box, after, limit) =>
      (await waiting(tx, box, after, limit)).map(row => ({ ...row, box })),
    blob: async (box, seq) => {
      const row = await database.direct.get<{ blob: Uint8Array | null }>(
        'SELECT blob FROM test_mail WHERE box = $1 AND seq = $2',
        [box, seq],
      )
      return row?.blob ?? undefined
    },
    stow: async () => undefined,
    release: mail =>
      database.write(async tx => {
        for (const { key, seq } of mail) await drop(tx, (await boxOf(tx, key)) ?? 0, [seq])
      }),
    list: async key => {
      const box = await boxOf(database.direct, key)
      if (box === undefined) return []
      const rows = await database.direct.all<{ blob: Uint8Array }>(
        'SELECT blob FROM test_mail WHERE box = $1 AND blob IS NOT NULL ORDER BY seq',
        [box],
      )
      return rows.map(row => Buffer.from(row.blob).toString())
    },
    ack: async (tx, key) => {
      const box = (await boxOf(tx, key)) ?? 0
      const seqs = (await waiting(tx, box, 0, 100_000)).map(row => row.seq)
      await drop(tx, box, seqs)
      return { box, seqs }
    },
  }
}
