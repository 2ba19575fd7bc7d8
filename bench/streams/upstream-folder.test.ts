import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { createHarness } from '@leaf/streams/node/harness'
import { community } from '../../examples/community/module.ts'
import { makeUpstreamFolder } from './upstream-folder.ts'

test('a made folder has as many events as were asked for, and the module takes every one', t => {
  const folder = mkdtempSync(join(tmpdir(), 'leaf-upstream-folder-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const made = makeUpstreamFolder({ folder, streams: 5, events: 400, seed: 1 })
  assert.equal(
    made.streams.reduce((sum, { events }) => sum + events, 0),
    400,
  )
  for (const { did, events } of made.streams) {
    const database = new DatabaseSync(join(folder, 'streams', did, 'stream.db'), { readOnly: true })
    const rows = database.prepare('select idx, user, payload from events order by idx').all()
    database.close()
    assert.equal(rows.length, events)
    const harness = createHarness(community.module)
    for (const { user, payload } of rows) harness.send(String(user), payload as Uint8Array)
    harness.close()
  }
})
