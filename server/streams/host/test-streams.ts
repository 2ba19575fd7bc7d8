/** Real hosts with a log in memory, for tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import {
  cidText,
  decodeDrisl,
  type DrislInput,
  type DrislValue,
  encodeDrisl,
  isMap,
  linkTo,
} from '@leaf/codec/drisl'
import { spawnChild, type SpawnChild } from '../../kernel/child.ts'
import { systemClock } from '../../kernel/clock.ts'
import { diskFolders } from '../../kernel/files.ts'
import { silentLogger } from '../../kernel/log.ts'
import { noMetrics } from '../../kernel/metrics.ts'
import type {
  HostQuery,
  HostSources,
  LogEvent,
  ModuleRef,
  SqlHosts,
  SqlParam,
  StateEvent,
  StreamView,
} from './contract.ts'
import { createSqlHosts } from './hosts.ts'
import type { HostLimits } from './limits.ts'

export interface TestModule {
  readonly initSql?: string
  readonly authorizer?: string
  readonly materializer?: string
  readonly stateInitSql?: string
  readonly stateMaterializer?: string
  readonly queries?: readonly {
    name: string
    sql: string
    params?: readonly { name: string; kind: string; optional: boolean }[]
  }[]
}

/** DRISL of a module with these scripts. */
export function moduleBytes(module: TestModule): Uint8Array {
  const {
    initSql = '',
    authorizer = '',
    materializer = '',
    stateInitSql = '',
    stateMaterializer = '',
  } = module
  return encodeDrisl({
    $type: 'muni.town.leaf.module.basic.v0',
    initSql,
    authorizer,
    materializer,
    stateInitSql,
    stateMaterializer,
    queries: (module.queries ?? []).map(query => ({ params: [], ...query })),
  })
}

/** A log that is truth, and what a house would do with it. */
export interface TestStream {
  readonly did: string
  readonly view: () => StreamView
  readonly events: LogEvent[]
  readonly entries: StateEvent[]
  /** Gives a module's reference, the next generation. */
  readonly useModule: (module: TestModule) => ModuleRef
  /** Prepares, stores, commits. Throws the first error. */
  readonly append: (user: string, ...payloads: DrislInput[]) => Promise<void>
  readonly appendState: (user: string, ...payloads: DrislInput[]) => Promise<void>
  readonly clear: () => void
  /** Rows with plain values. */
  readonly query: (
    name: string,
    options?: Partial<Omit<HostQuery, 'params'>> & { params?: Record<string, SqlParam> },
  ) => Promise<Record<string, unknown>[]>
}

export interface TestHosts {
  readonly folder: string
  readonly hosts: SqlHosts
  readonly sources: HostSources
  readonly stream: (module: TestModule, options?: { did?: string; owner?: string }) => TestStream
  /** Ends every host process now. */
  readonly killAll: () => void
  /** As after a restart of the house: other hosts on the same folder and log. */
  readonly restart: () => void
}

const signature = new Uint8Array(64).fill(7)
let names = 0

/** A DID that no other test has. */
export function freshDid(): string {
  names += 1
  const letters = names.toString(32).replace(/[0189]/g, digit => 'wxyz'['0189'.indexOf(digit)] ?? 'w')
  return `did:plc:${letters.padStart(24, 'a')}`
}

export function openTestHosts(t: Pick<TestContext, 'after'>, limits: Partial<HostLimits> = {}): TestHosts {
  const folder = mkdtempSync(join(tmpdir(), 'leaf-hosts-'))
  const modules = new Map<string, Uint8Array>()
  const streams = new Map<string, TestStream>()
  const children = new Set<ReturnType<SpawnChild>>()
  const sources = sourcesOf(streams, modules)
  const open = () =>
    createSqlHosts({
      folder,
      sources,
      clock: systemClock,
      log: silentLogger,
      metrics: noMetrics,
      limits,
      folders: diskFolders,
      spawn: options => {
        const child = spawnChild(options)
        children.add(child)
        return child
      },
    })
  let hosts = open()
  const keepsAlive = setInterval(() => undefined, 1000)
  t.after(async () => {
    clearInterval(keepsAlive)
    await hosts.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const self: TestHosts = {
    folder,
    get hosts() {
      return hosts
    },
    sources,
    stream: (module, { did = freshDid(), owner = did } = {}) => {
      const stream = createTestStream(self, modules, did, owner)
      streams.set(did, stream)
      stream.useModule(module)
      return stream
    },
    killAll: () => {
      for (const child of children) child.kill()
      children.clear()
    },
    restart: () => {
      void hosts.close()
      hosts = open()
    },
  }
  return self
}

function sourcesOf(streams: Map<string, TestStream>, modules: Map<string, Uint8Array>): HostSources {
  return {
    events: async (did, after, itemsMax) => (streams.get(did)?.events ?? []).slice(after, after + itemsMax),
    stateEvents: async (did, after, itemsMax) =>
      (streams.get(did)?.entries ?? []).filter(entry => entry.seq > after).slice(0, itemsMax),
    module: async cid => modules.get(cid),
  }
}

function createTestStream(
  test: Pick<TestHosts, 'hosts'>,
  modules: Map<string, Uint8Array>,
  did: string,
  owner: string,
): TestStream {
  const events: LogEvent[] = []
  const entries: StateEvent[] = []
  let module: ModuleRef = { cid: '', generation: 0 }
  const view = (): StreamView => ({
    did,
    owner,
    module,
    head: events.length,
    stateHead: entries.at(-1)?.seq ?? 0,
  })
  return {
    did,
    view,
    events,
    entries,
    useModule: definition => {
      const bytes = moduleBytes(definition)
      const cid = cidText(linkTo(bytes, data => createHash('sha256').update(data).digest()))
      modules.set(cid, bytes)
      module = { cid, generation: module.generation + 1 }
      return module
    },
    append: async (user, ...values) => {
      const payloads = values.map(value => (value instanceof Uint8Array ? value : encodeDrisl(value)))
      const prepared = await test.hosts.prepare(view(), [{ user, payloads, signature }])
      const [result] = prepared.results
      if (result?.ok !== true) {
        await prepared.abort()
        throw new Error(result?.error)
      }
      for (const payload of payloads) events.push({ idx: events.length + 1, user, payload, signature })
      await prepared.commit()
    },
    appendState: async (user, ...values) => {
      const payloads = values.map(value => encodeDrisl(value))
      const batch = { user, payloads, signature: new Uint8Array(0) }
      const prepared = await test.hosts.prepareState(view(), [batch])
      const [result] = prepared.results
      if (result?.ok !== true) {
        await prepared.abort()
        throw new Error(result?.error)
      }
      for (const payload of payloads)
        entries.push({
          seq: (entries.at(-1)?.seq ?? 0) + 1,
          afterIdx: events.length,
          kind: 'event',
          user,
          payload,
        })
      await prepared.commit()
    },
    clear: () => {
      const seq = (entries.at(-1)?.seq ?? 0) + 1
      entries.push({ seq, afterIdx: events.length, kind: 'clear', user: '', payload: new Uint8Array(0) })
    },
    query: async (name, { params = {}, ...options } = {}) => {
      const request = {
        name,
        start: 1,
        limit: 1000,
        user: null,
        ...options,
        params: new Map(Object.entries(params)),
      }
      const rows = await test.hosts.query(view(), request)
      return plainRows(rows.drisl)
    },
  }
}

/** Rows as `{column: value}`. */
export function plainRows(drisl: Uint8Array): Record<string, unknown>[] {
  const rows = decodeDrisl(drisl)
  if (!Array.isArray(rows)) throw new Error('expected an array of rows')
  return rows.map((row: DrislValue) => {
    const plain: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(isMap(row) ? row : {}))
      plain[name] = isMap(value) ? (value['value'] ?? null) : value
    return plain
  })
}
