/** Relays for tests: the real ones on other capabilities, and a client that speaks to them without sockets. */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createManualClock, type ManualClock } from '../kernel/clock.ts'
import { readSettings } from '../kernel/config.ts'
import { Refusal } from '../kernel/errors.ts'
import { silentLogger } from '../kernel/log.ts'
import { noMetrics } from '../kernel/metrics.ts'
import { systemRandom } from '../kernel/random.ts'
import { openBlobDisk } from '../kernel/storage/blob-disk.ts'
import type { Database } from '../kernel/storage/database.ts'
import { openSqlite } from '../kernel/storage/sqlite.ts'
import { skrepkaSettings, type SkrepkaSettings } from './config.ts'
import type { RelayAnswer, RelayDependencies, RelayRequest } from './contract.ts'
import { createRelay, type RelayCore } from './relay.ts'

export interface TestRelay {
  readonly relay: RelayCore
  readonly clock: ManualClock
  readonly database: Database
  /** Opens the same relay once more, on the same data, as after a restart. */
  readonly again: () => Promise<RelayCore>
  readonly stop: () => Promise<void>
}

export interface TestRelayOptions {
  readonly settings?: Partial<SkrepkaSettings>
  /** Absent: a fresh SQLite file. */
  readonly database?: Database
  readonly rest?: Partial<RelayDependencies>
}

export const defaultSettings: SkrepkaSettings = readSettings(skrepkaSettings, {}, 'development', [])

/** A relay named `here.example` on a clock that the test moves; it calls nobody. */
export async function startTestRelay(options: TestRelayOptions = {}): Promise<TestRelay> {
  const folder = mkdtempSync(join(tmpdir(), 'leaf-skrepka-'))
  const clock = createManualClock()
  const database = options.database ?? (await openSqlite({ path: join(folder, 'leaf.db'), clock }))
  const deps: RelayDependencies = {
    settings: { ...defaultSettings, addressRateLimit: 0, addressAuthRateLimit: 0, ...options.settings },
    serverHost: 'here.example',
    houseKey: new Uint8Array(32).fill(7),
    clock,
    random: systemRandom,
    database,
    blobs: await openBlobDisk({ root: join(folder, 'blobs'), random: systemRandom }),
    log: silentLogger,
    metrics: noMetrics,
    callPeer: async () => {
      throw new Refusal('upstream', 'nobody is there')
    },
    ...options.rest,
  }
  const relays: RelayCore[] = []
  const again = async () => {
    const relay = await createRelay(deps)
    relays.push(relay)
    return relay
  }
  return {
    relay: await again(),
    clock,
    database,
    again,
    stop: async () => {
      for (const relay of relays) await relay.stop()
      if (options.database === undefined) await database.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What a test asks. */
export interface Ask {
  readonly body?: unknown
  readonly method?: string
  readonly token?: string
  readonly address?: string
  readonly forwarded?: boolean
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly json: AnsweredJson
}

/** Every field of every answer: tests know which they asked for. */
export interface AnsweredJson {
  readonly challenge: string
  readonly expiresAt: number
  readonly r: string
  readonly token: string
  readonly cursor: number
  readonly events: readonly { readonly encryptedBlob: string }[]
  readonly error: string
}

export async function ask(relay: Pick<RelayCore, 'answer'>, path: string, what: Ask = {}): Promise<Answered> {
  const headers: Record<string, string> = { ...what.headers }
  if (what.token !== undefined) headers['authorization'] = `Bearer ${what.token}`
  const { body = '' } = what
  const request: RelayRequest = {
    method: what.method ?? 'POST',
    path,
    query: what.query ?? '',
    header: name => headers[name],
    body:
      body instanceof Uint8Array ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    address: what.address ?? '203.0.113.1',
    forwarded: what.forwarded ?? false,
    signal: what.signal ?? new AbortController().signal,
  }
  return readAnswer(await relay.answer(request))
}

async function readAnswer(answer: RelayAnswer): Promise<Answered> {
  const text = await textOf(answer.body)
  const isJson = answer.headers?.['content-type'] === 'application/json'
  return {
    status: answer.status,
    headers: answer.headers ?? {},
    text,
    json: isJson ? JSON.parse(text) : {},
  }
}

async function textOf(body: RelayAnswer['body']): Promise<string> {
  if (typeof body === 'string') return body
  if (body instanceof Uint8Array) return Buffer.from(body).toString()
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

/** Somebody with a key pair, always the same for a number. */
export interface TestPerson {
  readonly key: string
  readonly sign: (text: string) => string
}

const secretHead = Buffer.from('302e020100300506032b657004220420', 'hex')

export function person(number: number): TestPerson {
  const seed = Buffer.alloc(32, number)
  seed.writeUInt32BE(number)
  const secret: KeyObject = createPrivateKey({
    key: Buffer.concat([secretHead, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' })
  return {
    key: spki.subarray(-32).toString('hex'),
    sign: text => sign(null, Buffer.from(text), secret).toString('hex'),
  }
}

/** Logs somebody in; gives the token. */
export async function login(
  relay: Pick<RelayCore, 'answer'>,
  who: TestPerson,
  options: { readonly legacy?: boolean; readonly revokeOthers?: boolean } & Ask = {},
): Promise<string> {
  const { legacy = false, revokeOthers = false, ...from } = options
  const { json } = await ask(relay, '/auth/challenge', { ...from, body: { pubkey: who.key } })
  const body = {
    pubkey: who.key,
    challenge: json.challenge,
    signature: who.sign(json.challenge),
    ...(legacy ? {} : { revokeOthers }),
  }
  const answered = await ask(relay, '/auth/verify', { ...from, body })
  if (answered.status !== 200) throw new Error(`expected a token, got ${answered.status} ${answered.text}`)
  return answered.json.token
}

/** Lets everything go on until something is so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise(resolve => setImmediate(resolve))
}
