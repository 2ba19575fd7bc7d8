import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import fc from 'fast-check'
import { splitStatements } from './splitter.ts'

const texts = (script: string) => splitStatements(script).map(statement => statement.sql)

test('semicolons in strings, quoted names and comments do not end a statement', () => {
  const script = `select ';', 'it''s; fine', ";""x", \`a;b\`, [c;d] -- not; here
    from t /* nor; here */ where a = 1; select 2;`
  assert.deepEqual(
    texts(script).map(sql => sql.slice(0, 10)),
    [`select ';'`, 'select 2'],
  )
})

test('comments around a statement are left out, and a script of comments has none', () => {
  assert.deepEqual(texts('/* a */ select 1 /* b */ ; -- c'), ['select 1'])
  assert.deepEqual(texts(' ;; -- only this\n/* and this */ ;'), [])
  assert.deepEqual(texts('select 1 /* never closed'), ['select 1'])
})

test('the body of a trigger belongs to it, whatever cases it holds', () => {
  const trigger = `create temp trigger if not exists t after insert on a begin
    insert into b select case when new.x then 1 else 2 end; /* ; */ update b set y = 'end;';
    select case x when 1 then 2 end from b; end`
  assert.deepEqual(texts(`${trigger}; select 1`), [trigger, 'select 1'])
})

test('a table whose name is a word of triggers is a table', () => {
  assert.deepEqual(texts('create table trigger_begin(a); insert into trigger_begin values(1); select 1'), [
    'create table trigger_begin(a)',
    'insert into trigger_begin values(1)',
    'select 1',
  ])
})

test('a case outside of a trigger ends nothing', () => {
  assert.deepEqual(texts('select case when 1 then 2 end; select 3'), [
    'select case when 1 then 2 end',
    'select 3',
  ])
})

test('statements know their line and their first word', () => {
  const statements = splitStatements('-- one\n\n  SELECT 1;\nInsert into t values(1)')
  assert.deepEqual(
    statements.map(({ line, verb }) => [line, verb]),
    [
      [3, 'select'],
      [4, 'insert'],
    ],
  )
})

test('what is split runs as what is not split, whatever the order of the pieces', () => {
  const pieces = [
    `insert into t values(';--')`,
    `insert into t values('a''b')`,
    `insert into t select case when 1 then 'x' end`,
    `create trigger if not exists r after insert on t begin insert into u values(new.a || ';'); insert into u values('e'); end`,
    '-- ; comment\n',
    '/* ; */',
    `update t set a = "a" || [a]`,
  ]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), chosen => {
      const script = chosen.map(piece => `${piece};`).join('\n')
      const [whole, split] = [script, undefined].map(given => {
        const database = new DatabaseSync(':memory:')
        database.exec('create table t(a); create table u(a)')
        if (given === undefined) for (const { sql } of splitStatements(script)) database.prepare(sql).run()
        else database.exec(given)
        return [database.prepare('select a from t').all(), database.prepare('select a from u').all()]
      })
      assert.deepEqual(split, whole)
    }),
    { numRuns: 60 },
  )
})
