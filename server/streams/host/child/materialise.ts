/** Runs events through a module, with the transaction open already. */
import type { LogEvent, StateEvent } from '../contract.ts'
import type { Opened } from './opened.ts'

/** Looks at one event as at its arrival: may it, then the log, then the tables. Throws what SQL throws. */
export function runNewEvent(opened: Opened, event: LogEvent): void {
  const { connection, own, scripts } = opened
  connection.role = 'server'
  own.setEvent.run(null, event.user, event.payload)
  scripts.authorizer.run()
  connection.role = 'server'
  insertEvent(opened, event)
  own.setIdx.run(BigInt(event.idx))
  scripts.materializer.run()
  connection.role = 'server'
}

/** Looks at an event that was accepted before. */
export function runOldEvent(opened: Opened, event: LogEvent): void {
  const { connection, own, scripts } = opened
  connection.role = 'server'
  own.setEvent.run(BigInt(event.idx), event.user, event.payload)
  scripts.materializer.run()
  connection.role = 'server'
}

/** Puts an event into the mirror. */
export function insertEvent({ own }: Opened, { idx, user, payload, signature }: LogEvent): void {
  own.insertEvent.run(BigInt(idx), user, payload, signature)
}

/** Runs one entry of the state journal. */
export function runStateEvent(opened: Opened, entry: Pick<StateEvent, 'kind' | 'user' | 'payload'>): void {
  const { connection, own, scripts } = opened
  connection.role = 'server'
  if (entry.kind === 'clear') {
    clearState(opened)
    scripts.stateInitSql.run()
  } else {
    own.setEvent.run(null, entry.user, entry.payload)
    scripts.stateMaterializer.run()
  }
  connection.role = 'server'
}

const ownOrInternal = /^(?:__leaf_|sqlite_)/i

/** Drops whatever the state has, whatever it is called. */
function clearState({ connection }: Opened): void {
  const { database } = connection
  database.exec('pragma defer_foreign_keys = on')
  const found = database
    .prepare(
      `select type, name, sql like 'create virtual%' as virtual from state.sqlite_master
       where type in ('table', 'view', 'trigger') order by virtual desc, type = 'table'`,
    )
    .all()
  for (const { type, name } of found) {
    if (typeof name !== 'string' || ownOrInternal.test(name)) continue
    database.exec(`drop ${String(type)} if exists state."${name.replaceAll('"', '""')}"`)
  }
}

export interface StateWatch {
  keep(idx: number): void
  end(): void
}

/**
 * Watches what the materializer does to the state, so that the change can be repeated: the two files are committed one
 * after the other. Give it before the events run; `keep` after them, before the commit.
 */
export function watchState(opened: Opened): StateWatch | undefined {
  const { materializer } = opened.scripts
  // Which tables it writes is known once its statements are prepared.
  const mayWrite = opened.writesState || !materializer.isPrepared()
  if (!mayWrite || opened.scratchUpTo !== undefined) return undefined
  const session = opened.connection.database.createSession({ db: 'state' })
  opened.connection.isWatched = true
  return {
    keep: idx => {
      const changes = session.changeset()
      if (changes.length === 0) return
      opened.own.insertRedo.run(BigInt(idx), changes)
      opened.own.setStateIdx.run(BigInt(idx))
    },
    end: () => {
      opened.connection.isWatched = false
      session.close()
    },
  }
}
