/** Entities with everything around them, for tests: a database, blobs, a server, and devices of people. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe } from 'node:test'
import type { Identity } from '@leaf/entities/api/identity'
import type { Leaf } from '@leaf/entities/api/leaf'
import type { Space } from '@leaf/entities/api/space'
import { communalNamespace } from '@leaf/entities/api/place'
import { encodeCapability } from '@leaf/entities/meadowcap/capability'
import { memory, openLeaf } from '@leaf/entities/node/leaf'
import { createNodeEd25519 } from '@leaf/entities/node/ed25519'
import { signSpaceRecord } from '@leaf/entities/resolver/space-record'
import type { IngestOutcome } from '@leaf/entities/store/contract'
import type { PathInput } from '@leaf/entities/leaf/entity-path'
import { createManualClock, type ManualClock } from '../kernel/clock.ts'
import { readSettings } from '../kernel/config.ts'
import { freePort } from '../kernel/http/free-port.ts'
import { startServer } from '../kernel/http/test-server.ts'
import { createSealer } from '../kernel/keys.ts'
import { createMemoryLimiter } from '../kernel/limit.ts'
import { silentLogger } from '../kernel/log.ts'
import { createMetrics, type Metrics } from '../kernel/metrics.ts'
import { systemRandom } from '../kernel/random.ts'
import type { BlobStore } from '../kernel/storage/blobs.ts'
import { openBlobDisk } from '../kernel/storage/blob-disk.ts'
import type { Database } from '../kernel/storage/database.ts'
import { openPostgres } from '../kernel/storage/postgres.ts'
import { openSqlite } from '../kernel/storage/sqlite.ts'
import { startPostgres } from '../test/support/postgres.ts'
import { type EntitiesSettings, entitiesSettings } from './config.ts'
import { createEntities, type Entities } from './index.ts'
import { publicMessage } from './store/public-areas.ts'

export const ed25519 = createNodeEd25519()
export const secret = 'a sealing secret of 32 characters'

export interface House {
  readonly url: string
  readonly entities: Entities
  readonly database: Database
  readonly blobs: BlobStore
  readonly clock: ManualClock
  readonly metrics: Metrics
  /** DIDs with an account; a request is one of them by its `authorization`. */
  readonly accounts: Set<string>
  /** Deletes an account, and says so. */
  removeAccount(did: string): void
  /** A device with a new person on it. */
  device(): Promise<Device>
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>
  close(): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
  json(): Readonly<Record<string, unknown>>
}

export interface Device {
  readonly leaf: Leaf
  readonly me: Identity
  readonly space: Space
  /** Brings all that is here to the server's store, as sync does. */
  bring(): Promise<readonly IngestOutcome[]>
  /** Links the subspace with an account. */
  link(did: string): Promise<void>
  /** States that what is under a path is public, or no longer. */
  publish(path: readonly PathInput[], options?: { isPublic?: boolean; at?: number }): Promise<Response>
}

export type OpenHouse = (settings?: Partial<EntitiesSettings>) => Promise<House>
export type Engine = 'sqlite' | 'postgres'

const engines = (process.env['LEAF_TEST_ENGINES'] ?? 'sqlite,postgres').split(',') as Engine[]

/** A database of one test, on either engine. */
export type OpenDatabase = (clock: ManualClock) => Promise<Database>

/** Declares tests once for each engine; what they open is closed afterwards. */
export function onBothEngines(
  subject: string,
  tests: (open: OpenHouse, openDatabase: OpenDatabase, engine: Engine) => void,
): void {
  for (const engine of engines) {
    describe(`${subject}, on ${engine}`, async () => {
      const closing: (() => Promise<unknown>)[] = []
      const postgres = engine === 'postgres' ? await startPostgres() : undefined
      after(async () => {
        for (const close of closing.toReversed()) await close()
        await postgres?.stop()
      })
      const openDatabase: OpenDatabase = async clock => {
        if (engine === 'postgres') {
          if (postgres === undefined) throw new Error('no PostgreSQL for this machine')
          const database = await openPostgres({ url: await postgres.url('entities'), clock })
          closing.push(() => database.close())
          return database
        }
        const folder = await mkdtemp(join(tmpdir(), 'leaf-entities-'))
        const database = await openSqlite({ path: join(folder, 'leaf.db'), clock })
        closing.push(
          () => rm(folder, { recursive: true, force: true }),
          () => database.close(),
        )
        return database
      }
      const open: OpenHouse = async settings => {
        const clock = createManualClock()
        const house = await openHouse(await openDatabase(clock), clock, settings)
        closing.push(() => house.close())
        return house
      }
      tests(open, openDatabase, engine)
    })
  }
}

/** A house over a database that somebody else closes. */
export async function openHouse(
  database: Database,
  clock: ManualClock,
  settings: Partial<EntitiesSettings> = {},
): Promise<House> {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-entities-blobs-'))
  const blobs = await openBlobDisk({ root: folder, random: systemRandom })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const metrics = createMetrics()
  const accounts = new Set<string>()
  const listeners = new Set<(did: string) => void>()
  const entities = await createEntities({
    settings: { ...readSettings(entitiesSettings, {}, 'development', []), ...settings },
    publicUrl: url,
    database,
    blobs,
    clock,
    random: systemRandom,
    log: silentLogger,
    metrics,
    limiter: createMemoryLimiter({ clock, keysMax: 1000 }),
    sealer: createSealer(secret),
    accounts: {
      exists: async did => accounts.has(did),
      didOf: async request => {
        const did = request.headers.authorization
        return did !== undefined && accounts.has(did) ? did : undefined
      },
      onRemoved: listener => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    },
  })
  const { routes, upgrades } = entities.system
  const server = await startServer(routes, { port, upgrades, metrics })
  await entities.system.start()

  const closing: (() => Promise<unknown>)[] = []
  const house: Omit<House, 'device'> = {
    url,
    entities,
    database,
    blobs,
    clock,
    metrics,
    accounts,
    removeAccount: did => {
      accounts.delete(did)
      for (const listener of listeners) listener(did)
    },
    get: async (path, headers = {}) => {
      const response = await fetch(`${url}${path}`, { headers })
      const bytes = Buffer.from(await response.arrayBuffer())
      return {
        status: response.status,
        headers: response.headers,
        bytes,
        json: () => JSON.parse(String(bytes)),
      }
    },
    close: async () => {
      for (const close of closing) await close()
      await entities.system.stop(2000)
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return {
    ...house,
    device: async () => {
      const made = await createDevice(house)
      closing.push(() => made.leaf.close())
      return made
    },
  }
}

async function createDevice({
  url,
  entities,
  clock,
}: Pick<House, 'url' | 'entities' | 'clock'>): Promise<Device> {
  let tick = 0
  const leaf = await openLeaf({ storage: memory(), now: () => clock.now() + tick++ })
  const me = await leaf.identities.add(new Uint8Array(randomBytes(32)))
  const space = leaf.space({ as: me })
  const { store, serverKey, serverName, membership } = entities
  return {
    leaf,
    me,
    space,
    bring: async () => {
      const range = { namespace: communalNamespace, start: new Uint8Array(), end: undefined }
      const { entries } = await leaf.store.page({ range, limit: 4000 })
      const outcomes = await store.ingest(entries)
      for (const { entry } of entries) {
        const payload = await leaf.store.payload(entry.digest)
        if (payload !== undefined && payload.length > 0) await store.putPayload(entry.digest, payload)
      }
      return outcomes
    },
    link: async did => {
      const says = { did, namespace: communalNamespace, encryptionKey: undefined }
      await membership.link(await signSpaceRecord(ed25519, me.keyPair, says))
    },
    publish: async (path, { isPublic = true, at = clock.now() } = {}) => {
      const capability = await space.delegate({ to: serverKey, mode: 'read', under: path })
      const message = publicMessage(serverName, { capability, isPublic, statedAt: at })
      const signature = await ed25519.sign(me.keyPair, message)
      return fetch(`${url}/entities/public`, {
        method: 'POST',
        body: JSON.stringify({
          capability: Buffer.from(encodeCapability(capability)).toString('base64'),
          public: isPublic,
          at,
          signature: Buffer.from(signature).toString('base64'),
        }),
      })
    },
  }
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Resolves when `check` holds; looked at once in every turn of the loop. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise(resolve => setImmediate(resolve))
}
