import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { IdResolver } from '@atproto/identity'
import { createManualClock } from '../clock.ts'
import { createOperatorFetch, type SafeResponse } from '../fetch.ts'
import { silentLogger } from '../log.ts'
import type { Database } from '../storage/database.ts'
import { openSqlite } from '../storage/sqlite.ts'
import { createPlcClient } from './plc-client.ts'
import { createPlcDirectory, type PlcDirectory } from './plc-directory.ts'
import { cidOfPlcOperation } from './plc-operation.ts'
import { newPerson } from './test-person.ts'
import type { PlcClient } from './types.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-plc-client-'))
let database: Database
let directory: PlcDirectory
let url: string
let client: PlcClient

before(async () => {
  const clock = createManualClock()
  database = await openSqlite({ path: join(folder, 'leaf.sqlite'), clock })
  directory = createPlcDirectory({ database, clock, log: silentLogger, version: '1.2.3' })
  url = await directory.start({ port: 0 })
  client = createPlcClient({ url: () => url, fetch: createOperatorFetch() })
})

after(async () => {
  await directory.stop()
  await database.close()
  rmSync(folder, { recursive: true })
})

test('the client submits, reads, and passes the directory’s reason on', async () => {
  const gus = newPerson('gus.test')
  assert.equal(await client.data(gus.did), undefined)
  assert.equal(await client.last(gus.did), undefined)
  await client.submit(gus.did, gus.genesis)
  assert.deepEqual((await client.data(gus.did))?.alsoKnownAs, ['at://gus.test'])
  assert.deepEqual(await client.last(gus.did), {
    cid: cidOfPlcOperation(gus.genesis),
    operation: gus.genesis,
  })
  await assert.rejects(client.submit(gus.did, gus.genesis), {
    code: 'invalid',
    message: 'Operations not correctly ordered',
  })
})

test('a directory that cannot be reached is an upstream refusal', async () => {
  const away = createPlcClient({ url: () => 'http://127.0.0.1:1', fetch: createOperatorFetch() })
  await assert.rejects(away.data('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'), { code: 'upstream' })
})

test('@atproto/identity resolves a DID against the embedded directory', async () => {
  const hal = newPerson('hal.test')
  await client.submit(hal.did, hal.genesis)
  const resolver = new IdResolver({ plcUrl: url, fetch: globalThis.fetch })
  const data = await resolver.did.resolveAtprotoData(hal.did)
  assert.equal(data.signingKey, hal.signing.didKey)
  assert.equal(data.handle, 'hal.test')
  assert.equal(data.pds, 'http://localhost:3334')
})

test('an answer that is not the directory’s is an upstream refusal, a refusal keeps its reason', async () => {
  const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
  const answering = (status: number, body: string) => {
    const response: SafeResponse = { status, headers: {}, url: 'x', body: new TextEncoder().encode(body) }
    return createPlcClient({ url: () => 'x', fetch: () => Promise.resolve(response) })
  }
  const data = { did, rotationKeys: [], verificationMethods: {}, alsoKnownAs: [], services: {} }
  assert.deepEqual(await answering(200, JSON.stringify(data)).data(did), data)
  const bad = ['<html>', '[]', 'null', '{}', JSON.stringify({ ...data, did: 'did:plc:other' })]
  bad.push(JSON.stringify({ ...data, services: { x: 'y' } }), JSON.stringify({ ...data, rotationKeys: [1] }))
  for (const body of bad) await assert.rejects(answering(200, body).data(did), { code: 'upstream' }, body)
  await assert.rejects(answering(200, '{"type":"plc_tombstone"}').last(did), { code: 'upstream' })
  await assert.rejects(answering(500, '').data(did), { code: 'upstream' })
  assert.equal(await answering(410, '').data(did), undefined)
  const operation = { sig: 'x' }
  await assert.rejects(answering(400, '{"message":"no"}').submit(did, operation), {
    code: 'invalid',
    message: 'no',
  })
  await assert.rejects(answering(400, 'plain').submit(did, operation), { code: 'invalid', message: 'plain' })
  await assert.rejects(answering(429, '').submit(did, operation), { code: 'upstream' })
  await assert.rejects(answering(502, '').submit(did, operation), { code: 'upstream' })
})
