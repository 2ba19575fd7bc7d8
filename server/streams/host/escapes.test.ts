/** What strangers might write to get out of their own tables: refused in every script, whoever compiled it. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { moduleBytes, openTestHosts, type TestModule } from './test-streams.ts'

const quiet: TestModule = {
  initSql: 'create table notes(idx integer primary key, body text)',
  materializer: `insert into notes select idx, drisl_extract(payload, '.body') from event`,
  queries: [{ name: 'notes', sql: 'select * from notes where idx = $start' }],
}

/** Everything that a stranger might write to get out, as a statement of each of the scripts. */
const escapes: readonly string[] = [
  `attach database 'OUT' as other`,
  `attach 'file:OUT?mode=rwc' as other`,
  `ATTACH /* x */ 'OUT' AS "events2"`,
  `detach database events`,
  `vacuum into 'OUT'`,
  `vacuum main into 'OUT'`,
  'vacuum',
  `pragma journal_mode = off`,
  'pragma main.writable_schema = 1',
  `pragma temp_store_directory = '/tmp'`,
  'pragma query_only = 0',
  `pragma hard_heap_limit = 0`,
  'pragma data_store_directory',
  'select * from pragma_database_list',
  `select * from pragma_table_info('events')`,
  `select * from pragma_table_list`,
  'select * from dbstat',
  'select * from sqlite_dbpage',
  'select * from sqlite_stmt',
  'begin',
  'commit',
  'rollback',
  'end transaction',
  'savepoint x',
  'release x',
  'analyze',
  `select load_extension('/tmp/x')`,
  `select readfile('/etc/passwd')`,
  `select writefile('OUT', 'x')`,
  `insert into events.events values(99, 'me', x'', x'')`,
  `insert into events values(99, 'me', x'', x'')`,
  `update events.events set user = 'me'`,
  `delete from events.events`,
  `drop table events.events`,
  `create table events.mine(a)`,
  `create view events.mine as select 1`,
  `create trigger events.mine after insert on events begin select 1; end`,
  `create temp trigger mine after insert on events.events begin delete from notes; end`,
  `create index events.mine on events(user)`,
  `alter table events.events rename to mine`,
  `insert into events.sqlite_master values('table','x','x',0,'')`,
  `update sqlite_master set sql = ''`,
  'select * from __leaf_cursor',
  'update __leaf_cursor set idx = 7',
  'drop table __leaf_cursor',
  'select * from main.__LEAF_REDO',
  'create table __leaf_mine(a)',
  'create view peek as select * from state.__leaf_cursor; select * from peek',
  `update temp.event set user = 'me'`,
  `delete from event`,
  'drop table temp.event',
  'create temp trigger mine after update on temp.event begin delete from notes; end',
  `create virtual table temp.x using dbstat`,
  `create virtual table x using fts4(body)`,
  `create virtual table x using sqlite_dbpage`,
  `create virtual table x using csv(filename='/etc/passwd')`,
  `create virtual table x using fts5vocab('notes', 'row')`,
]

/** What lies in a folder, and what it is. */
function contents(folder: string): Map<string, string> {
  const all = new Map<string, string>()
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name)
    if (!statSync(path).isDirectory())
      all.set(name, createHash('sha256').update(readFileSync(path)).digest('hex'))
  }
  return all
}

test('no way out: every escape is refused in every script and query, and no other file changes', async t => {
  const own = openTestHosts(t)
  const victim = own.stream(quiet)
  await victim.append('a', { body: 'secret' })
  await own.hosts.checkpointState(victim.view())
  own.restart()
  const outside = join(own.folder, 'outside.db')
  const stream = own.stream(quiet)
  await stream.append('a', { body: 'x' })
  const victimFolder = join(own.folder, victim.did)
  const before = contents(victimFolder)
  const open: string[] = []
  for (const escape of escapes) {
    const sql = escape.replaceAll('OUT', outside)
    for (const place of [
      'initSql',
      'stateInitSql',
      'authorizer',
      'materializer',
      'stateMaterializer',
      'query',
    ] as const) {
      const script = `select 1; ${sql}`
      const module: TestModule =
        place === 'query'
          ? { ...quiet, queries: [{ name: 'out', sql }] }
          : { ...quiet, [place]: place === 'initSql' ? `${quiet.initSql}; ${sql}` : script }
      const wasRefused = await own.hosts.validate(moduleBytes(module)).then(
        () => false,
        () => true,
      )
      if (!wasRefused) open.push(`${place}: ${escape}`)
    }
  }
  assert.deepEqual(open, [])
  assert.equal(existsSync(outside), false)
  assert.deepEqual(contents(victimFolder), before)
})

test('what was not validated is refused all the same when it runs, and the log stays as it is', async t => {
  const own = openTestHosts(t)
  for (const escape of escapes) {
    const sql = escape.replaceAll('OUT', join(own.folder, 'outside.db'))
    const stream = own.stream({
      ...quiet,
      materializer: `${quiet.materializer}; ${sql}`,
      queries: [
        { name: 'out', sql },
        { name: 'log', sql: 'select idx, user from events.events' },
      ],
    })
    await assert.rejects(stream.append('a', { body: 'x' }), { message: /SQLite failure/ }, escape)
    await assert.rejects(stream.query('out'), { code: 'invalid' }, escape)
    assert.deepEqual(await stream.query('log'), [], escape)
  }
  assert.equal(existsSync(join(own.folder, 'outside.db')), false)
})

test('a host has none of the environment of the house', async t => {
  await openTestHosts(t).stream(quiet).query('notes')
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    const path = `/proc/${pid}/cmdline`
    if (!existsSync(path) || !readFileSync(path, 'latin1').includes('streams/host/child.ts')) continue
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1')
    const names = environment
      .split('\0')
      .map(pair => pair.split('=')[0])
      .filter(name => name !== '')
    const allowed = new Set(['MALLOC_ARENA_MAX', 'NODE_COMPILE_CACHE', 'PWD', 'OLDPWD', 'SHLVL', '_'])
    assert.deepEqual(
      names.filter(name => !allowed.has(name ?? '')),
      [],
    )
  }
})
