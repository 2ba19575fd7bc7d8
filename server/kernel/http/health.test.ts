import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock, systemClock } from '../clock.ts'
import { createMetrics } from '../metrics.ts'
import { createHealthRoutes, type HealthOptions } from './health.ts'
import { sendRaw } from './test-raw.ts'
import { startServer } from './test-server.ts'

const token = 'a-metrics-token-of-thirty-two-characters'
const start = (options: Partial<HealthOptions> = {}) =>
  startServer(
    createHealthRoutes({
      checks: [],
      stopping: () => false,
      metrics: createMetrics(),
      clock: systemClock,
      ...options,
    }),
    { localHostsOnly: false },
  )

test('the process lives, and is ready when every check passes', async t => {
  const server = await start({ checks: [{ name: 'database', check: async () => undefined }] })
  t.after(server.stop)
  assert.deepEqual(await (await fetch(`${server.url}/healthz`)).json(), { ok: true })
  assert.deepEqual(await (await fetch(`${server.url}/readyz`)).json(), { ok: true })
})

test('a failing check makes it unready, with the reason for this machine only', async t => {
  const server = await start({
    checks: [
      { name: 'blobs', check: async () => undefined },
      { name: 'database', check: () => Promise.reject(new Error('the disk is full')) },
    ],
  })
  t.after(server.stop)
  const here = await fetch(`${server.url}/readyz`)
  assert.equal(here.status, 503)
  assert.deepEqual(await here.json(), { ok: false, failed: { database: 'the disk is full' } })
  const proxied = await fetch(`${server.url}/readyz`, { headers: { 'x-forwarded-for': '203.0.113.9' } })
  assert.deepEqual(await proxied.json(), { ok: false, failed: { database: 'failed' } })
})

test('a check that never answers counts as failed', async t => {
  const clock = createManualClock()
  const asked = Promise.withResolvers<void>()
  const check = () => {
    asked.resolve()
    return new Promise<void>(() => undefined)
  }
  const server = await start({ clock, checks: [{ name: 'database', check }] })
  t.after(server.stop)
  const answer = fetch(`${server.url}/readyz`)
  await asked.promise
  clock.advance(3000)
  assert.deepEqual(await (await answer).json(), {
    ok: false,
    failed: { database: 'did not answer within 3000 ms' },
  })
})

test('while it stops it is not ready', async t => {
  const server = await start({ stopping: () => true })
  t.after(server.stop)
  assert.equal((await fetch(`${server.url}/readyz`)).status, 503)
})

test('metrics are for this machine when no proxy stands between, and for a token', async t => {
  const server = await start({ metricsToken: token })
  t.after(server.stop)
  const status = async (headers: Record<string, string>) =>
    (await fetch(`${server.url}/metrics`, { headers })).status
  assert.equal(await status({}), 200)
  assert.equal(await status({ 'x-forwarded-for': '127.0.0.1' }), 401)
  assert.equal(await status({ forwarded: 'for=127.0.0.1' }), 401)
  assert.equal(await status({ 'x-real-ip': '127.0.0.1' }), 401)
  assert.equal(await status({ via: '1.1 proxy' }), 401)
  assert.equal(await status({ 'x-forwarded-for': '203.0.113.9', authorization: `Bearer ${token}` }), 200)
  assert.equal(await status({ authorization: 'Bearer wrong' }), 401)
  const foreign = await sendRaw(
    server.port,
    'GET /metrics HTTP/1.1\r\nHost: leaf.example\r\nConnection: close\r\n\r\n',
  )
  assert.match(foreign, /^HTTP\/1\.1 401 /)
  const text = await (await fetch(`${server.url}/metrics`)).text()
  assert.match(text, /process_resident_memory_bytes \d+/)
})

test('without a token nobody else learns that there are metrics', async t => {
  const server = await start()
  t.after(server.stop)
  const headers = { 'x-forwarded-for': '203.0.113.9', authorization: 'Bearer undefined' }
  assert.equal((await fetch(`${server.url}/metrics`, { headers })).status, 404)
})
