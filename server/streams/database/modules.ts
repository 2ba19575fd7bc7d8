/** Modules as rows: their bytes, who uploaded them, and what is being built. */
import type { ReadTx, Tx } from '../../kernel/storage/database.ts'

export async function moduleBytes(tx: ReadTx, cid: string): Promise<Uint8Array | undefined> {
  const row = await tx.get<{ drisl: Uint8Array }>('SELECT drisl FROM streams_module WHERE cid = $1', [cid])
  return row?.drisl
}

/** The warnings of a module that is kept; undefined when it is not. */
export async function moduleWarnings(tx: ReadTx, cid: string): Promise<readonly string[] | undefined> {
  const row = await tx.get<{ warnings: string }>('SELECT warnings FROM streams_module WHERE cid = $1', [cid])
  if (row === undefined) return undefined
  const value: unknown = JSON.parse(row.warnings)
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
}

export async function hasModule(tx: ReadTx, cid: string): Promise<boolean> {
  return (await tx.get('SELECT 1 AS one FROM streams_module WHERE cid = $1', [cid])) !== undefined
}

export interface NewModule {
  readonly cid: string
  readonly drisl: Uint8Array
  readonly warnings: readonly string[]
  readonly createdAt: number
}

/** Keeps a module; one that is there already stays as it is. */
export async function insertModule(tx: Tx, module: NewModule): Promise<void> {
  await tx.run(
    'INSERT INTO streams_module (cid, drisl, warnings, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
    [module.cid, module.drisl, JSON.stringify(module.warnings), module.createdAt],
  )
}

/** Notes that `creator` uploaded it now. */
export async function stageModule(
  tx: Tx,
  staged: { readonly creator: string; readonly cid: string; readonly bytes: number; readonly at: number },
): Promise<void> {
  await tx.run(
    `INSERT INTO streams_staged (creator, cid, bytes, staged_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (creator, cid) DO UPDATE SET staged_at = excluded.staged_at`,
    [staged.creator, staged.cid, staged.bytes, staged.at],
  )
}

/** Bytes of other modules that were uploaded and whose time is not over: by `creator`, and by all. */
export async function stagedBytes(
  tx: ReadTx,
  creator: string,
  exceptCid: string,
): Promise<{ readonly own: number; readonly all: number }> {
  const row = await tx.get<{ own: number; all: number }>(
    `SELECT CAST(coalesce(sum(CASE WHEN creator = $1 THEN bytes ELSE 0 END), 0) AS BIGINT) AS own,
       CAST(coalesce(sum(bytes), 0) AS BIGINT) AS "all" FROM streams_staged WHERE cid <> $2`,
    [creator, exceptCid],
  )
  return row ?? { own: 0, all: 0 }
}

/** Ends the time of uploads before `before`. */
export async function unstageBefore(tx: Tx, before: number): Promise<void> {
  await tx.run('DELETE FROM streams_staged WHERE staged_at < $1', [before])
}

/** Removes modules, kept since before `before`, that nobody staged, uses, creates with or builds; at most `limit`. Gives their CIDs. */
export async function collectModules(tx: Tx, before: number, limit: number): Promise<readonly string[]> {
  const rows = await tx.all<{ cid: string }>(
    `SELECT m.cid FROM streams_module m WHERE m.created_at < $1
       AND NOT EXISTS (SELECT 1 FROM streams_staged g WHERE g.cid = m.cid)
       AND NOT EXISTS (SELECT 1 FROM streams_stream s WHERE s.module = m.cid)
       AND NOT EXISTS (SELECT 1 FROM streams_pending p WHERE p.module = m.cid)
       AND NOT EXISTS (SELECT 1 FROM streams_update u WHERE u.module = m.cid)
     ORDER BY m.cid LIMIT $2`,
    [before, limit],
  )
  for (const { cid } of rows) await tx.run('DELETE FROM streams_module WHERE cid = $1', [cid])
  return rows.map(row => row.cid)
}

/** A module that is built beside the one that serves. */
export interface UpdateRow {
  readonly stream: number
  readonly did: string
  readonly module: string
  readonly generation: number
  readonly switched: number
}

const updateColumns = 'u.stream, s.did, u.module, u.generation, u.switched'

export function updateOf(tx: ReadTx, stream: number): Promise<UpdateRow | undefined> {
  return tx.get(
    `SELECT ${updateColumns} FROM streams_update u JOIN streams_stream s ON s.id = u.stream WHERE u.stream = $1`,
    [stream],
  )
}

/** Everything that is under way or was cut off, by stream, after `after`. */
export function updatesAfter(tx: ReadTx, after: number, limit: number): Promise<UpdateRow[]> {
  return tx.all(
    `SELECT ${updateColumns} FROM streams_update u JOIN streams_stream s ON s.id = u.stream
     WHERE u.stream > $1 ORDER BY u.stream LIMIT $2`,
    [after, limit],
  )
}

/** Begins an update: gives it the stream's next generation. Undefined when one is under way. */
export async function beginUpdate(
  tx: Tx,
  update: { readonly stream: number; readonly module: string; readonly at: number },
): Promise<number | undefined> {
  const row = await tx.get<{ generations: number }>(
    `UPDATE streams_stream SET generations = generations + 1
     WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM streams_update u WHERE u.stream = $2) RETURNING generations`,
    [update.stream, update.stream],
  )
  if (row === undefined) return undefined
  await tx.run(
    'INSERT INTO streams_update (stream, module, generation, started_at) VALUES ($1, $2, $3, $4)',
    [update.stream, update.module, row.generations, update.at],
  )
  return row.generations
}

/** Makes what was built the stream's module. The update stays until its state is in place. False when it is gone. */
export async function switchModule(tx: Tx, update: UpdateRow): Promise<boolean> {
  const { changes } = await tx.run(
    'UPDATE streams_update SET switched = 1 WHERE stream = $1 AND generation = $2',
    [update.stream, update.generation],
  )
  if (changes === 0) return false
  await tx.run('UPDATE streams_stream SET module = $1, generation = $2 WHERE id = $3', [
    update.module,
    update.generation,
    update.stream,
  ])
  return true
}

export async function endUpdate(tx: Tx, update: Pick<UpdateRow, 'stream' | 'generation'>): Promise<void> {
  await tx.run('DELETE FROM streams_update WHERE stream = $1 AND generation = $2', [
    update.stream,
    update.generation,
  ])
}
