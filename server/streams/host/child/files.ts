/**
 * The files of one stream. The log's mirror and the module's tables can be deleted at any time and come back; the state
 * cannot. Each file says in a table of ours how far it is.
 */
import { constants, DatabaseSync } from 'node:sqlite'
import { fileExists, fileIdentity, makeFolder, moveFile, namesIn, removeFile } from '../../../kernel/files.ts'
import type { LogEvent } from '../contract.ts'
import type { ConnectionFiles } from './connection.ts'
import type { Target } from '../protocol.ts'

/** Where a target's tables are: those that serve, or those of a build beside them. */
export interface StreamFiles extends ConnectionFiles {
  readonly folder: string
}

/** The folder of a stream, in the host's working folder. Throws for a DID that is no plain name. */
export function folderOf(did: string): string {
  if (!/^did:[a-z0-9]+:[A-Za-z0-9._%-]+$/.test(did)) throw new Error(`expected a DID, got ${did}`)
  return `./${did}`
}

export const moduleFile = (cid: string, generation: number) => `module-${cid}-${generation}.db`
export const builtStateFile = (generation: number) => `state-${generation}.db`
const scratchFile = 'state-scratch.db'

export function filesOf(target: Target): StreamFiles {
  const folder = folderOf(target.did)
  const state = target.build ? builtStateFile(target.generation) : 'state.db'
  return {
    folder,
    main: `${folder}/${moduleFile(target.cid, target.generation)}`,
    events: `${folder}/log.db`,
    state: `${folder}/${state}`,
  }
}

export const scratchOf = (files: StreamFiles) => `${files.folder}/${scratchFile}`

/** Removes a database with what belongs to it. */
export function removeDatabase(path: string): void {
  // The log first: one that is left beside a new file would be replayed into it.
  for (const suffix of ['-wal', '-shm', '-journal', '']) removeFile(path + suffix)
}

/** Makes what is missing, empty: the module's file first, as the others say nothing without it. */
export function createFiles(files: StreamFiles): void {
  makeFolder(files.folder)
  create(files.events, 'off', eventsSchema)
  create(files.state, 'normal', stateSchema)
  create(files.main, 'normal', mainSchema)
}

const eventsSchema = `create table if not exists events(
  idx integer primary key, user text not null, payload blob not null, signature blob not null)`
const stateSchema = `create table if not exists __leaf_cursor(
  id integer primary key check (id = 1), seq integer not null, idx integer not null)`
const mainSchema = `create table if not exists __leaf_cursor(
  id integer primary key check (id = 1), idx integer not null);
create table if not exists __leaf_redo(idx integer primary key, changes blob not null)`

function create(path: string, flush: 'off' | 'normal', schema: string): void {
  const database = new DatabaseSync(path)
  try {
    database.exec(`pragma journal_mode = wal; pragma synchronous = ${flush}; ${schema}`)
  } finally {
    database.close()
  }
}

/** What tells whether these are still the files that were opened. */
export function identityOf(files: ConnectionFiles): string | undefined {
  const ids = [fileIdentity(files.main), fileIdentity(files.events), fileIdentity(files.state)]
  return ids.includes(undefined) ? undefined : ids.join(' ')
}

export const allThere = (files: ConnectionFiles) =>
  fileExists(files.main) && fileExists(files.events) && fileExists(files.state)

/**
 * Puts the state of a build that serves now in the place of the old one, when that was not done yet. A crash in between
 * leaves the built one, so that it is done at the next look.
 */
export function adoptState(target: Target, files: StreamFiles): void {
  const built = `${files.folder}/${builtStateFile(target.generation)}`
  if (target.build || !fileExists(built)) return
  closeLog(built)
  removeDatabase(files.state)
  moveFile(built, files.state)
}

/** Brings everything into the file itself, so that it can be moved alone. */
function closeLog(path: string): void {
  const database = new DatabaseSync(path)
  try {
    database.exec('pragma wal_checkpoint(truncate)')
  } finally {
    database.close()
  }
  for (const suffix of ['-wal', '-shm']) removeFile(path + suffix)
}

/** Removes modules and states that neither serve nor are being built for a later generation. */
export function removeOlder(target: Target): void {
  const folder = folderOf(target.did)
  for (const name of namesIn(folder)) {
    const generation = /^(?:module-[a-z0-9]+-|state-)(\d+)\.db$/.exec(name)?.[1]
    const isOwn = name === moduleFile(target.cid, target.generation)
    if (generation !== undefined && !isOwn && Number(generation) <= target.generation)
      removeDatabase(`${folder}/${name}`)
  }
}

/** A consistent copy of a database's file. */
export function copyDatabase(from: string, to: string): void {
  removeDatabase(to)
  const database = new DatabaseSync(from, { timeout: 1000 })
  try {
    database.prepare('vacuum into ?').run(to)
  } finally {
    database.close()
  }
  const copy = new DatabaseSync(to)
  try {
    copy.exec('pragma journal_mode = wal')
  } finally {
    copy.close()
  }
}

/**
 * Applies to the state what the module's file says was changed in it: they are committed one after the other, and a
 * process may be killed in between. Gives how many changes there were.
 */
export function redoState(files: ConnectionFiles): void {
  const main = new DatabaseSync(files.main)
  const state = new DatabaseSync(files.state, { timeout: 1000 })
  try {
    // Whoever else is committing it is done once this has begun.
    state.exec('begin immediate; pragma defer_foreign_keys = on')
    const known = state.prepare('select idx from __leaf_cursor').get()?.['idx']
    const pending = main
      .prepare('select idx, changes from __leaf_redo where idx > ? order by idx')
      .all(typeof known === 'number' ? BigInt(known) : Number.MAX_SAFE_INTEGER)
    for (const { idx, changes } of pending) {
      if (!(changes instanceof Uint8Array)) continue
      state.applyChangeset(changes, { onConflict: settleConflict })
      state.prepare('update __leaf_cursor set idx = ?').run(BigInt(Number(idx)))
    }
    state.exec('commit')
  } finally {
    main.close()
    state.close()
  }
}

function settleConflict(kind: number): number {
  const replaceable = kind === constants.SQLITE_CHANGESET_DATA || kind === constants.SQLITE_CHANGESET_CONFLICT
  return replaceable ? constants.SQLITE_CHANGESET_REPLACE : constants.SQLITE_CHANGESET_OMIT
}

/** Adds to a mirror what it lacks of these; gives its last idx. */
export function appendToMirror(path: string, events: readonly LogEvent[]): number {
  const database = new DatabaseSync(path, { timeout: 1000 })
  try {
    database.exec('pragma synchronous = off; begin immediate')
    const insert = database.prepare(
      'insert or ignore into events(idx, user, payload, signature) values(?, ?, ?, ?)',
    )
    for (const { idx, user, payload, signature } of events) insert.run(BigInt(idx), user, payload, signature)
    const last = database.prepare('select max(idx) as idx from events').get()?.['idx']
    database.exec('commit')
    return Number(last)
  } finally {
    database.close()
  }
}

/** Makes a state that is ahead of the house say that it is as far as the house: what it holds cannot be undone. */
export function capState(
  files: ConnectionFiles,
  { head, stateHead }: Pick<Target, 'head' | 'stateHead'>,
): void {
  const database = new DatabaseSync(files.state, { timeout: 1000 })
  try {
    const cap = database.prepare('update __leaf_cursor set seq = min(seq, ?), idx = min(idx, ?)')
    cap.run(BigInt(stateHead), BigInt(head))
  } finally {
    database.close()
  }
}

/** Makes a copy of a state say that no event of the log has touched it. */
export function rewindState(path: string): void {
  const database = new DatabaseSync(path)
  try {
    const hasCursor = database.prepare("select 1 from sqlite_master where name = '__leaf_cursor'").get()
    if (hasCursor !== undefined) database.exec('update __leaf_cursor set idx = 0')
  } finally {
    database.close()
  }
}
