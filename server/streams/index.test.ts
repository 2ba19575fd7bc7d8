import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../kernel/clock.ts'
import { type Environment, type Mode, readSettings } from '../kernel/config.ts'
import { createSealer } from '../kernel/keys.ts'
import { createMemoryLimiter } from '../kernel/limit.ts'
import { silentLogger } from '../kernel/log.ts'
import { createMetrics } from '../kernel/metrics.ts'
import { systemRandom } from '../kernel/random.ts'
import { openSqlite } from '../kernel/storage/sqlite.ts'
import { streamsSettings } from './config.ts'
import { createStreams } from './index.ts'
import { createTestHosts } from './stream/test-hosts.ts'

async function withStreams(
  options: { readonly env?: Environment; readonly mode?: Mode },
  work: (streams: Awaited<ReturnType<typeof createStreams>>, warnings: string[], metrics: string) => unknown,
) {
  const { env = {}, mode = 'development' } = options
  const folder = await mkdtemp(join(tmpdir(), 'leaf-streams-'))
  const database = await openSqlite({ path: join(folder, 'leaf.db'), clock: systemClock })
  const warnings: string[] = []
  const metrics = createMetrics()
  const none = () => Promise.reject(new Error('nobody asks'))
  const streams = await createStreams({
    settings: readSettings(streamsSettings, env, mode, []),
    production: mode === 'production',
    publicUrl: 'https://leaf.example',
    name: { did: 'did:web:leaf.example' },
    dataDir: folder,
    database,
    clock: systemClock,
    random: systemRandom,
    log: { ...silentLogger, warn: (_fields, message) => void warnings.push(message) },
    metrics,
    limiter: createMemoryLimiter({ clock: systemClock, keysMax: 10 }),
    resolver: { document: none, handle: none, forget: () => undefined },
    plc: { submit: none, data: none, last: none },
    sealer: createSealer('a sealing secret of 32 characters'),
    isMember: async () => false,
    openHosts: createTestHosts,
  })
  await streams.system.start()
  await work(streams, warnings, await metrics.text())
  await streams.system.stop(1000)
  await database.close()
  await rm(folder, { recursive: true, force: true })
}

test('streams say what runs, and how the server’s document names them', async () => {
  await withStreams({}, async ({ system, service, serverDid, listener }, warnings, metrics) => {
    assert.deepEqual(await system.status(), {
      ok: true,
      line: '0 streams, 0 events; 0 connections, 0 subscriptions',
    })
    assert.deepEqual(service, {
      id: '#leaf_server',
      type: 'LeafServer',
      serviceEndpoint: 'https://leaf.example',
    })
    assert.equal(serverDid, 'did:web:leaf.example')
    assert.equal(listener, undefined)
    assert.deepEqual(warnings, [])
    assert.match(metrics, /leaf_streams_connections 0/)
  })
})

test('a listener of their own is told with what it serves', async () => {
  const env = { STREAMS_LISTEN: '127.0.0.1:5530', DID: 'did:web:old.example' }
  await withStreams({ env }, ({ listener, serverDid }) => {
    assert.partialDeepStrictEqual(listener, { hosts: ['127.0.0.1'], port: 5530 })
    const paths = listener?.mounts.flatMap(({ routes }) => routes.map(({ path }) => path))
    assert.deepEqual(new Set(paths).has('/.well-known/did.json'), true)
    assert.equal(serverDid, 'did:web:old.example')
  })
})

test('in production the unsafe token is warned of, without telling it', async () => {
  const env = { UNSAFE_AUTH_TOKEN: 'x'.repeat(32) }
  await withStreams({ env, mode: 'production' }, (_streams, warnings) => {
    assert.equal(warnings.length, 1)
    assert.match(warnings.join(), /UNSAFE_AUTH_TOKEN is set/)
    assert.ok(!warnings.join().includes('xxx'))
  })
})
