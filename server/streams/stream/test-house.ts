/** An engine with everything around it, for tests: a database, a PLC directory, hosts. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe } from 'node:test'
import { decodeDrisl, encodeDrisl, isArray } from '@leaf/codec/drisl'
import { createManualClock, type ManualClock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { createOperatorFetch } from '../../kernel/fetch.ts'
import { createPlcClient } from '../../kernel/identity/plc-client.ts'
import { createPlcDirectory } from '../../kernel/identity/plc-directory.ts'
import type { PlcClient } from '../../kernel/identity/types.ts'
import { createSealer } from '../../kernel/keys.ts'
import { silentLogger } from '../../kernel/log.ts'
import { noMetrics } from '../../kernel/metrics.ts'
import { systemRandom } from '../../kernel/random.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { openPostgres } from '../../kernel/storage/postgres.ts'
import { openSqlite } from '../../kernel/storage/sqlite.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import type { HostSources, SqlHosts } from '../host/contract.ts'
import type { Caller, QueryRequest, SubscriptionPage } from './contract.ts'
import {
  type StreamsEngineDependencies,
  type StreamsEngineSettings,
  streamsLimitsDefault,
} from './dependencies.ts'
import { createStreamsEngine, migrateStreams, type StreamsEngine } from './engine.ts'
import { createHostSources } from './sources.ts'
import { createTestHosts, type TestHosts } from './test-hosts.ts'

export const alice: Caller = { did: 'did:plc:aliceaaaaaaaaaaaaaaaaaaa', unsafe: false }
export const bob: Caller = { did: 'did:plc:bobbbbbbbbbbbbbbbbbbbbbb', unsafe: false }
export const nobody: Caller = { did: null, unsafe: false }
export const server: Caller = { did: 'did:web:localhost', unsafe: true }

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A module as a client uploads it; `mark` makes it another one. */
export const moduleOf = (mark: string, extra: Record<string, boolean | string> = {}): Uint8Array =>
  encodeDrisl({
    $type: 'muni.town.leaf.module.basic.v0',
    initSql: `-- ${mark}`,
    authorizer: '',
    materializer: '',
    queries: [
      { name: 'all', sql: 'select $start', params: [] },
      { name: 'mine', sql: 'select $requesting_user', params: [] },
    ],
    ...extra,
  })

export interface House<Hosts extends SqlHosts = TestHosts> {
  readonly engine: StreamsEngine
  readonly hosts: Hosts
  readonly database: Database
  readonly clock: ManualClock
  readonly plc: PlcClient
  /** What happens to calls of the directory. */
  readonly weather: { now: Weather }
  /** Runs an act whose answer from the directory is lost for good, as if the process ended there. */
  cutOff(act: () => Promise<unknown>): Promise<void>
  /** Uploads a module and creates a stream of `caller`'s with it. */
  create(mark?: string, caller?: Caller, extra?: Record<string, boolean | string>): Promise<string>
  /** A second engine over the same database, as after a restart or on another node. */
  again(options?: HouseOptions): { readonly engine: StreamsEngine; readonly hosts: Hosts }
  close(): Promise<void>
}

type Weather = 'fine' | 'down' | 'answers lost' | 'cut off'

export interface HouseOptions {
  /** The hosts' files are those of the first engine, whose hosts must be closed: as after a restart. */
  readonly sameFiles?: boolean
  readonly settings?: Partial<StreamsEngineSettings>
  readonly node?: NonNullable<StreamsEngineDependencies['node']>
  readonly isMember?: StreamsEngineDependencies['isMember']
}

export type Engine = 'sqlite' | 'postgres'
export type OpenHouse = (options?: HouseOptions) => Promise<House>

const engines = (process.env['LEAF_TEST_ENGINES'] ?? 'sqlite,postgres').split(',') as Engine[]

/** Declares tests once for each engine; houses that they open are closed afterwards. */
export function onBothEngines(subject: string, tests: (open: OpenHouse, engine: Engine) => void): void {
  for (const engine of engines) {
    describe(`${subject}, on ${engine}`, async () => {
      const houses: House[] = []
      const postgres = engine === 'postgres' ? startPostgres() : undefined
      after(async () => {
        await Promise.all(houses.map(house => house.close()))
        await (await postgres)?.stop()
      })
      const open: OpenHouse = async options => {
        const url = engine === 'postgres' ? await (await postgres)?.url('streams') : undefined
        if (engine === 'postgres' && url === undefined) throw new Error('no PostgreSQL for this machine')
        const house = await openHouse(createTestHosts, { ...options, ...(url === undefined ? {} : { url }) })
        houses.push(house)
        return house
      }
      tests(open, engine)
    })
  }
}

/** A house on SQLite, or on the PostgreSQL at `url`. */
export async function openHouse<Hosts extends SqlHosts>(
  createHosts: (sources: HostSources, folder: string) => Hosts,
  options: HouseOptions & { readonly url?: string } = {},
): Promise<House<Hosts>> {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-streams-'))
  const clock = createManualClock()
  const { url } = options
  const database =
    url === undefined
      ? await openSqlite({ path: join(folder, 'leaf.db'), clock })
      : await openPostgres({ url, clock })
  await migrateStreams(database)
  const directory = createPlcDirectory({ database, clock, log: silentLogger, version: '0' })
  const plcUrl = await directory.start({ port: 0 })
  const weather: { now: Weather } = { now: 'fine' }
  const plc = createPlcClient({ url: () => plcUrl, fetch: createOperatorFetch() })
  const running: { engine: StreamsEngine; hosts: Hosts }[] = []

  const build = (own: HouseOptions) => {
    const files = join(folder, `streams-${own.sameFiles === true ? 0 : running.length}`)
    const hosts = createHosts(createHostSources(database), files)
    const engine = createStreamsEngine({
      settings: {
        endpoint: 'http://localhost:3334',
        openCreation: true,
        allow: [],
        block: [],
        moduleAdmins: [],
        limits: streamsLimitsDefault,
        ...own.settings,
      },
      database,
      hosts,
      clock,
      random: systemRandom,
      log: silentLogger,
      metrics: noMetrics,
      plc: inWeather(plc, weather),
      sealer: createSealer('a sealing secret of 32 characters'),
      isMember: own.isMember ?? (async () => false),
      ...(own.node === undefined ? {} : { node: own.node }),
    })
    running.push({ engine, hosts })
    return { engine, hosts }
  }
  const { engine, hosts } = build(options)

  return {
    engine,
    hosts,
    database,
    clock,
    plc,
    weather,
    create: async (mark = 'first', caller = alice, extra = {}) => {
      const { cid } = await engine.uploadModule(caller, moduleOf(mark, extra))
      return (await engine.create({ caller, moduleCid: cid, clientStamp: null })).streamDid
    },
    cutOff: async act => {
      weather.now = 'cut off'
      const error = await act().then(
        () => new Error('the act went through'),
        () => undefined,
      )
      weather.now = 'fine'
      if (error !== undefined) throw error
    },
    again: (own = options) => build(own),
    close: async () => {
      for (const one of running) {
        await one.engine.stop()
        await one.hosts.close()
      }
      await directory.stop()
      await database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function inWeather(plc: PlcClient, weather: { readonly now: Weather }): PlcClient {
  const through = async <T>(call: () => Promise<T>): Promise<T> => {
    if (weather.now === 'down') throw new Refusal('upstream', 'the directory is down')
    const answer = await call()
    if (weather.now === 'cut off') throw new Error('the process ends here')
    if (weather.now === 'answers lost') throw new Refusal('upstream-timeout', 'the answer was lost')
    return answer
  }
  return {
    submit: (did, operation) => through(() => plc.submit(did, operation)),
    data: plc.data,
    last: did => (weather.now === 'cut off' ? plc.last(did) : through(() => plc.last(did))),
  }
}

export const queryOf = (name: string, given: Partial<QueryRequest> = {}): QueryRequest => ({
  name,
  params: new Map(),
  start: undefined,
  limit: 1000,
  ...given,
})

/** Rows of an answer of the test hosts. */
export function rowsOf(drisl: Uint8Array): readonly string[] {
  const rows = decodeDrisl(drisl)
  if (!isArray(rows)) throw new Error('expected rows')
  return rows.map(String)
}

/** A subscription whose pages are collected. */
export interface Collected {
  readonly pages: SubscriptionPage[]
  /** Every row so far. */
  rows(): readonly string[]
  /** Resolves when `count` pages have come in all. */
  until(count: number): Promise<void>
  end(): void
}

export async function subscribe(
  engine: StreamsEngine,
  stream: string,
  options: {
    readonly query?: QueryRequest
    readonly caller?: Caller
    readonly gate?: Promise<void>
    readonly beforeTake?: () => Promise<void>
  } = {},
): Promise<Collected> {
  const pages: SubscriptionPage[] = []
  const controller = new AbortController()
  const waiting = new Set<() => void>()
  await engine.subscribe({
    stream,
    caller: options.caller ?? nobody,
    query: options.query ?? queryOf('all'),
    gate: options.gate ?? Promise.resolve(),
    signal: controller.signal,
    send: async page => {
      pages.push(page)
      for (const check of waiting) check()
      await options.beforeTake?.()
    },
  })
  return {
    pages,
    rows: () => pages.flatMap(page => (page.ok ? rowsOf(page.rows.drisl) : [])),
    until: count =>
      new Promise(resolve => {
        const check = () => {
          if (pages.length < count) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    end: () => controller.abort(),
  }
}

/** The refusal that a call ends with. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  const error = await call.then(
    () => new Error('expected a refusal, the call went through'),
    (cause: unknown) => cause,
  )
  if (!(error instanceof Refusal)) throw error
  return error
}

/** Resolves when `check` holds; looked at once in every turn of the loop. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise(resolve => setImmediate(resolve))
}
