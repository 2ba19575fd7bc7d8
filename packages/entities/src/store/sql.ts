/** Rows in SQL: one text for SQLite and PostgreSQL, on transactions that are handed in. */
import type { Backing, EntryRow, HashRow, NodeRow, ReadRows, WriteRows } from './backing.ts'
import { nameOf } from './keys.ts'

export type SqlParam = string | number | bigint | Uint8Array | null

/** A consistent view. Parameters are `$1 … $n`. Bytes come as Uint8Array, 64-bit integers as numbers. */
export interface SqlReadTx {
  all<Row>(sql: string, params?: readonly SqlParam[]): Promise<Row[]>
  get<Row>(sql: string, params?: readonly SqlParam[]): Promise<Row | undefined>
}

export interface SqlTx extends SqlReadTx {
  run(sql: string, params?: readonly SqlParam[]): Promise<unknown>
}

/** A database with the tables below. Inside `fn` nothing but `tx` is awaited. */
export interface SqlDatabase {
  read<T>(fn: (tx: SqlReadTx) => Promise<T>): Promise<T>
  /** Writes run one after another (or under a lock that makes it so). */
  write<T>(fn: (tx: SqlTx) => Promise<T>): Promise<T>
  /** Calls `listener` after writes of others. */
  listen(listener: () => void): () => void
  close(): Promise<void>
}

/** The tables; `prefix` keeps them apart from those of others. */
export function schemaOf(prefix: string): string {
  return `
    CREATE TABLE ${prefix}entry (
      key BYTEA NOT NULL PRIMARY KEY,
      arrival BIGINT NOT NULL,
      digest BYTEA NOT NULL,
      body BYTEA NOT NULL,
      hash BYTEA NOT NULL,
      bytes BIGINT NOT NULL,
      has_payload INTEGER NOT NULL
    );
    CREATE INDEX ${prefix}entry_arrival ON ${prefix}entry (arrival);
    CREATE INDEX ${prefix}entry_digest ON ${prefix}entry (digest);
    CREATE TABLE ${prefix}node (
      level INTEGER NOT NULL,
      key BYTEA NOT NULL,
      sum BYTEA NOT NULL,
      count BIGINT NOT NULL,
      bytes BIGINT NOT NULL,
      PRIMARY KEY (level, key)
    );
    CREATE TABLE ${prefix}payload (
      digest BYTEA NOT NULL PRIMARY KEY,
      content BYTEA NOT NULL
    );
    CREATE TABLE ${prefix}meta (
      name TEXT NOT NULL PRIMARY KEY,
      value TEXT NOT NULL
    );`
}

interface EntryRecord {
  readonly key: Uint8Array
  readonly arrival: number
  readonly digest: Uint8Array
  readonly body: Uint8Array
  readonly hash: Uint8Array
  readonly bytes: number
  readonly has_payload: number
}

/** Rows of one statement: few enough for the parameters that both engines allow. */
const rowsAtOnce = 64

/** Rows in a database whose tables were made by `schemaOf(prefix)`. */
export function sqlBacking(database: SqlDatabase, prefix: string): Backing {
  const texts = createTexts(prefix)
  return {
    read: fn => database.read(tx => fn(readRows(tx, texts))),
    write: fn => database.write(tx => fn(writeRows(tx, texts))),
    listen: listener => database.listen(listener),
    close: () => database.close(),
  }
}

type Texts = ReturnType<typeof createTexts>

/** `($1, $2), ($3, $4)` */
function tuples(rows: number, columns: number): string {
  const tuple = (row: number) =>
    `(${Array.from({ length: columns }, (_, column) => `$${row * columns + column + 1}`).join(', ')})`
  return Array.from({ length: rows }, (_, row) => tuple(row)).join(', ')
}

function createTexts(p: string) {
  const entry = 'key, arrival, digest, body, hash, bytes, has_payload'
  const node = 'level, key, sum, count, bytes'
  const cache = new Map<string, string>()
  const cached = (name: string, make: () => string): string => {
    const known = cache.get(name)
    if (known !== undefined) return known
    const text = make()
    cache.set(name, text)
    return text
  }
  const list = (count: number) => Array.from({ length: count }, (_, index) => `$${index + 1}`).join(', ')
  return {
    entries: (count: number) =>
      cached(`entries ${count}`, () => `SELECT ${entry} FROM ${p}entry WHERE key IN (${list(count)})`),
    entryRange: `SELECT ${entry} FROM ${p}entry WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3`,
    hashRange: `SELECT key, hash, bytes FROM ${p}entry WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3`,
    arrivals: `SELECT ${entry} FROM ${p}entry WHERE arrival > $3 AND key >= $1 AND key < $2 ORDER BY arrival LIMIT $4`,
    nodeBefore: `SELECT ${node} FROM ${p}node WHERE level = $1 AND key <= $2 ORDER BY key DESC LIMIT 1`,
    nodeAfter: `SELECT ${node} FROM ${p}node WHERE level = $1 AND key > $2 ORDER BY key LIMIT 1`,
    nodeRange: `SELECT ${node} FROM ${p}node WHERE level = $1 AND key >= $2 AND key < $3 ORDER BY key`,
    byDigest: `SELECT ${entry} FROM ${p}entry WHERE digest = $1 LIMIT $2`,
    payload: `SELECT content FROM ${p}payload WHERE digest = $1`,
    hasPayloads: (count: number) =>
      cached(`has ${count}`, () => `SELECT digest FROM ${p}payload WHERE digest IN (${list(count)})`),
    payloadLength: `SELECT bytes FROM ${p}entry WHERE digest = $1 LIMIT 1`,
    meta: `SELECT value FROM ${p}meta WHERE name = $1`,
    putEntries: (count: number) =>
      cached(
        `put ${count}`,
        () => `INSERT INTO ${p}entry (${entry}) VALUES ${tuples(count, 7)}
          ON CONFLICT (key) DO UPDATE SET arrival = excluded.arrival, digest = excluded.digest, body = excluded.body,
            hash = excluded.hash, bytes = excluded.bytes, has_payload = excluded.has_payload`,
      ),
    deleteEntries: (count: number) =>
      cached(`delete ${count}`, () => `DELETE FROM ${p}entry WHERE key IN (${list(count)})`),
    putNodes: (count: number) =>
      cached(
        `nodes ${count}`,
        () => `INSERT INTO ${p}node (${node}) VALUES ${tuples(count, 5)}
          ON CONFLICT (level, key) DO UPDATE SET sum = excluded.sum, count = excluded.count, bytes = excluded.bytes`,
      ),
    deleteNode: `DELETE FROM ${p}node WHERE level = $1 AND key = $2`,
    putPayload: `INSERT INTO ${p}payload (digest, content) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING`,
    markPayload: `UPDATE ${p}entry SET has_payload = 1 WHERE digest = $1 AND has_payload = 0`,
    dropPayload: `DELETE FROM ${p}payload WHERE digest = $1
      AND NOT EXISTS (SELECT 1 FROM ${p}entry WHERE digest = $2)`,
    setMeta: `INSERT INTO ${p}meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
  }
}

function toEntry(record: EntryRecord): EntryRow {
  const { key, arrival, digest, body, hash, bytes, has_payload } = record
  return { key, arrival, digest, body, hash, bytes, hasPayload: has_payload !== 0 }
}

/** In chunks of at most `rowsAtOnce`. */
function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += rowsAtOnce) yield items.slice(at, at + rowsAtOnce)
}

function readRows(tx: SqlReadTx, texts: Texts): ReadRows {
  return {
    entries: async keys => {
      const found = new Map<string, EntryRow>()
      for (const chunk of chunks(keys)) {
        for (const record of await tx.all<EntryRecord>(texts.entries(chunk.length), chunk))
          found.set(nameOf(record.key), toEntry(record))
      }
      // Of what comes most is new: nothing is found then, and nothing is looked up.
      return found.size === 0 ? keys.map(() => undefined) : keys.map(key => found.get(nameOf(key)))
    },
    entryRange: async (start, end, limit) =>
      (await tx.all<EntryRecord>(texts.entryRange, [start, end, limit])).map(toEntry),
    hashRange: (start, end, limit) => tx.all<HashRow>(texts.hashRange, [start, end, limit]),
    arrivals: async (start, end, after, limit) =>
      (await tx.all<EntryRecord>(texts.arrivals, [start, end, after, limit])).map(toEntry),
    nodeBefore: (level, key) => tx.get<NodeRow>(texts.nodeBefore, [level, key]),
    nodeAfter: (level, key) => tx.get<NodeRow>(texts.nodeAfter, [level, key]),
    nodeRange: (level, start, end) => tx.all<NodeRow>(texts.nodeRange, [level, start, end]),
    byDigest: async (digest, limit) =>
      (await tx.all<EntryRecord>(texts.byDigest, [digest, limit])).map(toEntry),
    payload: async digest => (await tx.get<{ content: Uint8Array }>(texts.payload, [digest]))?.content,
    hasPayloads: async digests => {
      const here = new Set<string>()
      for (const chunk of chunks(digests)) {
        for (const { digest } of await tx.all<{ digest: Uint8Array }>(texts.hasPayloads(chunk.length), chunk))
          here.add(nameOf(digest))
      }
      return here.size === 0 ? digests.map(() => false) : digests.map(digest => here.has(nameOf(digest)))
    },
    payloadLength: async digest => (await tx.get<{ bytes: number }>(texts.payloadLength, [digest]))?.bytes,
    meta: async name => (await tx.get<{ value: string }>(texts.meta, [name]))?.value,
  }
}

function writeRows(tx: SqlTx, texts: Texts): WriteRows {
  return {
    ...readRows(tx, texts),
    putEntries: async rows => {
      for (const chunk of chunks(rows)) {
        await tx.run(
          texts.putEntries(chunk.length),
          chunk.flatMap(({ key, arrival, digest, body, hash, bytes, hasPayload }) => [
            key,
            arrival,
            digest,
            body,
            hash,
            bytes,
            hasPayload ? 1 : 0,
          ]),
        )
      }
    },
    deleteEntries: async keys => {
      for (const chunk of chunks(keys)) await tx.run(texts.deleteEntries(chunk.length), chunk)
    },
    putNodes: async rows => {
      for (const chunk of chunks(rows)) {
        await tx.run(
          texts.putNodes(chunk.length),
          chunk.flatMap(({ level, key, sum, count, bytes }) => [level, key, sum, count, bytes]),
        )
      }
    },
    deleteNodes: async rows => {
      for (const { level, key } of rows) await tx.run(texts.deleteNode, [level, key])
    },
    putPayload: async (digest, bytes) => {
      await tx.run(texts.putPayload, [digest, bytes])
      await tx.run(texts.markPayload, [digest])
    },
    dropPayloads: async digests => {
      for (const digest of digests) await tx.run(texts.dropPayload, [digest, digest])
    },
    setMeta: async (name, value) => void (await tx.run(texts.setMeta, [name, value])),
  }
}
