import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { DatabaseSync } from 'node:sqlite'
import { StartFault } from '../lifecycle.ts'

/** Beside the lock: the process that took it last. */
const pidFile = 'lock.pid'

/** A data folder that is ours alone until it is closed, or the process ends, however it ends. */
export interface DataFolder {
  close(): void
}

/**
 * Makes the data folder, for this user's eyes alone, and takes it. Throws StartFault with a sentence when it cannot be
 * used, or when another Leaf has it: two writers that do not hear of each other would wake nobody.
 */
export function openDataFolder(path: string): DataFolder {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown'
    throw new StartFault(`the data folder ${path} cannot be used (${reason}); LEAF_DATA_DIR names another`, {
      cause,
    })
  }
  return take(path)
}

/** An exclusive lock of SQLite's: the operating system gives it back when the process dies. */
function take(path: string): DataFolder {
  const lock = new DatabaseSync(join(path, 'lock'), { timeout: 0 })
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    throw new StartFault(
      `another Leaf${holder(path)} runs on the data folder ${path}; stop it first, or give this one a folder of its own (LEAF_DATA_DIR)`,
      { cause },
    )
  }
  writeFileSync(join(path, pidFile), `${process.pid}\n`)
  return { close: () => lock.close() }
}

/** Who has the folder, for people; the lock is what counts. */
function holder(path: string): string {
  try {
    const pid = readFileSync(join(path, pidFile), 'utf8').trim()
    return /^\d+$/.test(pid) ? ` (process ${pid})` : ''
  } catch {
    return ''
  }
}
