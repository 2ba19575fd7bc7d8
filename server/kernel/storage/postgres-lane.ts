import { Client } from 'pg'
import type { Logger } from '../log.ts'
import { type PostgresClient, postgresConfig } from './postgres-client.ts'

/** The connection that writes: opened when it is needed, and again after it was lost. */
export interface PostgresLane {
  connect(): Promise<PostgresClient>
  discard(client: PostgresClient): void
  /** The server's process of the connection. */
  process(): number | undefined
  close(): Promise<void>
}

export function createPostgresLane(url: string, log: Logger | undefined): PostgresLane {
  let current: Client | undefined
  let processId: number | undefined

  const discard = (client: PostgresClient) => {
    if (current !== client) return
    const gone = current
    current = undefined
    void gone.end().catch(() => undefined)
  }
  return {
    connect: async () => {
      if (current !== undefined) return current
      const fresh = new Client(postgresConfig(url))
      fresh.on('error', error => {
        log?.warn({ error }, 'the connection that writes to the database was lost')
        discard(fresh)
      })
      fresh.on('end', () => discard(fresh))
      try {
        await fresh.connect()
        const { rows } = await fresh.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
        processId = rows[0]?.pid
      } catch (error) {
        void fresh.end().catch(() => undefined)
        throw error
      }
      current = fresh
      return fresh
    },
    discard,
    process: () => processId,
    close: async () => {
      const last = current
      current = undefined
      await last?.end()
    },
  }
}
