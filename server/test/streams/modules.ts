/** Modules that scenarios upload. */
import type { BasicModule } from '@muni-town/leaf-client'
import { community } from '../../../examples/community/module.ts'

/** The community in the form that the published client takes. */
export const communityModule = {
  $type: 'muni.town.leaf.module.basic.v0',
  initSql: community.module.initSql,
  authorizer: community.module.authorizer,
  materializer: community.module.materializer,
  stateInitSql: community.module.stateInitSql,
  stateMaterializer: community.module.stateMaterializer,
  queries: community.module.queries.map(query => ({
    ...query,
    params: query.params.map(param => ({ ...param })),
  })),
} satisfies BasicModule

/**
 * A small one that says no on demand: payloads are text. `refuse …` is unauthorized, `throw …` throws, and `fail …` runs
 * into a constraint. State events are counted for each person.
 */
export const plainModule = {
  $type: 'muni.town.leaf.module.basic.v0',
  initSql: `create table lines (idx integer primary key, user text not null, body text not null check (body not like 'fail%'))`,
  authorizer: `select unauthorized('not this', 1.0) from event where cast(payload as text) like 'refuse%';
    select throw('no', null, x'ab') from event where cast(payload as text) like 'throw%'`,
  materializer: 'insert into lines select idx, user, cast(payload as text) from event',
  stateInitSql: 'create table if not exists state.seen (user text primary key, times integer not null)',
  stateMaterializer:
    'insert into state.seen select user, 1 from event where true on conflict (user) do update set times = times + 1',
  queries: [
    {
      name: 'lines',
      sql: 'select idx, user, body from lines where idx >= $start order by idx limit $limit',
      params: [],
    },
    {
      name: 'by',
      sql: 'select idx, $requesting_user as asked from lines where user = $user',
      params: [
        { name: 'user', kind: 'text', optional: false },
        { name: 'count', kind: 'integer', optional: true },
      ],
    },
    { name: 'seen', sql: 'select user, times from state.seen order by user', params: [] },
    {
      name: 'members',
      sql: `select unauthorized('only those who are signed in') where $requesting_user is null; select 1 as one`,
      params: [],
    },
    { name: 'kinds', sql: `select 1 as i, 2.0 as r, 'three' as t, x'04' as b, null as n`, params: [] },
  ],
} satisfies BasicModule

/** The same with another text and therefore another CID. */
export function variantOf<Module extends BasicModule>(module: Module, note: string): Module {
  return { ...module, authorizer: `${module.authorizer}\n-- ${note}\n` }
}
