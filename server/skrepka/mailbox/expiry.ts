/** Mail that nobody fetched goes after its time, and so does the memory of mail; in small transactions. */
import type { Clock } from '../../kernel/clock.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import type { BlobStore } from '../../kernel/storage/blobs.ts'
import type { KeyHex } from '../contract.ts'
import { deleteExpired, deleteSeen, readExpired, refsInUse } from '../database/expiry.ts'
import type { Boxes } from './boxes.ts'
import { takeOut } from './collect.ts'
import { refPrefix, refTime, type Vault } from './vault.ts'

/** Rows of one transaction, and transactions of one sweep. */
const rowsMax = 500
const roundsMax = 20
/** Blobs of the blob store that are looked at in one sweep. */
const refsMax = 200
/** A blob that has no row after this long has none any more. */
const orphanMs = 3_600_000

export interface Expiry {
  /** Removes what is over; gives whether there may be more. */
  sweep(): Promise<void>
  /** Removes mail before its time: somebody else has it. */
  release(mail: readonly { readonly key: KeyHex; readonly seq: number }[]): Promise<void>
}

export function createExpiry(deps: {
  readonly database: Database
  readonly blobs: BlobStore
  readonly vault: Vault
  readonly boxes: Boxes
  readonly clock: Clock
  readonly messageMaxAge: number
  readonly forget: (tx: Tx, box: number, seqs: readonly number[]) => Promise<void>
}): Expiry {
  const { database, boxes, clock } = deps
  /** Where the look through the blob store stands. */
  let refCursor: string | undefined

  const expireSome = async (): Promise<boolean> => {
    const cutoff = clock.now() - deps.messageMaxAge
    const rows = await readExpired(database.direct, cutoff, rowsMax)
    if (rows.length === 0) return false
    await remove(rows)
    return rows.length === rowsMax
  }

  const remove: Expiry['release'] = async rows => {
    const keys = [...new Set(rows.map(row => row.key))]
    const refs = await boxes.change(
      () => keys,
      { create: false, locks: keys },
      async (tx, map) => {
        const gone: string[] = []
        for (const key of keys) gone.push(...(await expireOf(tx, map, key, rows)))
        return gone
      },
    )
    deps.vault.drop(refs)
  }

  const expireOf = async (
    tx: Tx,
    map: ReadonlyMap<KeyHex, Parameters<typeof takeOut>[0]>,
    key: KeyHex,
    rows: Parameters<Expiry['release']>[0],
  ): Promise<string[]> => {
    const box = map.get(key)
    if (box === undefined) return []
    const seqs = rows.filter(row => row.key === key).map(row => row.seq)
    const removed = await deleteExpired(tx, box.id, seqs)
    takeOut(box, removed)
    if (removed.length === 0) return []
    await deps.forget(
      tx,
      box.id,
      removed.map(one => one.seq),
    )
    return removed.flatMap(one => one.blob_ref ?? [])
  }

  /** Blobs that were written for mail that never was, because the process died in between. */
  const sweepOrphans = async (): Promise<void> => {
    const end = `${refPrefix}${refTime(clock.now() - orphanMs)}`
    const listed = await deps.blobs.list(refPrefix, {
      ...(refCursor === undefined ? {} : { after: refCursor }),
      limit: refsMax,
    })
    refCursor = listed.length < refsMax ? undefined : listed.at(-1)
    const old = listed.filter(ref => ref < end)
    if (old.length === 0) return
    const used = await refsInUse(database.direct, old)
    deps.vault.drop(old.filter(ref => !used.has(ref)))
  }

  return {
    sweep: async () => {
      for (let round = 0; round < roundsMax; round += 1) if (!(await expireSome())) break
      for (let round = 0; round < roundsMax; round += 1) {
        const nowMs = clock.now()
        if ((await database.write(tx => deleteSeen(tx, nowMs, rowsMax))) < rowsMax) break
      }
      await sweepOrphans()
    },
    release: remove,
  }
}
