/** What a host does for each request. */
import type { DrislInput, DrislMap } from '@leaf/codec/drisl'
import { asBytes, asInteger, asText } from '@leaf/streams/fields'
import type { BatchResult } from '../contract.ts'
import { applyItems } from './apply.ts'
import { as } from './connection.ts'
import {
  adoptState,
  builtStateFile,
  copyDatabase,
  filesOf,
  folderOf,
  moduleFile,
  removeDatabase,
  removeOlder,
} from './files.ts'
import { initTarget } from './init.ts'
import type { Kept } from './kept.ts'
import type { Opened } from './opened.ts'
import { abortPrepared, commitPrepared, prepareBatches } from './prepare.ts'
import { runQuery } from './query.ts'
import { readBatches, readItems, readQuery, readTarget } from './requests.ts'
import type { RowLimits } from './rows.ts'
import { validateModule } from './validate.ts'

export type Reply = Readonly<Record<string, DrislInput>>
export type Operation = (request: DrislMap) => Reply
export type Operations = Readonly<Record<string, Operation>>

/** About modules and files. */
export function fileOperations(kept: Kept, fileBytesMax: number): Operations {
  return {
    module: request => {
      kept.addModule(asText(request['cid'], 'cid'), asBytes(request['bytes'], 'bytes'))
      return {}
    },
    open: request => {
      const { one, tail } = kept.open(readTarget(request), request['verify'] === true)
      return { at: { ...one.position }, tail }
    },
    close: request => {
      kept.close(asText(request['key'], 'key'))
      return {}
    },
    init: request => {
      const target = readTarget(request)
      const definition = kept.definitionOf(target.cid)
      kept.close(target.key)
      initTarget(target, { definition, fileBytesMax })
      return {}
    },
    reset: request => {
      const target = readTarget(request)
      kept.close(target.key)
      const files = filesOf(target)
      removeDatabase(files.events)
      removeDatabase(files.main)
      return {}
    },
    adopt: request => {
      const target = readTarget(request)
      kept.close(target.key)
      adoptState(target, filesOf(target))
      removeOlder(target)
      return {}
    },
    discard: request => {
      const did = asText(request['did'], 'did')
      const generation = asInteger(request['generation'], 'generation')
      kept.close(`${did}#${generation}`)
      const folder = folderOf(did)
      removeDatabase(`${folder}/${builtStateFile(generation)}`)
      removeDatabase(`${folder}/${moduleFile(asText(request['cid'], 'cid'), generation)}`)
      return {}
    },
    checkpoint: request => {
      const { connection, position } = kept.upToDate(readTarget(request))
      as(connection, 'server', () => {
        connection.database.exec('pragma state.wal_checkpoint(truncate)')
        // What is on disk need not be repeated any more.
        connection.database.exec('delete from main.__leaf_redo')
      })
      return { seq: position.seq, idx: position.module }
    },
    copy: request => {
      const { files } = kept.upToDate(readTarget(request))
      copyDatabase(files.state, `${files.folder}/state-copy.db`)
      return {}
    },
  }
}

/** About what a module says, and about events and rows. */
export function rowOperations(kept: Kept, limits: RowLimits, monotonic: () => number): Operations {
  /** Runs a slice of the batches that are being prepared. */
  const goOn = (one: Opened, request: DrislMap): Reply => {
    const untilMs = monotonic() + asInteger(request['budgetMs'], 'budgetMs')
    for (;;) {
      const step = nextStep(one)
      if (step === undefined) return { isLost: true }
      if (step.done === true) {
        one.preparing = undefined
        return { results: step.value.map(result => ({ ...result })), pending: one.pending !== undefined }
      }
      if (monotonic() >= untilMs) return { isMore: true }
    }
  }

  return {
    validate: request => ({ warnings: validateModule(asBytes(request['bytes'], 'bytes')) }),
    apply: request => {
      const untilMs = monotonic() + asInteger(request['budgetMs'], 'budgetMs')
      const target = readTarget(request)
      const one = kept.current(target)
      const { count, error, reopen } = applyItems(one, readItems(request), () => monotonic() < untilMs)
      const at = { ...one.position }
      if (reopen) kept.close(target.key)
      return { count, error: error ?? null, at }
    },
    prepare: request => {
      const one = kept.upToDate(readTarget(request))
      const kind = request['kind'] === 'state' ? 'state' : 'event'
      one.preparing = prepareBatches(one, kind, readBatches(request))
      return goOn(one, request)
    },
    more: request => {
      const one = kept.get(asText(request['key'], 'key'))
      // It was opened anew meanwhile, somewhere else or here: from the start.
      return one?.preparing === undefined ? { isLost: true } : goOn(one, request)
    },
    commit: request => {
      const key = asText(request['key'], 'key')
      const one = kept.get(key)
      if (one !== undefined && !commitPrepared(one)) kept.close(key)
      return {}
    },
    abort: request => {
      const one = kept.get(asText(request['key'], 'key'))
      if (one !== undefined) abortPrepared(one)
      return {}
    },
    query: request => {
      const { count, drisl } = runQuery(kept.upToDate(readTarget(request)), readQuery(request), limits)
      return { count, rows: drisl }
    },
  }
}

/** One event of the batches that are being prepared; what fails there is not gone on with. */
function nextStep(one: Opened): IteratorResult<undefined, readonly BatchResult[]> | undefined {
  try {
    return one.preparing?.next()
  } catch (error) {
    one.preparing = undefined
    throw error
  }
}
