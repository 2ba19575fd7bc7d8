/**
 * Takes streams out of a house and into one, for backups and for data of other servers: everything but the events as
 * one piece, the events in pages. What does not travel is made anew: the chain of hashes follows from the events, and
 * views follow from the log.
 */
import type { Clock } from '../../kernel/clock.ts'
import { Corruption, Refusal } from '../../kernel/errors.ts'
import { type SigningKey, signingKeyFrom } from '../../kernel/keys.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { forgetDeleted, isDeleted, isUnpurged } from '../database/deleted.ts'
import { insertEvents } from '../database/events.ts'
import { hasModule, insertModule } from '../database/modules.ts'
import { insertStateEvents, putStateCopy } from '../database/state-events.ts'
import {
  endImport,
  extendImport,
  frozenForImport,
  insertStream,
  ownersOf,
  sealedKeyOf,
  streamByDid,
  type StreamRecord,
} from '../database/streams.ts'
import type { LogEvent, SqlHosts, StateEvent, StreamDid } from '../host/contract.ts'
import type { StreamKeys } from '../identity/keys.ts'
import { moduleCidOf } from '../module/upload.ts'
import { linkHash } from './chain.ts'
import type { ChainedEvent } from './contract.ts'
import { viewOf } from './entry.ts'
import type { Registry } from './registry.ts'
import type { Removal } from './removal.ts'
import { movedOn } from './group.ts'

/** A stream without its events. */
export interface StreamDescription {
  readonly did: StreamDid
  /** The first pays: it counts against her quota. */
  readonly owners: readonly [string, ...string[]]
  readonly moduleCid: string
  readonly clientStamp: string | null
  readonly head: number
  /** As this house keeps it; opened only by the same sealing key. Null: the key is elsewhere. */
  readonly sealedKey: Uint8Array | null
}

/** A copy of a stream's state. */
export interface StateFile {
  readonly bytes: Uint8Array
  /** The last entry of the journal that is in it. */
  readonly seq: number
}

export interface StreamToImport {
  readonly did: StreamDid
  readonly owners: readonly [string, ...string[]]
  /** The module's DRISL; absent when it was uploaded before. */
  readonly module?: Uint8Array
  readonly moduleCid: string
  readonly clientStamp: string | null
  /** The 32 bytes of a secp256k1 key in the clear, or sealed by this house; null: the stream goes on without signatures. */
  readonly key: { readonly secret: Uint8Array } | { readonly sealed: Uint8Array } | null
  /** Its state, as `copyState` gives it; `seq` is 0 for a file of another server. */
  readonly state?: StateFile
  /** Entries of the state journal that are not in the state, in order; the first follows its `seq`. */
  readonly stateEvents?: readonly StateEvent[]
  /** Nothing can be added to it once it is here. */
  readonly frozen?: boolean
  /** The name that its DID has in the directory already. */
  readonly handle?: string | null
  /** Milliseconds since 1970; now, when absent. */
  readonly createdAt?: number
  /** In order, from any idx up to the one that is there already, plus one. */
  readonly events: AsyncIterable<readonly LogEvent[]> | Iterable<readonly LogEvent[]>
}

export interface Transfer {
  describe(stream: StreamDid): Promise<StreamDescription>
  /** A consistent copy; undefined when there is no state. Take it before the events: it must not be ahead of them. */
  copyState(stream: StreamDid): Promise<StateFile | undefined>
  /**
   * Brings a stream in; nobody can add to it before all of it is here. One that was cut off goes on where it was.
   * Throws Refusal `conflict` when the stream is here already, `invalid` for events that do not follow one another.
   */
  import(stream: StreamToImport): Promise<{ readonly events: number }>
}

/** Events that one transaction stores. */
const perTransactionMax = 1000
/** Bytes after which it stores fewer. */
const perTransactionBytes = 4 * 1024 * 1024

export function createTransfer(deps: {
  readonly database: Pick<Database, 'write' | 'read' | 'direct'>
  readonly hosts: Pick<SqlHosts, 'copyState' | 'placeState' | 'validate'>
  readonly registry: Registry
  readonly keys: StreamKeys
  readonly removal: Pick<Removal, 'purge'>
  readonly clock: Clock
  readonly log: Logger
  readonly node: string | null
}): Transfer {
  const { database, hosts, registry, keys, removal, clock, log, node } = deps

  const keepModule = async ({ module, moduleCid }: StreamToImport): Promise<void> => {
    if (await hasModule(database.direct, moduleCid)) return
    if (module === undefined) throw new Refusal('missing', `the module ${moduleCid} is not here`)
    if (moduleCidOf(module) !== moduleCid) {
      throw new Refusal('invalid', `expected the module ${moduleCid}, got ${moduleCidOf(module)}`)
    }
    const warnings = await hosts.validate(module)
    await database.write(tx =>
      insertModule(tx, { cid: moduleCid, drisl: module, warnings, createdAt: clock.now() }),
    )
  }
  const keyOf = ({ did, key }: StreamToImport): SigningKey | undefined => {
    if (key === null) return undefined
    try {
      return 'secret' in key ? signingKeyFrom(key.secret) : keys.open(did, key.sealed)
    } catch (cause) {
      if (!(cause instanceof Corruption)) throw cause
      // It came from outside: nothing of this house contradicts itself.
      const text =
        'secret' in key
          ? `the key of ${did} is no secp256k1 key`
          : `the key of ${did} was sealed with another secret: PDS_KEY_ENCRYPTION_SECRET must be that of the house it comes from`
      throw new Refusal('invalid', text, { cause })
    }
  }
  /** One that was deleted here comes back; what is left of it must not be removed together with the new one. */
  const clearAway = async (did: StreamDid): Promise<void> => {
    if (!(await isDeleted(database.direct, did))) return
    while (await isUnpurged(database.direct, did)) await removal.purge()
    await database.write(tx => forgetDeleted(tx, did))
  }
  /** The stream's row, from now or from an import that was cut off. */
  const begin = async (stream: StreamToImport, key: SigningKey | undefined): Promise<StreamRecord> => {
    const { did, owners, moduleCid, clientStamp, createdAt = clock.now() } = stream
    await clearAway(did)
    await database.write(tx =>
      insertStream(tx, {
        did,
        owners,
        module: moduleCid,
        clientStamp,
        signingKey: key?.didKey ?? null,
        signingKeySealed: key === undefined ? null : keys.seal(did, key),
        node,
        importing: true,
        createdAt,
      }),
    )
    const record = await streamByDid(database.direct, did)
    if (record === undefined || record.frozen !== frozenForImport) {
      throw new Refusal('conflict', `the stream ${did} is here already`)
    }
    return record
  }
  const store = async (record: StreamRecord, events: readonly LogEvent[], key: SigningKey | undefined) => {
    const { linked, headHash } = link(record, events, key)
    const head = record.head + linked.length
    const bytes = events.reduce((sum, { payload, signature }) => sum + payload.length + signature.length, 0)
    const stored = await database.write(async tx => {
      const advance = { id: record.id, node, from: record.head, to: head, headHash, bytes }
      if (!(await extendImport(tx, advance))) return false
      await insertEvents(tx, record.id, linked)
      return true
    })
    if (!stored) throw movedOn()
    return { ...record, head, headHash, bytes: record.bytes + bytes }
  }
  /** With the last of it: from here on others can add to it. */
  const end = async ({ id, head }: StreamRecord, stream: StreamToImport): Promise<void> => {
    const { state, stateEvents = [], frozen = false, handle = null } = stream
    const stateKept = state?.seq ?? (stateEvents[0]?.seq ?? 1) - 1
    checkJournal(stateKept, head, stateEvents)
    const stateHead = stateKept + stateEvents.length
    await database.write(async tx => {
      await insertStateEvents(tx, id, stateEvents)
      // Where nodes share the database, the one that takes the stream over finds the state there.
      if (node !== null && state !== undefined) {
        await putStateCopy(tx, id, { seq: state.seq, idx: head, bytes: state.bytes })
      }
      await endImport(tx, id, { stateHead, stateKept, frozen, handle })
    })
  }

  return {
    describe: async did => {
      const { record } = await opened(registry, did)
      const owners = (await ownersOf(database.direct, record.id)).filter(owner => owner !== record.payer)
      return {
        did,
        owners: [record.payer, ...owners],
        moduleCid: record.module,
        clientStamp: record.clientStamp,
        head: record.head,
        sealedKey: (await sealedKeyOf(database.direct, record.id)) ?? null,
      }
    },
    copyState: async did => {
      const { entry } = await opened(registry, did)
      return entry.lane.exclusive(async () => {
        const record = await registry.record(entry)
        const bytes = await hosts.copyState(viewOf(record))
        return bytes === undefined ? undefined : { bytes, seq: record.stateHead }
      })
    },
    import: async stream => {
      await keepModule(stream)
      const key = keyOf(stream)
      let record = await begin(stream, key)
      for await (const page of stream.events) {
        for (const events of inPieces(page.filter(event => event.idx > record.head))) {
          checkFollows(record.head, events)
          record = await store(record, events, key)
        }
      }
      const { state } = stream
      if (state !== undefined) await hosts.placeState(stream.did, state.bytes)
      const { head } = record
      await end(record, stream)
      const entry = registry.peek(stream.did)
      if (entry !== undefined) await entry.lane.exclusive(async () => void (entry.record = undefined))
      log.info({ stream: stream.did, events: head }, 'brought a stream in')
      return { events: head }
    },
  }
}

async function opened(registry: Registry, did: StreamDid) {
  const entry = await registry.open(did)
  return { entry, record: await registry.record(entry) }
}

function checkFollows(head: number, events: readonly LogEvent[]): void {
  for (const [at, { idx }] of events.entries()) {
    if (idx !== head + 1 + at) throw new Refusal('invalid', `expected event ${head + 1 + at}, got ${idx}`)
  }
}

function checkJournal(after: number, head: number, entries: readonly StateEvent[]): void {
  for (const [at, { seq, afterIdx }] of entries.entries()) {
    if (seq !== after + 1 + at) {
      throw new Refusal('invalid', `expected state event ${after + 1 + at}, got ${seq}`)
    }
    if (afterIdx > head) {
      throw new Refusal('invalid', `state event ${seq} follows event ${afterIdx}, of ${head}`)
    }
  }
}

/** Links events to the chain; the key signs the last of them. */
function link(record: StreamRecord, events: readonly LogEvent[], key: SigningKey | undefined) {
  const linked: ChainedEvent[] = []
  let prevHash = record.headHash
  for (const { idx, user, payload, signature } of events) {
    const event = { idx, user, payload, signature, prevHash }
    prevHash = linkHash(record.did, event)
    const isLast = linked.length === events.length - 1
    linked.push({ ...event, headSignature: isLast ? key?.sign(prevHash) : undefined })
  }
  return { linked, headHash: prevHash }
}

function* inPieces(events: readonly LogEvent[]): Generator<readonly LogEvent[]> {
  let piece: LogEvent[] = []
  let bytes = 0
  for (const event of events) {
    piece.push(event)
    bytes += event.payload.length
    if (piece.length < perTransactionMax && bytes < perTransactionBytes) continue
    yield piece
    piece = []
    bytes = 0
  }
  if (piece.length > 0) yield piece
}
