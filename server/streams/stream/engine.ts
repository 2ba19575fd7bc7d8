/**
 * The streams of a house: one log each in the house database, and views of it that hosts make. Owns the order in which
 * a stream's appends, queries and changes happen, and who may what. Does not own: how it is asked (sockets, HTTP), and
 * what runs the modules' SQL (`host/`).
 */
import type { Database } from '../../kernel/storage/database.ts'
import { hasModule, updatesAfter } from '../database/modules.ts'
import { migrations } from '../database/schema.ts'
import { countStreams, listStreams, ownersOf, ownsStream, setFrozen } from '../database/streams.ts'
import { createCreation } from '../identity/create.ts'
import { createHandles } from '../identity/handle.ts'
import { createStreamKeys } from '../identity/keys.ts'
import { createMayCreate } from '../identity/may-create.ts'
import { createCollection } from '../module/collection.ts'
import { createModuleSummaries } from '../module/summary.ts'
import { createModuleUpdates, type ModuleUpdates } from '../module/update.ts'
import { createUpload } from '../module/upload.ts'
import { createAppendBudget } from './append-queue.ts'
import { createAppends, signedIn } from './append.ts'
import { createCheckpoints } from './checkpoints.ts'
import type { Caller, Streams } from './contract.ts'
import type { StreamsEngineDependencies } from './dependencies.ts'
import type { StreamEntry } from './entry.ts'
import { errorText } from './error-text.ts'
import { createEventGroup } from './group.ts'
import { createLease, soleLease } from './lease.ts'
import { createLogReading } from './log.ts'
import { createQueries } from './queries.ts'
import { createQuotas } from './quota.ts'
import { createRegistry } from './registry.ts'
import { createRemoval } from './removal.ts'
import { createClearGroup, createStateGroup } from './state-group.ts'
import { createStreamMetrics } from './stream-metrics.ts'
import { createSubscriptions } from './subscriptions.ts'
import { createSweeper } from './sweeper.ts'
import { createTransfer, type Transfer } from './transfer.ts'
import { forbidden, noSuchStream } from './texts.ts'

export interface StreamsEngine extends Streams {
  /** Takes up what was cut off, and begins what is done now and then. */
  start(): Promise<void>
  /** Takes on nothing new and waits for appends under way. Hosts are the caller's. */
  stop(): Promise<void>
  counts(): Promise<StreamsCounts>
  /** For backups, and for data of other servers. */
  readonly transfer: Transfer
}

export interface StreamsCounts {
  readonly streams: number
  readonly events: number
  readonly subscriptions: number
  /** Streams that hosts have open. */
  readonly open: number
  readonly builds: number
}

/** Brings the tables of the streams up to date. Before anything else of this system. */
export function migrateStreams(database: Pick<Database, 'migrate'>): Promise<void> {
  return database.migrate('streams', migrations)
}

/** Builds the engine. Nothing runs in the background before `start`; requests are answered before, too. */
export function createStreamsEngine(deps: StreamsEngineDependencies): StreamsEngine {
  const { database, hosts } = deps
  const rooms = createRooms(deps)
  const { registry, lease, appends, queries, subscriptions, updates, sweeper, summaries } = rooms
  return {
    ...createLogReading({ database, modules: summaries }),
    ...createOwnersActs(deps, rooms),
    ...createOperatorsActs(deps, rooms),
    uploadModule: createUpload({ ...deps, mayCreate: rooms.mayCreate, ...deps.settings.limits }),
    hasModule: cid => hasModule(database.direct, cid),
    create: rooms.creation.create,
    transfer: createTransfer({ ...deps, ...rooms, node: lease.node }),
    append: appends.append,
    appendState: appends.appendState,
    query: async (caller, stream, query) => queries.once(await registry.open(stream), query, caller.did),
    subscribe: subscriptions.subscribe,
    start: async () => {
      await lease.start()
      sweeper.start()
    },
    stop: async () => {
      await Promise.all([subscriptions.stop(), updates.stop(), sweeper.stop()])
      await appends.stop()
      await lease.stop()
    },
    counts: async () => ({
      ...(await countStreams(database.direct)),
      subscriptions: subscriptions.count(),
      open: hosts.counts().openStreams,
      builds: updates.count(),
    }),
  }
}

type Rooms = ReturnType<typeof createRooms>

function createRooms(deps: StreamsEngineDependencies) {
  const { database, hosts, clock, log, settings } = deps
  const lease =
    deps.node === undefined
      ? soleLease
      : createLease({ ...deps, node: deps.node, onLost: () => registry.forgetAll() })
  const { node } = lease
  const registry = createRegistry({ database, hosts, lease })
  const keys = createStreamKeys(deps)
  const quotas = createQuotas({ database, clock, fallback: settings.limits.quota })
  const budget = createAppendBudget()
  const summaries = createModuleSummaries(database.direct)
  const metrics = createStreamMetrics(deps.metrics, {
    subscriptions: () => subscriptions.count(),
    entries: () => registry.size(),
    waitingBatches: () => budget.counts().batches,
    builds: () => updates.count(),
  })
  const groupDeps = { database, hosts, registry, keys, quotas, node, log, metrics }
  const groups = {
    events: createEventGroup(groupDeps),
    state: createStateGroup({ ...groupDeps, onJournal: entry => void checkpoints.consider(entry) }),
    clear: createClearGroup(groupDeps),
  }
  const { limits, endpoint } = settings
  const appends = createAppends({ registry, quotas, budget, groups, limits, clock, metrics })
  const queries = createQueries({ registry, hosts, modules: summaries, clock, metrics })
  const subscriptions = createSubscriptions({ registry, queries, clock, log, metrics })
  const updates = createModuleUpdates({ database, hosts, registry, clock, log, metrics })
  const mayCreate = createGuard(deps)
  const created = () => metrics.created()
  const creation = createCreation({ ...deps, keys, quotas, mayCreate, endpoint, node, onCreated: created })
  const handles = createHandles({ ...deps, registry, keys })
  const removal = createRemoval({ ...deps, registry, keys, quotas })
  const isBuilding = (did: string) => updates.isUnderWay(did)
  const checkpoints = createCheckpoints({ ...deps, registry, isBuilding, shared: node !== null })
  const chores = {
    updates: () => resumeUpdates(deps, updates),
    modules: createCollection(deps),
    deleted: removal.purge,
    states: checkpoints.round,
  }
  const sweeper = createSweeper({ database, clock, log, creation, handles, chores })
  return {
    lease,
    registry,
    keys,
    quotas,
    summaries,
    appends,
    queries,
    subscriptions,
    updates,
    mayCreate,
    creation,
    handles,
    removal,
    sweeper,
  }
}

function createGuard({ settings, database, isMember }: StreamsEngineDependencies) {
  return createMayCreate({
    ...settings,
    open: settings.openCreation,
    isMember,
    ownsStream: did => ownsStream(database.direct, did),
  })
}

/** What owners of a stream may do. */
function createOwnersActs(deps: StreamsEngineDependencies, rooms: Rooms) {
  const { database, settings } = deps
  const { registry, updates, appends, handles } = rooms
  const moduleAdmins = new Set(settings.moduleAdmins)

  const isOwner = async (entry: StreamEntry, did: string) => {
    const record = await registry.record(entry)
    return (await ownersOf(database.direct, record.id)).includes(did)
  }
  const ownersEntry = async (
    caller: Caller,
    stream: string,
    texts: { readonly anonymous: string; readonly stranger: string },
  ) => {
    const did = signedIn(caller, texts.anonymous)
    const entry = await registry.open(stream)
    if (!(await isOwner(entry, did))) throw forbidden(texts.stranger)
    return entry
  }

  return {
    updateModule: async (caller: Caller, stream: string, moduleCid: string) => {
      const did = signedIn(caller, 'Only the stream creator can update its module')
      const entry = await registry.open(stream)
      if (!moduleAdmins.has(did) && !(await isOwner(entry, did))) {
        throw forbidden('Only a stream owner can update its module')
      }
      await updates.update(entry, moduleCid)
    },
    clearState: async (caller: Caller, stream: string) => {
      const texts = {
        anonymous: 'Only authenticated users can clear state',
        stranger: 'Only a stream owner can set its handle',
      }
      await appends.clearState(await ownersEntry(caller, stream, texts))
    },
    setHandle: async (caller: Caller, stream: string, handle: string | null) => {
      const texts = {
        anonymous: 'Only the stream creator can update its handle',
        stranger: 'Only a stream owner can set its handle',
      }
      await handles.set(await ownersEntry(caller, stream, texts), handle)
    },
  }
}

/** Streams that a list gives at most. */
const listMax = 1000

/** What operators may do: nobody is asked who they are. */
function createOperatorsActs(
  { database }: StreamsEngineDependencies,
  { registry, removal, quotas }: Rooms,
): Pick<Streams, 'list' | 'freeze' | 'delete' | 'setQuota' | 'quotaOf'> {
  return {
    list: async ({ owner, after = '', limit }) => {
      const options = { after, limit: Math.min(Math.max(1, limit), listMax) }
      const rows = await database.read(tx =>
        listStreams(tx, owner === undefined ? options : { ...options, owner }),
      )
      return rows.map(({ did, owners, module, handle, head, bytes, frozen, createdAt }) => ({
        did,
        owners,
        moduleCid: module,
        handle,
        head,
        bytes,
        frozen: frozen !== 0,
        createdAt,
      }))
    },
    freeze: async (stream, frozen) => {
      // On any node: what is stored checks it, so that it holds for the one that serves the stream, too.
      const found = await database.write(tx => setFrozen(tx, stream, frozen))
      if (!found) throw noSuchStream(stream)
      const entry = registry.peek(stream)
      if (entry !== undefined) await entry.lane.exclusive(async () => void (entry.record = undefined))
    },
    delete: async stream => removal.remove(await registry.open(stream)),
    setQuota: quotas.set,
    quotaOf: quotas.of,
  }
}

/** Builds that were cut off and are taken up at the same time. */
const resumedMax = 4

/** Goes on with modules that were being built; nobody waits for them, so faults are told in the log. */
async function resumeUpdates(
  { database, log }: StreamsEngineDependencies,
  updates: ModuleUpdates,
): Promise<void> {
  for (const row of await database.read(tx => updatesAfter(tx, 0, updatesPerRound))) {
    if (updates.isUnderWay(row.did)) continue
    if (updates.count() >= resumedMax) return
    log.info({ stream: row.did, module: row.module }, 'goes on building a module')
    updates.resume(row).catch((error: unknown) => {
      log.warn({ stream: row.did, error: errorText(error) }, 'could not go on building a module')
    })
  }
}

const updatesPerRound = 100
