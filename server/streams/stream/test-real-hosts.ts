/** Real hosts for tests of the engine, and a module whose tables show what the log and the state say. */
import { defineModule } from '@leaf/streams/define-module'
import { spawnChild } from '../../kernel/child.ts'
import { systemClock } from '../../kernel/clock.ts'
import { diskFolders } from '../../kernel/files.ts'
import { silentLogger } from '../../kernel/log.ts'
import { noMetrics } from '../../kernel/metrics.ts'
import type { HostSources, SqlHosts } from '../host/contract.ts'
import { createSqlHosts } from '../host/hosts.ts'

/** Hosts on a folder; they run in time as it is, whatever the engine's clock says. */
export function createRealHosts(sources: HostSources, folder: string): SqlHosts {
  return createSqlHosts({
    folder,
    sources,
    clock: systemClock,
    log: silentLogger,
    metrics: noMetrics,
    spawn: spawnChild,
    folders: diskFolders,
  })
}

/** Payloads are text; `deny` is refused. `mark` makes it another module. State outlives modules, hence `if not exists`. */
export function diaryModule(mark = ''): Uint8Array {
  return defineModule({
    initSql: `-- ${mark}
      create table entry (idx integer primary key, user text not null, body text not null) strict;
      create table count_of (user text primary key, n integer not null) strict;`,
    authorizer: `select unauthorized('denied') from event where cast(payload as text) = 'deny';`,
    materializer: `
      insert into entry select idx, user, cast(payload as text) from event;
      insert into count_of select user, 1 from event where true on conflict (user) do update set n = n + 1;`,
    stateInitSql:
      'create table if not exists state.note (seq integer primary key autoincrement, body text not null) strict;',
    stateMaterializer: 'insert into state.note (body) select cast(payload as text) from event;',
    queries: {
      all: {
        sql: 'select body from entry where idx >= $start order by idx limit $limit',
        params: {},
        row: { body: 'text' },
      },
      mirror: {
        sql: 'select cast(payload as text) as body from events.events where idx >= $start order by idx limit $limit',
        params: {},
        row: { body: 'text' },
      },
      counts: { sql: 'select sum(n) as n from count_of', params: {}, row: { n: 'integer?' } },
      notes: { sql: 'select body from state.note order by seq', params: {}, row: { body: 'text' } },
      me: { sql: 'select $requesting_user as me', params: {}, row: { me: 'text?' } },
    },
  }).bytes
}
