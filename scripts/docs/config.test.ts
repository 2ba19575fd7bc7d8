import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parseEnv } from 'node:util'
import { settingTables } from '../../server/configuration.ts'
import { joinTables, readConfig } from '../../server/kernel/config.ts'
import { referenceSettings } from '../../server/pds/reference-settings.ts'
import { configPage, exampleEnv } from './config.ts'

const root = new URL('../../', import.meta.url)

test('the generated reference and example.env are those of the tables (node scripts/docs.ts writes them)', async () => {
  assert.equal(await readFile(new URL('docs/generated/config.md', root), 'utf8'), configPage(settingTables))
  assert.equal(await readFile(new URL('example.env', root), 'utf8'), exampleEnv(settingTables))
})

test('example.env, as it is, sets nothing', async () => {
  assert.deepEqual(parseEnv(await readFile(new URL('example.env', root), 'utf8')), {})
})

test('every value that example.env proposes is one that is understood', async () => {
  const text = (await readFile(new URL('example.env', root), 'utf8')).replace(/^#(?=[A-Z0-9_]+=)/gm, '')
  const proposed = Object.entries(parseEnv(text)).filter(
    ([, value]) => value !== '' && !value?.startsWith('<') && value !== '…',
  )
  assert.ok(proposed.length > 30)
  for (const [name, value] of proposed) {
    const one = joinTables(settingTables).get(name)
    assert.doesNotThrow(() => one?.parse(value ?? ''), name)
  }
})

test('every setting has a document of whole sentences', () => {
  for (const [name, { doc }] of joinTables(settingTables)) assert.match(doc, /^[A-Z].*\.$/, name)
})

test('what the reference names and Leaf does not read is explained by names that Leaf has', () => {
  const known = joinTables(settingTables)
  for (const [name, sentence] of Object.entries(referenceSettings)) {
    assert.ok(!known.has(name), `${name} is a setting of Leaf`)
    for (const [mentioned] of sentence.matchAll(/\b(?:PDS|LEAF|BLOB|REDIS|PLC)_[A-Z0-9_]+\b/g)) {
      assert.ok(known.has(mentioned), `${name} points to ${mentioned}`)
    }
  }
  const { notes } = readConfig({
    tables: settingTables,
    env: { PDS_DATA_DIRECTORY: '/pds' },
    foreignNames: referenceSettings,
  })
  assert.deepEqual(notes, [
    { name: 'PDS_DATA_DIRECTORY', sentence: 'is not read: set LEAF_DATA_DIR instead.' },
  ])
})
