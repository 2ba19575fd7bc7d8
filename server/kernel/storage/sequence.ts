import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Corruption } from '../errors.ts'
import type { Database, ReadTx, Tx } from './database.ts'

/** Numbers that consumers follow: each is visible only after all smaller ones, and none is ever given out twice. */
export interface Sequence {
  /**
   * The next number, for a row of this transaction, which holds the lock `sequence`. When the transaction fails, the
   * number was not given.
   */
  next(tx: Tx): Promise<number>
  /** The last number that was given, also one whose row is gone or was never restored. */
  last(tx: ReadTx): Promise<number>
  /** Writes down the exact last number, so that the next start goes on after it. Before the database is closed. */
  close(): Promise<void>
}

export interface SequenceOptions {
  readonly database: Database
  /** `[a-z]+`; also part of a file's name. */
  readonly name: string
  /** The data folder, in which the mark is kept: beside the database, and not part of its backup. */
  readonly folder: string
}

/** Numbers that one writing of the mark reserves, and that a start after a crash leaves out at most. */
export const sequenceReserve = 10_000

const migrations = [
  {
    version: 1,
    name: 'sequences',
    sql: 'CREATE TABLE storage_sequences (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, value BIGINT NOT NULL)',
  },
]

/**
 * Opens a sequence. Beside the database stands a mark, always at or above every number that was ever made durable; a
 * database from an older backup is moved up to it, so that nobody who follows hears a number twice. With several nodes
 * each keeps its own mark: after a restore of their PostgreSQL, the one that wrote last must start first.
 */
export async function openSequence({ database, name, folder }: SequenceOptions): Promise<Sequence> {
  if (!/^[a-z]+$/.test(name))
    throw new Error(`a sequence's name has the letters a to z, got ${JSON.stringify(name)}`)
  await database.migrate('storage', migrations)
  const path = join(folder, `sequence.${name}`)
  let reserved = readMark(path)
  await database.write(
    async tx => {
      await tx.run(
        `INSERT INTO storage_sequences (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE storage_sequences.value < excluded.value`,
        [name, reserved],
      )
    },
    { locks: ['sequence'] },
  )

  const last = async (tx: ReadTx): Promise<number> => {
    const row = await tx.get<{ value: number }>('SELECT value FROM storage_sequences WHERE name = $1', [name])
    if (row === undefined) throw new Corruption(`the row of the sequence ${name} is gone`)
    return row.value
  }

  return {
    next: async tx => {
      const row = await tx.get<{ value: number }>(
        'UPDATE storage_sequences SET value = value + 1 WHERE name = $1 RETURNING value',
        [name],
      )
      if (row === undefined) throw new Corruption(`the row of the sequence ${name} is gone`)
      if (row.value > reserved) {
        // Written within the transaction: it must be durable before the number can be.
        writeMark(folder, path, row.value + sequenceReserve)
        reserved = row.value + sequenceReserve
      }
      return row.value
    },
    last,
    close: async () => {
      const value = await database.read(last)
      writeMark(folder, path, value)
      reserved = value
    },
  }
}

function readMark(path: string): number {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
  const mark = Number(text)
  if (!/^\d+\n$/.test(text) || !Number.isSafeInteger(mark)) {
    throw new Corruption(
      `${path} should hold a number and a line break: put there the highest number ever sent`,
    )
  }
  return mark
}

function writeMark(folder: string, path: string, mark: number): void {
  const fresh = `${path}.new`
  writeFileSync(fresh, `${mark}\n`, { flush: true })
  renameSync(fresh, path)
  const entry = openSync(folder, 'r')
  try {
    fsyncSync(entry)
  } finally {
    closeSync(entry)
  }
}
