/** One host: what is open in it, and what it does for each request. One request at a time, everything synchronous. */
import { type DrislInput, type DrislMap, decodeDrisl, encodeDrisl } from '@leaf/codec/drisl'
import { asBytes, asInteger, asMap, asText } from '@leaf/streams/fields'
import { createBoundedMap } from '../../../kernel/bounded-map.ts'
import type { HostNeed, Target } from '../protocol.ts'
import { applyItems } from './apply.ts'
import { as } from './connection.ts'
import { type ModuleDefinition, readDefinition } from './definition.ts'
import { faultOfFiles, messageOf, ModuleError } from './errors.ts'
import {
  adoptState,
  builtStateFile,
  capState,
  copyDatabase,
  filesOf,
  folderOf,
  identityOf,
  moduleFile,
  removeDatabase,
  removeOlder,
} from './files.ts'
import { initTarget } from './init.ts'
import { type Opened, openTarget } from './opened.ts'
import { abortPrepared, commitPrepared, prepareBatches } from './prepare.ts'
import { runQuery } from './query.ts'
import { readBatches, readItems, readQuery, readTarget } from './requests.ts'
import { validateModule } from './validate.ts'

export interface HostSettings {
  readonly openMax: number
  readonly fileBytesMax: number
  readonly rowsMax: number
  readonly answerBytesMax: number
}

/** Modules that are kept read, by the bytes they came in. */
const modulesBytesMax = 32 * 1024 * 1024

/** A request that cannot be done before something else. */
class Need extends Error {
  override readonly name = 'Need'
  readonly need: HostNeed

  constructor(need: HostNeed) {
    super(need)
    this.need = need
  }
}

type Reply = Readonly<Record<string, DrislInput>>

/** Answers frames. `monotonic` is the clock of budgets. */
export function createHost(
  settings: HostSettings,
  monotonic: () => number,
): (frame: Uint8Array) => Uint8Array | undefined {
  const modules = createBoundedMap<string, { definition: ModuleDefinition; bytes: number }>(
    modulesBytesMax,
    one => one.bytes,
  )
  const opened = new Map<string, Opened>()

  const close = (key: string) => {
    const one = opened.get(key)
    opened.delete(key)
    one?.close()
  }

  const definitionOf = (cid: string): ModuleDefinition => {
    const known = modules.get(cid)
    if (known === undefined) throw new Need('module')
    return known.definition
  }

  /** The target as it is open; used last. */
  const current = (target: Target): Opened => {
    const one = opened.get(target.key)
    const isSame =
      one !== undefined &&
      one.target.epoch === target.epoch &&
      one.target.cid === target.cid &&
      one.target.generation === target.generation &&
      !hasServedScratch(one) &&
      one.identity === identityOf(one.files)
    if (!isSame) throw new Need('open')
    opened.delete(target.key)
    opened.set(target.key, one)
    if (one.pending !== undefined || one.preparing !== undefined) abortPrepared(one)
    return one
  }

  const makeRoom = () => {
    for (const [key, one] of opened) {
      if (opened.size < settings.openMax) return
      if (one.pending === undefined && one.preparing === undefined) close(key)
    }
  }

  const open = (target: Target, verify: boolean): Reply => {
    const definition = definitionOf(target.cid)
    close(target.key)
    makeRoom()
    const one = openTarget(target, { definition, fileBytesMax: settings.fileBytesMax })
    if (one === undefined) throw new Need('init')
    opened.set(target.key, one)
    const tail = verify ? verified(one, target) : null
    return { at: { ...one.position }, tail }
  }

  /** The last event of the mirror, for comparison. What is ahead of the house is of another history. */
  const verified = (one: Opened, target: Target): DrislInput => {
    const { log, module } = one.position
    if (log > target.head || module > target.head) throw new Need('reset')
    if (one.position.seq > target.stateHead || (one.scratchUpTo ?? 0) > target.head) {
      close(target.key)
      capState(one.files, target)
      throw new Need('open')
    }
    if (log === 0) return null
    return as(one.connection, 'server', () => {
      const row = one.connection.database
        .prepare('select user, payload from events.events where idx = ?')
        .get(BigInt(log))
      return row === undefined
        ? null
        : { idx: log, user: String(row['user']), payload: asPayload(row['payload']) }
    })
  }

  const behind = (one: Opened, target: Target): Reply | undefined => {
    const { log, module, seq } = one.position
    const isBehind = log < target.head || module < target.head || seq < target.stateHead
    return isBehind ? { kind: 'behind', at: { ...one.position } } : undefined
  }

  /** Runs a slice of the batches that are being prepared. */
  const goOn = (one: Opened, request: DrislMap): Reply => {
    const untilMs = monotonic() + asInteger(request['budgetMs'], 'budgetMs')
    for (;;) {
      const step = one.preparing?.next()
      if (step === undefined) return { isLost: true }
      if (step.done === true) {
        one.preparing = undefined
        return { results: step.value.map(result => ({ ...result })), pending: one.pending !== undefined }
      }
      if (monotonic() >= untilMs) return { isMore: true }
    }
  }

  const operations: Readonly<Record<string, (request: DrislMap) => Reply>> = {
    module: request => {
      const bytes = asBytes(request['bytes'], 'bytes')
      modules.set(asText(request['cid'], 'cid'), { definition: readModule(bytes), bytes: bytes.length })
      return {}
    },
    open: request => open(readTarget(request), request['verify'] === true),
    init: request => {
      const target = readTarget(request)
      const definition = definitionOf(target.cid)
      close(target.key)
      initTarget(target, { definition, fileBytesMax: settings.fileBytesMax })
      return {}
    },
    reset: request => {
      const target = readTarget(request)
      close(target.key)
      const files = filesOf(target)
      removeDatabase(files.events)
      removeDatabase(files.main)
      return {}
    },
    apply: request => {
      const started = monotonic()
      const budgetMs = asInteger(request['budgetMs'], 'budgetMs')
      const target = readTarget(request)
      const one = current(target)
      const applied = applyItems(one, readItems(request), () => monotonic() - started < budgetMs)
      const at = { ...one.position }
      if (applied.reopen) close(target.key)
      return { count: applied.count, error: applied.error ?? null, at }
    },
    prepare: request => {
      const target = readTarget(request)
      const one = current(target)
      const late = behind(one, target)
      if (late !== undefined) return late
      const kind = request['kind'] === 'state' ? 'state' : 'event'
      one.preparing = prepareBatches(one, kind, readBatches(request))
      return goOn(one, request)
    },
    more: request => {
      const one = opened.get(asText(request['key'], 'key'))
      // It was opened anew meanwhile, somewhere else or here: from the start.
      return one?.preparing === undefined ? { isLost: true } : goOn(one, request)
    },
    commit: request => {
      const key = asText(request['key'], 'key')
      const one = opened.get(key)
      if (one !== undefined && !commitPrepared(one)) close(key)
      return {}
    },
    abort: request => {
      const one = opened.get(asText(request['key'], 'key'))
      if (one !== undefined) abortPrepared(one)
      return {}
    },
    close: request => {
      close(asText(request['key'], 'key'))
      return {}
    },
    query: request => {
      const target = readTarget(request)
      const one = current(target)
      const late = behind(one, target)
      if (late !== undefined) return late
      const { rowsMax, answerBytesMax: bytesMax } = settings
      const { count, drisl } = runQuery(one, readQuery(request), { rowsMax, bytesMax })
      return { count, rows: drisl }
    },
    adopt: request => {
      const target = readTarget(request)
      close(target.key)
      adoptState(target, filesOf(target))
      removeOlder(target)
      return {}
    },
    discard: request => {
      const did = asText(request['did'], 'did')
      const generation = asInteger(request['generation'], 'generation')
      close(`${did}#${generation}`)
      const folder = folderOf(did)
      removeDatabase(`${folder}/${builtStateFile(generation)}`)
      removeDatabase(`${folder}/${moduleFile(asText(request['cid'], 'cid'), generation)}`)
      return {}
    },
    checkpoint: request => {
      const target = readTarget(request)
      const one = current(target)
      const late = behind(one, target)
      if (late !== undefined) return late
      as(one.connection, 'server', () => {
        one.connection.database.exec('pragma state.wal_checkpoint(truncate)')
        one.connection.database.exec('delete from main.__leaf_redo')
      })
      return { seq: one.position.seq, idx: one.position.module }
    },
    copy: request => {
      const target = readTarget(request)
      const one = current(target)
      const late = behind(one, target)
      if (late !== undefined) return late
      const to = `${one.files.folder}/state-copy.db`
      copyDatabase(one.files.state, to)
      return {}
    },
    validate: request => ({ warnings: validateModule(asBytes(request['bytes'], 'bytes')) }),
  }

  const answer = (request: DrislMap): Reply => {
    const op = asText(request['op'], 'op')
    try {
      const run = operations[op]
      if (run === undefined) throw new Error(`no operation ${op}`)
      return { kind: 'done', ...run(request) }
    } catch (error) {
      if (error instanceof Need) return { kind: 'need', need: error.need }
      const fault = faultOfFiles(error)
      if (fault === undefined)
        return { kind: 'error', text: messageOf(error), own: !(error instanceof ModuleError) }
      const target = request['target']
      if (target !== undefined) close(readTarget(request).key)
      return { kind: 'need', need: fault }
    }
  }

  return frame => {
    const request = asMap(decodeDrisl(frame), 'request')
    const reply = answer(request)
    // Nobody waits for these: what comes next on the pipe is done after them.
    return isOneWay(request['op']) ? undefined : encodeDrisl({ ...reply, open: opened.size })
  }
}

const isOneWay = (op: unknown) => op === 'commit' || op === 'abort'

/** Its tables have reached the state, so that they go on with the true one. */
function hasServedScratch({ scratchUpTo, position }: Opened): boolean {
  return scratchUpTo !== undefined && position.module >= scratchUpTo
}

function readModule(bytes: Uint8Array): ModuleDefinition {
  try {
    return readDefinition(bytes)
  } catch (error) {
    throw new ModuleError(messageOf(error), { cause: error })
  }
}

function asPayload(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new Error('expected a payload of bytes')
  return value
}
