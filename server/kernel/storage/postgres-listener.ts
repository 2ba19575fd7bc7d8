import { Client } from 'pg'
import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import { postgresConfig } from './postgres-client.ts'
import { postgresChannel } from './postgres-writer.ts'

/** A connection that hears what other nodes notify. */
export interface PostgresListener {
  /** Resolves when it hears for the first time, or has failed to. */
  readonly started: Promise<void>
  close(): Promise<void>
}

export interface PostgresListenerOptions {
  readonly url: string
  readonly clock: Clock
  readonly log: Logger | undefined
  /** The server's process of our own writer: what it notified was passed on already. */
  readonly ownProcess: () => number | undefined
  readonly heard: (channel: string) => void
  /** Anything may have been missed. */
  readonly missed: () => void
}

/** How long after a lost connection the next one is tried. */
const reconnectMs = 1000

/** Keeps one connection listening; opens it again when it is lost, and says then that something may have been missed. */
export function startPostgresListener(options: PostgresListenerOptions): PostgresListener {
  const { url, clock, log, ownProcess, heard, missed } = options
  let client: Client | undefined
  let closed = false
  let cancelRetry: (() => void) | undefined

  const lose = (lost: Client, error: unknown) => {
    if (client !== lost) return
    client = undefined
    void lost.end().catch(() => undefined)
    if (closed) return
    log?.warn({ error }, 'the connection that hears of other nodes was lost')
    cancelRetry = clock.after(reconnectMs, () => void start())
  }

  const start = async (): Promise<void> => {
    if (closed) return
    const fresh = new Client({ ...postgresConfig(url), application_name: 'leaf listener' })
    client = fresh
    fresh.on('error', error => lose(fresh, error))
    fresh.on('end', () => lose(fresh, undefined))
    fresh.on('notification', ({ payload, processId }) => {
      if (payload !== undefined && processId !== ownProcess()) heard(payload)
    })
    try {
      await fresh.connect()
      await fresh.query(`LISTEN ${postgresChannel}`)
      missed()
    } catch (error) {
      lose(fresh, error)
    }
  }

  return {
    started: start(),
    close: async () => {
      closed = true
      cancelRetry?.()
      const last = client
      client = undefined
      await last?.end()
    },
  }
}
