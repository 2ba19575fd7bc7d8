import assert from 'node:assert/strict'
import { createHash, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createManualClock } from '../../kernel/clock.ts'
import { readSettings } from '../../kernel/config.ts'
import { silentLogger } from '../../kernel/log.ts'
import { noMetrics } from '../../kernel/metrics.ts'
import { openBlobDisk } from '../../kernel/storage/blob-disk.ts'
import { openSqlite } from '../../kernel/storage/sqlite.ts'
import { skrepkaSettings } from '../config.ts'
import type { Relay } from '../contract.ts'
import { createRelay } from '../relay.ts'
import { person, seededRandom } from './test-world.ts'

const kim = person('kim')
const seed = 11

async function ask(relay: Relay, path: string, body: object) {
  const answer = await relay.answer({
    method: 'POST',
    path,
    query: '',
    header: () => undefined,
    body: Buffer.from(JSON.stringify(body)),
    address: '192.0.2.1',
    forwarded: false,
    signal: AbortSignal.timeout(10_000),
  })
  const value: Record<string, string> = JSON.parse(String(answer.body))
  return { status: answer.status, value }
}

test('a proof that is overheard in gossip logs nobody in: not here, not elsewhere, not after a restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'leaf-mesh-'))
  const clock = createManualClock()
  const heard: { pubkey: string; proof: { challenge: string; signature: string } }[] = []
  const parts = async (serverHost: string) => ({
    settings: {
      ...readSettings(skrepkaSettings, {}, 'development', []),
      seedPeers: ['ear.example'],
    },
    serverHost,
    houseKey: createHash('sha256').update(serverHost).digest(),
    clock,
    random: seededRandom(seed),
    database: await openSqlite({ path: join(folder, `${serverHost}.db`), clock, freeBytesMin: 0 }),
    blobs: await openBlobDisk({ root: join(folder, 'blobs'), random: seededRandom(seed) }),
    log: silentLogger,
    metrics: noMetrics,
    callPeer: async (_server: string, call: { path: string; body?: string }) => {
      const { events = [] } = JSON.parse(call.body ?? '{}')
      heard.push(...events)
      return { status: 200, retryAfterMs: undefined, body: Buffer.from('{}') }
    },
  })
  const [here, there] = [await parts('a.example'), await parts('b.example')]
  let relay: Relay = await createRelay(here)
  const other: Relay = await createRelay(there)
  const replay = (at: Relay) => {
    const { challenge, signature } = heard[0]?.proof ?? {}
    return ask(at, '/auth/verify', { pubkey: kim.key, challenge, signature, revokeOthers: false })
  }
  try {
    await relay.start()
    const { challenge = '' } = (await ask(relay, '/auth/challenge', { pubkey: kim.key })).value
    const signature = sign(null, Buffer.from(challenge), kim.secret).toString('hex')
    const login = await ask(relay, '/auth/verify', {
      pubkey: kim.key,
      challenge,
      signature,
      revokeOthers: false,
    })
    assert.equal(login.status, 200)
    for (let turn = 0; turn < 40 && heard.length === 0; turn += 1) {
      clock.advance(50)
      for (let n = 0; n < 20; n += 1) await new Promise(resolve => setImmediate(resolve))
    }
    assert.deepEqual([heard[0]?.pubkey, heard[0]?.proof.challenge], [kim.key, challenge])
    for (const at of [relay, other]) assert.equal((await replay(at)).status, 401)
    await relay.stop()
    relay = await createRelay(here)
    await relay.start()
    assert.equal((await replay(relay)).status, 401)
  } finally {
    await relay.stop()
    await other.stop()
    await here.database.close()
    await there.database.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
