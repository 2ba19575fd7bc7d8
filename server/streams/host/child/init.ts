/** Makes the files of a target and runs the init scripts of its module. */
import { fileExists, makeFolder, moveFile } from '../../../kernel/files.ts'
import type { Target } from '../protocol.ts'
import { as, type Connection, openConnection } from './connection.ts'
import { ModuleError, sqlErrorText } from './errors.ts'
import {
  copyDatabase,
  createFiles,
  filesOf,
  folderOf,
  removeDatabase,
  rewindState,
  scratchOf,
} from './files.ts'
import { noNotes, type OpenOptions } from './opened.ts'
import { prepareStatement, runnerOf } from './script.ts'
import type { Role } from './policy.ts'
import type { SqlStatement } from './splitter.ts'

/** Repeatable: does what is missing. Throws ModuleError when a script fails; then nothing of it stays. */
export function initTarget(target: Target, { definition, fileBytesMax }: OpenOptions): void {
  const files = filesOf(target)
  makeFolder(files.folder)
  if (target.build) copyStateForBuild(target, files.state)
  createFiles(files)
  const open = (state: string) =>
    openConnection({ files: { ...files, state }, readsOnly: [], fileBytesMax, notes: noNotes })
  const connection = open(files.state)
  try {
    const begun = begunOf(connection)
    const isFresh = !begun.main
    const { initSql, stateInitSql } = definition.scripts
    if (isFresh && begun.stateIdx > 0 && !target.build) {
      // The tables come back, and what the script does to the state was done already.
      copyDatabase(files.state, scratchOf(files))
      const beside = open(scratchOf(files))
      try {
        inTransaction(beside, () => {
          runAll(beside, 'init', initSql)
          beginMain(beside)
        })
      } finally {
        beside.database.close()
        removeDatabase(scratchOf(files))
      }
      return
    }
    inTransaction(connection, () => {
      if (isFresh) runAll(connection, 'init', initSql)
      if (!begun.state || (isFresh && target.build)) runAll(connection, 'stateInit', stateInitSql)
      if (isFresh) beginMain(connection)
      if (!begun.state) beginState(connection, begun.stateHasTables ? target : { head: 0, stateHead: 0 })
    })
  } finally {
    connection.database.close()
  }
}

/** The state as it is, beside itself, under its name only when it is whole. */
function copyStateForBuild(target: Target, to: string): void {
  const from = `${folderOf(target.did)}/state.db`
  if (fileExists(to) || !fileExists(from)) return
  const part = `${to}-part`
  copyDatabase(from, part)
  // The log is going to run over it from the start.
  rewindState(part)
  for (const suffix of ['-wal', '-shm']) removeDatabase(part + suffix)
  moveFile(part, to)
}

interface Begun {
  readonly main: boolean
  readonly state: boolean
  readonly stateIdx: number
  /** It came from elsewhere, with tables: it shows everything up to the head. */
  readonly stateHasTables: boolean
}

function begunOf(connection: Connection): Begun {
  return as(connection, 'server', () => {
    const get = (sql: string) => connection.database.prepare(sql).get()
    const state = get('select idx from state.__leaf_cursor')
    const tables = get(
      "select count(*) as count from state.sqlite_master where name not like '\\_\\_leaf%' escape '\\'",
    )
    return {
      main: get('select idx from main.__leaf_cursor') !== undefined,
      state: state !== undefined,
      stateIdx: Number(state?.['idx'] ?? 0),
      stateHasTables: Number(tables?.['count']) > 0,
    }
  })
}

function beginMain(connection: Connection): void {
  as(connection, 'server', () => connection.database.exec('insert into main.__leaf_cursor values(1, 0)'))
}

function beginState(connection: Connection, { head, stateHead }: Pick<Target, 'head' | 'stateHead'>): void {
  as(connection, 'server', () => {
    const insert = connection.database.prepare('insert into state.__leaf_cursor values(1, ?, ?)')
    insert.run(BigInt(stateHead), BigInt(head))
  })
}

function inTransaction(connection: Connection, fn: () => void): void {
  const { database } = connection
  as(connection, 'server', () => database.exec('begin immediate'))
  try {
    fn()
    as(connection, 'server', () => database.exec('commit'))
  } catch (error) {
    as(connection, 'server', () => {
      if (database.isTransaction) database.exec('rollback')
    })
    throw error
  }
}

function runAll(connection: Connection, role: Role, statements: readonly SqlStatement[]): void {
  as(connection, role, () => {
    try {
      for (const statement of statements) runnerOf(prepareStatement(connection, statement), statement)()
    } catch (error) {
      throw new ModuleError(sqlErrorText(error), { cause: error })
    }
  })
}
