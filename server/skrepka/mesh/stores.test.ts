import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '../../kernel/clock.ts'
import { silentLogger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { openPostgres } from '../../kernel/storage/postgres.ts'
import { openSqlite } from '../../kernel/storage/sqlite.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import * as forwards from './forward-store.ts'
import { meshMigrations } from './migrations.ts'
import * as peers from './peer-store.ts'
import * as presence from './presence-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-mesh-'))
const postgres = await startPostgres()
after(async () => {
  await postgres?.stop()
  rmSync(folder, { recursive: true, force: true })
})
const engines: readonly (readonly [string, () => Promise<Database | undefined>])[] = [
  ['sqlite', () => openSqlite({ path: join(folder, 'leaf.db'), clock: systemClock, freeBytesMin: 0 })],
  [
    'postgres',
    async () =>
      postgres && openPostgres({ url: await postgres.url('mesh'), clock: systemClock, log: silentLogger }),
  ],
]

const key = 'ab'.repeat(32)
const server = 'b.example'
const message = { box: 1, seq: 1_767_225_600_000, hash: new Uint8Array(32).fill(1), bytes: 5 }
const proof = { challenge: 'a', r: 'b', signature: 'c', boundHost: 'd' }

function onEach(title: string, fn: (database: Database) => Promise<void>) {
  for (const [engine, open] of engines) {
    test(`${title}, on ${engine}`, async t => {
      const database = await open()
      if (database === undefined) return t.skip('no PostgreSQL, neither from npm nor from the system')
      try {
        await database.migrate('skrepka', [{ version: 1, name: 'none', sql: 'SELECT 1' }, ...meshMigrations])
        for (const table of ['presence', 'forward', 'peer']) {
          await database.write(tx => tx.run(`DELETE FROM skrepka_${table}`))
        }
        await fn(database)
      } finally {
        await database.close()
      }
    })
  }
}

onEach('presence is kept by server and key, and goes when it is over', async database => {
  await database.write(async tx => {
    const base = { server, key, proofAt: 5, proof }
    await presence.putPresence(tx, { ...base, expiresAt: 1000 })
    await presence.markStaged(tx, { server, key, staged: message.seq, behind: true })
    await presence.putPresence(tx, { ...base, expiresAt: 2000 })
    await presence.putPresence(tx, { server: '', key, expiresAt: 3000, proofAt: undefined, proof: undefined })
  })
  const { direct } = database
  assert.deepEqual(await presence.presenceAt(direct, server, key), {
    server,
    key,
    expiresAt: 2000,
    staged: message.seq,
    behind: true,
    proofAt: 5,
    proof,
  })
  assert.deepEqual((await presence.elsewhere(direct, [key], 1999)).get(key), [
    { server, staged: message.seq, behind: true },
  ])
  assert.equal((await presence.elsewhere(direct, [key], 2000)).size, 0)
  assert.deepEqual(
    [await presence.isHere(direct, key, 2999), await presence.isHere(direct, key, 3000)],
    [true, false],
  )
  assert.equal((await presence.behindAt(direct, server, 5)).length, 1)
  assert.equal(await presence.countAt(direct, server, 5), 1)
  assert.deepEqual(await presence.countElsewhere(direct), { all: 1, unproven: 0 })
  assert.deepEqual(await presence.onlineKeys(direct, '', 1, 5), [key])
  assert.equal((await presence.presentHere(direct, { after: '', limit: 5, nowMs: 1 })).length, 1)
  assert.equal((await presence.presentHere(direct, { after: key, limit: 5, nowMs: 1 })).length, 0)
  assert.deepEqual(await database.write(tx => presence.dropExpired(tx, 2000, 10)), [{ server, key }])
  assert.deepEqual(await database.write(tx => presence.dropExpired(tx, 3000, 10)), [{ server: '', key }])
})

onEach(
  'a forward is planned once, is due while its key is there, and is remembered when it was taken',
  async database => {
    const due = (nowMs: number, unproven: boolean) =>
      forwards.duePending(database.direct, { server, nowMs, unproven, limit: 5 })
    await database.write(async tx => {
      await peers.putPeer(tx, { server, heardAt: 1, provenAt: 2, reachedAt: undefined, features: ['a', 'b'] })
      assert.equal(await forwards.planForward(tx, { server, key, message }), true)
      assert.equal(await forwards.planForward(tx, { server, key, message }), false)
    })
    assert.deepEqual(await due(1, true), [])
    await database.write(tx =>
      presence.putPresence(tx, { server, key, expiresAt: 2000, proofAt: undefined, proof: undefined }),
    )
    assert.deepEqual(await due(1, false), [])
    const [forward] = await due(1, true)
    assert.ok(forward)
    assert.deepEqual(
      { ...forward, hash: [...forward.hash] },
      { ...message, hash: [...message.hash], server, key, proven: false },
    )
    assert.deepEqual(await forwards.serversWaiting(database.direct), [server])
    await database.write(tx => forwards.postpone(tx, forward, 50))
    assert.deepEqual([(await due(49, true)).length, (await due(50, true)).length], [0, 1])
    await database.write(tx => forwards.countAttempt(tx, forward, 1))
    assert.equal(await forwards.countAllPending(database.direct), 0)
    await database.write(tx => forwards.wakeResting(tx, server, message.box))
    assert.equal(await forwards.countPending(database.direct, server, 5), 1)
    await database.write(tx => forwards.markTaken(tx, { ...forward, proven: true }, 70))
    await database.write(tx => forwards.dropPending(tx, server, message.box))
    assert.equal(await database.write(tx => forwards.planForward(tx, { server, key, message })), false)
    assert.deepEqual(await forwards.takenBefore(database.direct, 69, 5), [])
    assert.deepEqual(await forwards.takenBefore(database.direct, 70, 5), [{ box: 1, seq: message.seq, key }])
    await database.write(tx => forwards.keepTaken(tx, message.box, message.seq))
    assert.deepEqual(await forwards.takenBefore(database.direct, 70, 5), [])
    await database.write(tx => forwards.dropMessage(tx, message.box, message.seq))
    assert.equal(await database.write(tx => forwards.planForward(tx, { server, key, message })), true)
    assert.equal((await peers.readPeers(database.direct, 5))[0]?.features.join(), 'a,b')
  },
)
