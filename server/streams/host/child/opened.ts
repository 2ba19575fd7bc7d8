/** The tables of one target while they are open: connections, prepared statements, and how far they are. */
import type { StatementSync } from 'node:sqlite'
import type { BatchResult } from '../contract.ts'
import type { Position, Target } from '../protocol.ts'
import type { PolicyNotes } from './policy.ts'
import { type Connection, openConnection } from './connection.ts'
import type { ModuleDefinition } from './definition.ts'
import {
  adoptState,
  allThere,
  copyDatabase,
  filesOf,
  identityOf,
  redoState,
  removeDatabase,
  scratchOf,
  type StreamFiles,
} from './files.ts'
import type { PreparedQuery } from './rows.ts'
import { Moved } from './errors.ts'
import { createScript, type Script } from './script.ts'

/** Gives control back between events; the result of the last step is one result for each batch. */
export type Preparing = Generator<undefined, readonly BatchResult[]>

export interface Opened {
  readonly target: Target
  readonly definition: ModuleDefinition
  readonly files: StreamFiles
  readonly connection: Connection
  readonly own: OwnStatements
  readonly scripts: Record<'authorizer' | 'materializer' | 'stateMaterializer' | 'stateInitSql', Script>
  readonly identity: string | undefined
  /** What is committed. */
  position: Position
  /** While its state is a scratch copy: the idx up to which the true state has everything already. */
  readonly scratchUpTo: number | undefined
  /** Whether the materializer was seen to write the state. */
  writesState: boolean
  /** Positions after the open transaction; undefined when there is none. */
  pending: Position | undefined
  /** Batches that are being run, a slice at a time. */
  preparing: Preparing | undefined
  /** Its positions are not true any more. */
  hasMoved: boolean
  reader: Reader | undefined
  close(): void
}

/** What queries run on. */
export interface Reader {
  readonly connection: Connection
  /** By name, prepared. */
  readonly queries: Map<string, PreparedQuery>
  close(): void
}

/** Our own statements on the writing connection. */
export interface OwnStatements {
  readonly begin: StatementSync
  readonly howFar: StatementSync
  readonly commit: StatementSync
  readonly rollback: StatementSync
  readonly savepoint: StatementSync
  readonly release: StatementSync
  readonly rollbackTo: StatementSync
  readonly setEvent: StatementSync
  readonly setIdx: StatementSync
  readonly insertEvent: StatementSync
  readonly setModule: StatementSync
  readonly setStateSeq: StatementSync
  readonly setStateIdx: StatementSync
  readonly insertRedo: StatementSync
}

export interface OpenOptions {
  readonly definition: ModuleDefinition
  /** Of each file. */
  readonly fileBytesMax: number
}

/** Opens a target; undefined when its files must be made first. */
export function openTarget(target: Target, options: OpenOptions): Opened | undefined {
  const files = filesOf(target)
  adoptState(target, files)
  if (!allThere(files)) return undefined
  const first = openWriter(target, files, options)
  const at = readPositions(first.connection)
  const scratchUpTo = at === undefined ? undefined : scratchNeeded(at)
  if (at !== undefined && at.redo <= at.stateIdx && scratchUpTo === undefined) {
    removeDatabase(scratchOf(files))
    return complete(target, files, options, first, at.position, undefined)
  }
  first.connection.database.close()
  if (at === undefined) return undefined
  if (at.redo > at.stateIdx) redoState(files)
  if (scratchUpTo !== undefined) copyDatabase(files.state, scratchOf(files))
  const using = scratchUpTo === undefined ? files : { ...files, state: scratchOf(files) }
  return complete(target, files, options, openWriter(target, using, options), at.position, scratchUpTo)
}

/** The idx that the state has reached though the module's tables have not; undefined when they have. */
function scratchNeeded({ position, stateIdx, redo }: Positions): number | undefined {
  const upTo = Math.max(stateIdx, redo)
  return upTo > position.module ? upTo : undefined
}

function complete(
  target: Target,
  files: StreamFiles,
  { definition }: OpenOptions,
  writer: Writer,
  position: Position,
  scratchUpTo: number | undefined,
): Opened {
  const { connection, notes } = writer
  connection.database.exec(
    'create temp table event(idx, user, payload); insert into temp.event values(null, null, null)',
  )
  const { scripts } = definition
  const opened: Opened = {
    target,
    definition,
    files,
    connection,
    own: prepareOwn(connection),
    scripts: {
      authorizer: createScript(connection, 'authorizer', scripts.authorizer),
      materializer: createScript(connection, 'materializer', scripts.materializer),
      stateMaterializer: createScript(connection, 'stateMaterializer', scripts.stateMaterializer),
      stateInitSql: createScript(connection, 'stateInit', scripts.stateInitSql),
    },
    identity: identityOf(files),
    position,
    scratchUpTo,
    writesState: false,
    pending: undefined,
    preparing: undefined,
    hasMoved: false,
    reader: undefined,
    close: () => {
      opened.reader?.close()
      connection.database.close()
    },
  }
  notes.materializerWritesState = () => {
    opened.writesState = true
  }
  return opened
}

interface Positions {
  readonly position: Position
  readonly stateIdx: number
  /** The last change of the state that the module's file knows. */
  readonly redo: number
}

const begunFiles = `select
  (select count(*) from main.sqlite_master where name in ('__leaf_cursor', '__leaf_redo')) +
  (select count(*) from state.sqlite_master where name = '__leaf_cursor') +
  (select count(*) from events.sqlite_master where name = 'events') as count`
const howFar = `select main.idx as module, state.seq, state.idx as stateIdx,
  (select coalesce(max(idx), 0) from events.events) as log,
  (select coalesce(max(idx), 0) from main.__leaf_redo) as redo
  from main.__leaf_cursor as main, state.__leaf_cursor as state`

/** Undefined when a file has not been begun. */
export function readPositions({ database }: Connection): Positions | undefined {
  if (database.prepare(begunFiles).get()?.['count'] !== 4) return undefined
  const row = database.prepare(howFar).get()
  if (row === undefined) return undefined
  const { log, module, seq, stateIdx, redo } = row
  return {
    position: { log: Number(log), module: Number(module), seq: Number(seq) },
    stateIdx: Number(stateIdx),
    redo: Number(redo),
  }
}

/** For connections of which nothing is to be known later. */
export const noNotes: PolicyNotes = { writesState: () => undefined, calls: () => undefined }

interface Writer {
  readonly connection: Connection
  readonly notes: { materializerWritesState: () => void }
}

function openWriter(target: Target, files: StreamFiles, { fileBytesMax }: OpenOptions): Writer {
  const notes = { materializerWritesState: () => undefined as void }
  const connection = openConnection({
    files,
    // A build reads the mirror that what serves is writing.
    readsOnly: target.build ? ['events'] : [],
    fileBytesMax,
    notes: {
      calls: () => undefined,
      writesState: role => {
        if (role === 'materializer') notes.materializerWritesState()
      },
    },
  })
  return { connection, notes }
}

function prepareOwn({ database }: Connection): OwnStatements {
  const prepare = (sql: string) => database.prepare(sql)
  return {
    begin: prepare('begin'),
    howFar: prepare(howFar),
    commit: prepare('commit'),
    rollback: prepare('rollback'),
    savepoint: prepare('savepoint one_batch'),
    release: prepare('release one_batch'),
    rollbackTo: prepare('rollback to one_batch'),
    setEvent: prepare('update temp.event set idx = ?, user = ?, payload = ?'),
    setIdx: prepare('update temp.event set idx = ?'),
    insertEvent: prepare('insert into events.events(idx, user, payload, signature) values(?, ?, ?, ?)'),
    setModule: prepare('update main.__leaf_cursor set idx = ?'),
    setStateSeq: prepare('update state.__leaf_cursor set seq = ?'),
    setStateIdx: prepare('update state.__leaf_cursor set idx = ?'),
    insertRedo: prepare('insert or replace into main.__leaf_redo(idx, changes) values(?, ?)'),
  }
}

/**
 * Begins a transaction that sees and will write what `position` says. Throws Moved when another host, which had not come
 * to its commit yet, has moved the tables on: what is done already would be done twice.
 */
export function beginAt(opened: Opened): void {
  const { connection, own, position, target } = opened
  connection.role = 'server'
  own.begin.run()
  // Reading all three files fixes what is seen of them; a commit of somebody else from here on fails our first write.
  const row = own.howFar.get()
  const isSame =
    row?.['module'] === position.module &&
    row['seq'] === position.seq &&
    // A build only reads the mirror, and what serves goes on writing it.
    (target.build || row['log'] === position.log)
  if (isSame) return
  own.rollback.run()
  opened.hasMoved = true
  throw new Moved()
}
