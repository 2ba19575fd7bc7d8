import { hash } from 'node:crypto'
import { type Client, type ClientConfig, DatabaseError, type PoolClient, type QueryResult } from 'pg'
import { Refusal } from '../errors.ts'
import type { SqlValue } from './database.ts'
import { checkParams, statementOf } from './dialect.ts'
import { readOnlyRefusal } from './disk-guard.ts'

/** A connection, or something that has one: what runs a statement. */
export type PostgresClient = Client | PoolClient

/** How long connecting may take. */
const connectTimeoutMs = 5000

/** How long a statement may run, and wait for a lock; and how long a transaction may stand open while nothing is asked. */
const statementTimeoutMs = 30_000
const lockTimeoutMs = 15_000
const idleTimeoutMs = 15_000

/** What every connection of Leaf is opened with. */
export function postgresConfig(url: string): ClientConfig & { readonly pipeline: boolean } {
  return {
    connectionString: url,
    application_name: 'leaf',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    // Statements are written without waiting for the answer to the one before, so that BEGIN and SAVEPOINT cost no round trip.
    pipeline: true,
    types: { getTypeParser: parserOf },
    options: [
      '-c synchronous_commit=on',
      `-c statement_timeout=${statementTimeoutMs}`,
      `-c lock_timeout=${lockTimeoutMs}`,
      `-c idle_in_transaction_session_timeout=${idleTimeoutMs}`,
      '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3',
      '-c client_min_messages=warning',
    ].join(' '),
  }
}

/** Statements that are prepared under a name on each connection; texts beyond are parsed each time. */
const namedMax = 1000

const names = new Map<string, string>()

/** Runs one statement after its parameters were checked. */
export async function postgresQuery(
  client: PostgresClient,
  sql: string,
  params: readonly SqlValue[],
): Promise<QueryResult> {
  checkParams(statementOf(sql), params)
  const name = nameOf(sql)
  return client.query({ text: sql, values: [...params], ...(name === undefined ? {} : { name }) })
}

function nameOf(sql: string): string | undefined {
  const known = names.get(sql)
  if (known !== undefined || names.size >= namedMax) return known
  const name = `leaf_${hash('sha256', sql).slice(0, 24)}`
  names.set(sql, name)
  return name
}

/** The number that stands for a named lock: the first 8 bytes of its SHA-256, as a signed integer. */
export function lockNumber(name: string): bigint {
  return hash('sha256', name, 'buffer').readBigInt64BE(0)
}

/** Whether a transaction failed only because of what another one did at the same time: it may be tried again. */
export function isContention(error: unknown): boolean {
  const state = sqlState(error)
  return state === '40001' || state === '40P01' || state === '55P03'
}

/** Whether the connection is gone, or the server refuses it for now. */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlState(error)
  if (state !== undefined) {
    return state.startsWith('08') || state.startsWith('57P') || state === '53300' || state === '25P03'
  }
  if (!(error instanceof Error)) return false
  if ('code' in error && typeof error.code === 'string') return /^(E[A-Z]+)$/.test(error.code)
  return /connection|timeout exceeded when trying to connect|not queryable/i.test(error.message)
}

/** Why the server takes no writes at the moment, when that is what an error says. */
export function readOnlyReason(error: unknown): string | undefined {
  const state = sqlState(error)
  if (state === '53100') return 'the disk of the database server is full'
  if (state === '25006') return 'the database server is a standby that takes no writes'
  return undefined
}

/** What a caller is told: a Refusal where it is the neighbour's state, else the error as it is. */
export function toldPostgresError(error: unknown): unknown {
  if (error instanceof Refusal) return error
  const reason = readOnlyReason(error)
  if (reason !== undefined) return readOnlyRefusal(reason, error)
  if (isConnectionLoss(error)) {
    return new Refusal('unavailable', 'the database cannot be reached', { retryAfterMs: 1000, cause: error })
  }
  if (isContention(error)) {
    return new Refusal('unavailable', 'too many writes want the same at the same time', {
      retryAfterMs: 1000,
      cause: error,
    })
  }
  return error
}

function sqlState(error: unknown): string | undefined {
  if (!(error instanceof DatabaseError)) return undefined
  return error.code
}

const oidBoolean = 16
const oidBytes = 17
const oidsExact = new Set([20, 21, 23, 26, 1700])
const oidsFloat = new Set([700, 701])

type Parser = (text: string) => string | number | Uint8Array

// Rows hold the same things as SQLite's: booleans are 0 and 1, bytes are Uint8Array, JSON stays text.
function parserOf(oid: number): Parser {
  if (oid === oidBoolean) return text => (text === 't' ? 1 : 0)
  if (oid === oidBytes) return text => new Uint8Array(Buffer.from(text.slice(2), 'hex'))
  if (oidsExact.has(oid)) return exactNumber
  if (oidsFloat.has(oid)) return Number
  return text => text
}

function exactNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) && !/^-?\d+\.\d+$/.test(text)) {
    throw new RangeError(`a number from the database is too large to be exact: ${text}`)
  }
  return value
}
