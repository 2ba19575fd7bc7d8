/**
 * Writes to a SQLite database until it is killed, from many writers at once, and says on standard output what was
 * answered: one line `writer number` each. Arguments: path, writers, synchronous, and how many writes (absent: no end).
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../server/kernel/clock.ts'
import type { Database } from '../../server/kernel/storage/database.ts'
import { openSqlite } from '../../server/kernel/storage/sqlite.ts'

/** Rows that one transaction writes: all of them are there afterwards, or none. */
const rowsEach = 3

async function main([
  path = '',
  writers = '16',
  synchronous = 'FULL',
  writesMax = 'Infinity',
]: readonly string[]) {
  const database = await openSqlite({
    path,
    clock: systemClock,
    synchronous: synchronous === 'OFF' ? 'OFF' : 'FULL',
  })
  await database.migrate('crash', [
    {
      version: 1,
      name: 'rows',
      sql: 'CREATE TABLE crash_rows (writer BIGINT, number BIGINT, part BIGINT, bytes BYTEA, PRIMARY KEY (writer, number, part))',
    },
  ])
  const state = { left: Number(writesMax) }
  await Promise.all(Array.from({ length: Number(writers) }, (_, writer) => writeOn(database, writer, state)))
  await database.close()
}

async function writeOn(database: Database, writer: number, state: { left: number }): Promise<void> {
  const last = await database.read(tx =>
    tx.get<{ number: number | null }>('SELECT MAX(number) AS number FROM crash_rows WHERE writer = $1', [
      writer,
    ]),
  )
  for (let number = (last?.number ?? 0) + 1; state.left > 0; number += 1) {
    state.left -= 1
    await database.write(async tx => {
      for (let part = 0; part < rowsEach; part += 1) {
        const bytes = new Uint8Array(700).fill(part)
        await tx.run('INSERT INTO crash_rows (writer, number, part, bytes) VALUES ($1, $2, $3, $4)', [
          writer,
          number,
          part,
          bytes,
        ])
      }
    })
    // Not console: this line must have left the process when the next write begins.
    writeSync(1, `${writer} ${number}\n`)
  }
}

await main(process.argv.slice(2))
