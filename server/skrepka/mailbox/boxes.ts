/** Mailboxes as transactions see them. On SQLite, which has one writer, the rows in use are kept in memory. */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import type { KeyHex } from '../contract.ts'
import { type Box, insertBoxes, readBox, readBoxes, saveBoxes } from '../database/mailboxes.ts'

/** Rows that are kept; each takes some hundred bytes. */
const boxesMax = 50_000

export type BoxMap = Map<KeyHex, Box>

export interface Boxes {
  /**
   * Runs `fn` in a transaction with the mailboxes of `keys`, which it may change; what changed is written at its end.
   * `create`: those that are missing are made. Like any transaction, `fn` may run twice and awaits its `tx` only.
   */
  change<T>(
    keys: () => Iterable<KeyHex>,
    options: { readonly create: boolean; readonly locks?: readonly KeyHex[] },
    fn: (tx: Tx, boxes: BoxMap) => Promise<T>,
  ): Promise<T>
  /** The same in somebody else's transaction: what is in memory is not believed afterwards. */
  changeIn<T>(tx: Tx, keys: Iterable<KeyHex>, fn: (boxes: BoxMap) => Promise<T>): Promise<T>
  /** A mailbox for a look, not newer than the last commit or a little ahead of it; undefined: it never had mail. */
  look(key: KeyHex): Promise<Readonly<Box> | undefined>
  /** The same at once, if it is known without asking. */
  known(key: KeyHex): Readonly<Box> | undefined
}

/** Mailboxes to be changed, and as they were. */
interface Loaded {
  readonly boxes: BoxMap
  readonly before: BoxMap
}

/** Names a mailbox's lock between nodes. */
const lockOf = (key: KeyHex) => `skrepka:${key}`

export function createBoxes({ database }: { readonly database: Database }): Boxes {
  const keeps = database.engine === 'sqlite'
  const kept = createBoundedMap<KeyHex, Box>(keeps ? boxesMax : 0)

  const load = async (tx: Tx, keys: Iterable<KeyHex>, create: boolean): Promise<Loaded> => {
    const boxes: BoxMap = new Map()
    const before: BoxMap = new Map()
    const missing = new Set<KeyHex>()
    for (const key of keys) {
      if (boxes.has(key) || missing.has(key)) continue
      const box = kept.get(key)
      if (box === undefined) missing.add(key)
      else {
        before.set(key, box)
        boxes.set(key, { ...box })
      }
    }
    if (missing.size === 0) return { boxes, before }
    const add = (box: Box) => {
      before.set(box.key, box)
      boxes.set(box.key, { ...box })
      missing.delete(box.key)
    }
    for (const box of await readBoxes(tx, [...missing])) add(box)
    if (create && missing.size > 0) for (const box of await insertBoxes(tx, [...missing])) add(box)
    return { boxes, before }
  }

  /** Runs `fn` over the boxes, and writes those that are not as they were. */
  const run = async <T>(tx: Tx, { boxes, before }: Loaded, fn: (boxes: BoxMap) => Promise<T>): Promise<T> => {
    const value = await fn(boxes)
    const changed: Box[] = []
    for (const [key, box] of boxes) if (!isSame(box, before.get(key))) changed.push(box)
    if (changed.length > 0) await saveBoxes(tx, changed)
    return value
  }

  const change: Boxes['change'] = async (keys, { create, locks }, fn) => {
    let touched: Iterable<KeyHex> = []
    const job = async (tx: Tx) => {
      touched = keys()
      const loaded = await load(tx, touched, create)
      const { boxes } = loaded
      const value = await run(tx, loaded, () => fn(tx, boxes))
      // Nothing fails after this but the commit, and then it is taken back below, before the next transaction begins.
      if (keeps) for (const [key, box] of boxes) kept.set(key, box)
      return value
    }
    try {
      const options = keeps || locks === undefined ? {} : { locks: locks.map(lockOf) }
      return await database.write(job, options)
    } catch (error) {
      for (const key of touched) kept.delete(key)
      throw error
    }
  }

  return {
    change,
    changeIn: async (tx, keys, fn) => {
      const wanted = [...keys]
      for (const key of wanted) kept.delete(key)
      return run(tx, await load(tx, wanted, true), fn)
    },
    look: async key => kept.get(key) ?? (await readBox(database.direct, key)),
    known: key => kept.get(key),
  }
}

function isSame(a: Box, b: Box | undefined): boolean {
  return (
    b !== undefined &&
    a.last === b.last &&
    a.acked === b.acked &&
    a.shift === b.shift &&
    a.bytes === b.bytes &&
    a.count === b.count
  )
}
