import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import * as library from '@did-plc/lib'
import { PlcServer, Database as OracleDatabase } from '@did-plc/server'
import { createManualClock, type ManualClock } from '../clock.ts'
import { silentLogger } from '../log.ts'
import type { Database } from '../storage/database.ts'
import { openSqlite } from '../storage/sqlite.ts'
import { createPlcLog } from './plc-log.ts'
import { createPlcDirectory, type PlcDirectory } from './plc-directory.ts'
import { cidOfPlcOperation, signPlcOperation } from './plc-operation.ts'
import { newKey, newPerson, unsigned, update } from './test-person.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-plc-'))
let clock: ManualClock
let database: Database
let directory: PlcDirectory
let url: string
let oracle: PlcServer
let oracleUrl: string

before(async () => {
  clock = createManualClock()
  database = await openSqlite({ path: join(folder, 'leaf.db'), clock })
  directory = createPlcDirectory({ database, clock, log: silentLogger, version: '1.2.3' })
  url = await directory.start({ port: 0 })
  oracle = PlcServer.create({ db: OracleDatabase.mock(), port: 0 })
  const address = (await oracle.start()).address()
  oracleUrl = `http://localhost:${typeof address === 'object' ? address?.port : 0}`
})

after(async () => {
  await directory.stop()
  await database.close()
  await oracle.destroy()
  rmSync(folder, { recursive: true })
})

interface Answer {
  readonly status: number
  readonly type: string | null
  readonly body: string
}

async function call(base: string, path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(`${base}${path}`, init)
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() }
}

const post = (base: string, did: string, operation: unknown) =>
  call(base, `/${did}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof operation === 'string' ? operation : JSON.stringify(operation),
  })

/** Sends the same to both directories and wants the same answer. */
async function both(act: (base: string) => Promise<Answer>, status: number): Promise<string> {
  const [ours, theirs] = await Promise.all([act(url), act(oracleUrl)])
  assert.deepEqual(ours, theirs)
  assert.equal(ours.status, status, ours.body)
  return ours.body
}

test('a genesis operation, its DID and its CID are those of the directory’s own library', async () => {
  const { did, genesis } = newPerson('alice.test')
  assert.equal(await library.didForCreateOp(genesis as never), did)
  assert.equal(
    (await library.getLastOpWithCid([genesis as never])).cid.toString(),
    cidOfPlcOperation(genesis),
  )
  await library.assureValidCreationOp(did, genesis as never)
})

test('a DID is created, read and changed as at the real directory', async () => {
  const alice = newPerson('alice.test')
  await both(base => call(base, `/${alice.did}`), 404)
  await both(base => post(base, alice.did, alice.genesis), 200)
  await both(base => call(base, `/${alice.did}`), 200)
  await both(base => call(base, `/${encodeURIComponent(alice.did)}/data`), 200)
  const renamed = update(alice, 'alice2.test', alice.genesis, alice.rotation[1]!)
  await both(base => post(base, alice.did, renamed), 200)
  const document = JSON.parse(await both(base => call(base, `/${alice.did}`), 200)) as {
    alsoKnownAs: string[]
  }
  assert.deepEqual(document.alsoKnownAs, ['at://alice2.test'])
  await both(base => call(base, `/${alice.did}/log`), 200)
  await both(base => call(base, `/${alice.did}/log/last`), 200)
  const audits = await Promise.all([
    call(url, `/${alice.did}/log/audit`),
    call(oracleUrl, `/${alice.did}/log/audit`),
  ])
  const [ours, theirs] = audits.map(({ body }) =>
    (JSON.parse(body) as { createdAt: string }[]).map(({ createdAt, ...rest }) => ({
      ...rest,
      dated: typeof createdAt,
    })),
  )
  assert.deepEqual(ours, theirs)
})

test('bad operations are refused with the real directory’s status and words', async () => {
  const bob = newPerson('bob.test')
  const stranger = newKey()
  const other = newPerson('other.test')
  await both(base => post(base, bob.did, other.genesis), 400)
  await both(base => post(base, bob.did.slice(0, 20), bob.genesis), 400)
  await both(base => post(base, bob.did, {}), 400)
  // The real one falls over a body that is not JSON (500).
  assert.equal((await post(url, bob.did, '{')).status, 400)
  await both(base => post(base, bob.did, { ...bob.genesis, sig: 'AAAA' }), 400)
  await both(base => post(base, bob.did, { ...bob.genesis, alsoKnownAs: ['at://eve.test'] }), 400)
  await both(base => post(base, bob.did, { ...bob.genesis, rotationKeys: ['did:key:zoo'] }), 400)
  await both(base => post(base, bob.did, bob.genesis), 200)
  await both(base => post(base, bob.did, bob.genesis), 400)
  await both(base => post(base, bob.did, update(bob, 'x.test', bob.genesis, stranger)), 400)
  await both(base => post(base, bob.did, update(bob, 'x.test', other.genesis, bob.rotation[0]!)), 400)
  const many = signPlcOperation(
    unsigned('x.test', bob.signing, [1, 2, 3, 4, 5, 6].map(newKey), cidOfPlcOperation(bob.genesis)),
    bob.rotation[0]!,
  )
  await both(base => post(base, bob.did, many), 400)
  await both(base => call(base, '/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/log/last'), 404)
  await both(base => call(base, '/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/log/audit'), 404)
})

test('a key of higher priority undoes what a lower one signed, a lower one cannot', async () => {
  const carol = newPerson('carol.test')
  const [high, low] = carol.rotation
  await both(base => post(base, carol.did, carol.genesis), 200)
  const byLow = update(carol, 'stolen.test', carol.genesis, low!)
  await both(base => post(base, carol.did, byLow), 200)
  await both(base => post(base, carol.did, update(carol, 'again.test', carol.genesis, low!)), 400)
  await both(base => post(base, carol.did, update(carol, 'rescued.test', carol.genesis, high!)), 200)
  // The oracle's in-memory store forgets here what its PostgreSQL store knows: that this one was undone.
  const onUndone = await post(url, carol.did, update(carol, 'more.test', byLow, high!))
  assert.deepEqual([onUndone.status, onUndone.body], [400, '{"message":"Operations not correctly ordered"}'])
  await both(base => call(base, `/${carol.did}/data`), 200)
  await both(base => call(base, `/${carol.did}/log`), 200)
  const audit = JSON.parse((await call(url, `/${carol.did}/log/audit`)).body) as { nullified: boolean }[]
  assert.deepEqual(
    audit.map(({ nullified }) => nullified),
    [false, true, false],
  )
})

test('after 72 hours nothing is undone any more', async () => {
  const dave = newPerson('dave.test')
  const [high, low] = dave.rotation
  for (const operation of [dave.genesis, update(dave, 'later.test', dave.genesis, low!)]) {
    assert.equal((await post(url, dave.did, operation)).status, 200)
  }
  clock.advance(72 * 3_600_000 + 1000)
  const late = await post(url, dave.did, update(dave, 'rescued.test', dave.genesis, high!))
  assert.equal(late.status, 400)
  assert.match(late.body, /Recovery operation occured outside of the allowed 72 hr recovery window/)
})

test('a tombstoned DID is not available and takes no more operations', async () => {
  const erin = newPerson('erin.test')
  await both(base => post(base, erin.did, erin.genesis), 200)
  const unsignedTombstone = { type: 'plc_tombstone', prev: cidOfPlcOperation(erin.genesis) }
  const tombstone = signPlcOperation(unsignedTombstone as never, erin.rotation[0]!)
  await both(base => post(base, erin.did, tombstone), 200)
  await both(base => call(base, `/${erin.did}`), 404)
  await both(base => call(base, `/${erin.did}/data`), 404)
  await both(base => call(base, `/${erin.did}/log/last`), 200)
  await both(base => post(base, erin.did, update(erin, 'back.test', tombstone, erin.rotation[0]!)), 400)
})

test('of two operations that follow the same one at the same time only one is taken', async () => {
  const fay = newPerson('fay.test')
  assert.equal((await post(url, fay.did, fay.genesis)).status, 200)
  const rivals = ['a.test', 'b.test', 'c.test', 'd.test'].map(handle =>
    update(fay, handle, fay.genesis, fay.rotation[0]!),
  )
  const answers = await Promise.all(rivals.map(rival => post(url, fay.did, rival)))
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 400, 400, 400],
  )
})

test('an operation that comes between checking and storing another makes that one be checked anew', async () => {
  const ida = newPerson('ida.test')
  assert.equal((await post(url, ida.did, ida.genesis)).status, 200)
  const [first, second] = ['a.test', 'b.test'].map(name => update(ida, name, ida.genesis, ida.rotation[1]!))
  const straight = createPlcLog({ database, clock })
  let overtaken = false
  const overtaking = createPlcLog({
    clock,
    database: {
      ...database,
      write: async (fn, options) => {
        if (!overtaken) {
          overtaken = true
          await straight.submit(ida.did, first)
        }
        return database.write(fn, options)
      },
    },
  })
  await assert.rejects(overtaking.submit(ida.did, second), { code: 'invalid' })
  assert.deepEqual(
    (await straight.audit(ida.did)).map(({ nullified }) => nullified),
    [false, false],
  )
})

test('the export pages through all operations in order, by time', async () => {
  const seen: string[] = []
  let cursor = ''
  for (;;) {
    const { body, type } = await call(url, `/export?count=3${cursor}`)
    assert.equal(type, 'application/jsonlines')
    const lines =
      body === '' ? [] : body.split('\n').map(line => JSON.parse(line) as { cid: string; createdAt: string })
    if (lines.length === 0) break
    seen.push(...lines.map(({ cid }) => cid))
    cursor = `&after=${lines.at(-1)?.createdAt}`
  }
  const all = (await call(url, '/export')).body.split('\n')
  assert.equal(seen.length, all.length)
  assert.equal(new Set(seen).size, seen.length)
  assert.equal((await call(url, '/export?count=0')).status, 400)
})

test('the health check names the version; unknown paths are 404; a long body is 413', async () => {
  assert.deepEqual(JSON.parse((await call(url, '/_health')).body), { version: '1.2.3' })
  assert.equal((await call(url, '/did:plc:x/nothing')).status, 404)
  assert.equal((await post(url, 'did:plc:x', JSON.stringify('x'.repeat(200_000)))).status, 413)
})

test('a taken port makes the directory take the next one', async () => {
  const blocker = createServer()
  await new Promise<void>(resolve => blocker.listen(0, '127.0.0.1', resolve))
  const address = blocker.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const second = createPlcDirectory({ database, clock, log: silentLogger, version: '0' })
  try {
    const base = await second.start({ port })
    assert.ok(Number(new URL(base).port) > port)
    assert.equal((await call(base, '/_health')).status, 200)
  } finally {
    await second.stop()
    await new Promise(resolve => blocker.close(resolve))
  }
})
