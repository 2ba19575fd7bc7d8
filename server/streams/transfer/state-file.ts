/** Copies of state files, also of those that somebody writes to at this moment. */
import { backup, DatabaseSync } from 'node:sqlite'
import { Refusal } from '../../kernel/errors.ts'
import { fileExists, type Folders, removeFile } from '../../kernel/files.ts'

export interface StateSnapshot {
  readonly bytes: Uint8Array
  /** What it has in it, as Leaf's own table in it says; absent in files of others. */
  readonly position: StatePosition | undefined
}

export interface StatePosition {
  /** The last entry of the state journal. */
  readonly seq: number
  /** The last event of the log. */
  readonly idx: number
}

const busyMs = 10_000
/** All of it in one step, so that nobody can change it meanwhile and make it begin again. */
const pagesPerStep = 2 ** 30

/**
 * A consistent copy of a state file; undefined when there is none. Copies pages and runs no SQL of the file's. `scratch`
 * is the path of a file that is made and removed. Throws Refusal `invalid` when it is no database.
 */
export async function readState(
  folders: Pick<Folders, 'read'>,
  path: string,
  scratch: string,
): Promise<StateSnapshot | undefined> {
  if (!fileExists(path)) return undefined
  try {
    const source = new DatabaseSync(path, { readOnly: true, timeout: busyMs })
    try {
      await backup(source, scratch, { rate: pagesPerStep })
    } finally {
      source.close()
    }
    const position = positionIn(scratch)
    const bytes = await folders.read(scratch)
    return bytes === undefined ? undefined : { bytes, position }
  } catch (cause) {
    throw noState(path, cause)
  } finally {
    removeAll(scratch)
  }
}

/** How far a state is that came as bytes. Throws Refusal `invalid` when they are no database. */
export async function positionOf(
  folders: Pick<Folders, 'writeDurably'>,
  name: string,
  bytes: Uint8Array,
  scratch: string,
): Promise<StatePosition | undefined> {
  try {
    await folders.writeDurably(scratch, bytes)
    return positionIn(scratch)
  } catch (cause) {
    throw noState(name, cause)
  } finally {
    removeAll(scratch)
  }
}

function positionIn(path: string): StatePosition | undefined {
  const database = new DatabaseSync(path, { readOnly: true, timeout: busyMs })
  try {
    const known = database.prepare("select 1 from sqlite_master where name = '__leaf_cursor'").get()
    if (known === undefined) return undefined
    const row = database.prepare('select seq, idx from __leaf_cursor').get()
    return row === undefined ? undefined : { seq: Number(row['seq']), idx: Number(row['idx']) }
  } finally {
    database.close()
  }
}

function removeAll(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) removeFile(path + suffix)
}

function noState(name: string, cause: unknown): Refusal {
  const reason = cause instanceof Error ? cause.message : 'unknown'
  return new Refusal('invalid', `${name} cannot be read as a state file (${reason})`, { cause })
}
