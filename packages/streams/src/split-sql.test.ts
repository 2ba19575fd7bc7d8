import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitSql } from './split-sql.ts'

test('statements end at a semicolon, but not at one inside of strings, names and comments', () => {
  assert.deepEqual(splitSql(`select ';''' ; select ";" -- a ; b\n; /* ; */ select [;], \`;\``), [
    `select ';'''`,
    'select ";" -- a ; b',
    '/* ; */ select [;], `;`',
  ])
})

test('a trigger is one statement', () => {
  const trigger =
    'create temp trigger t after insert on a begin select case when 1 then end else 2 end; delete from b; end'
  assert.deepEqual(splitSql(`${trigger}; select 1`), [trigger, 'select 1'])
  const plain = 'create trigger if not exists t after insert on a begin select 1; end'
  assert.deepEqual(splitSql(plain), [plain])
})

test('what holds nothing is no statement', () => {
  assert.deepEqual(splitSql(' ;; -- nothing\n ; /* open'), [])
  assert.deepEqual(splitSql('begin; commit'), ['begin', 'commit'])
})
