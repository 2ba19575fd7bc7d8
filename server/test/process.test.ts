/** Leaf as a process: how it stops, what it says when it cannot start, and how it lives beside others. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../../tools/oracles/src/ports.ts'
import { seqOf, subscribe } from './support/firehose.ts'
import { type Account, createAccount, get, post, send, sendOk } from './support/http.ts'
import { type Leaf, startLeaf } from './support/leaf.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Runs `leaf start` until it ends by itself; gives its exit code and what it said. */
async function startsNot(env: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, ['--conditions=leaf-source', 'server/bin/leaf.js', 'start'], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  return { code, said }
}

describe('leaf as a process', () => {
  let leaf: Leaf
  let account: Account

  const write = (text: string) => {
    const body = { repo: account.did, collection: 'com.example.note', record: { text } }
    return send(leaf.url, post('com.atproto.repo.createRecord', body, { token: account.accessJwt }))
  }

  before(async () => {
    leaf = await startLeaf()
    account = await createAccount(leaf.url, 'lasting')
  })
  after(async () => {
    await leaf?.dispose()
    for (const name of ['other', 'none', 'npm']) {
      await rm(`${leaf.dataFolder}-${name}`, { recursive: true, force: true })
    }
  })

  it('SIGTERM answers what is under way, closes the firehose with a reason, and ends with 0', async () => {
    const listener = await subscribe(leaf.url)
    const answers = Array.from({ length: 20 }, (_, n) => write(`under way ${n}`))
    await listener.atLeast(1)
    const stopped = leaf.stop()
    const settled = await Promise.allSettled(answers)
    await stopped
    const answered = settled.filter(one => one.status === 'fulfilled' && one.value.status === 200).length
    const { code } = await listener.closed
    assert.ok([1001, 1012].includes(code), `the firehose was closed with ${code}`)
    await leaf.start()
    const { records } = await sendOk<{ records: object[] }>(
      leaf.url,
      get('com.atproto.repo.listRecords', { repo: account.did, collection: 'com.example.note', limit: 100 }),
    )
    assert.ok(records.length >= answered, `${answered} writes were answered, ${records.length} are there`)
  })

  it('sessions and cursors outlive a restart', async () => {
    const earlier = await subscribe(leaf.url, { cursor: 0 })
    const last = seqOf((await earlier.atLeast(4)).at(-1)!)
    await earlier.close()
    await leaf.stop()
    await leaf.start()
    assert.equal((await write('after the restart')).status, 200)
    const next = await subscribe(leaf.url, { cursor: last })
    assert.ok(seqOf((await next.atLeast(1))[0]!) > last)
    await next.close()
  })

  it('a taken port is told by its number', async () => {
    const port = new URL(leaf.url).port
    const [plcPort] = await freePorts(1)
    const { code, said } = await startsNot({
      LEAF_DATA_DIR: `${leaf.dataFolder}-other`,
      PDS_PORT: port,
      PLC_PORT: String(plcPort),
    })
    assert.notEqual(code, 0)
    assert.ok(said.includes(port), said)
  })

  it('a data folder that another Leaf uses is refused', async () => {
    const [port, plcPort] = await freePorts(2)
    const { code, said } = await startsNot({
      LEAF_DATA_DIR: leaf.dataFolder,
      PDS_PORT: String(port),
      PLC_PORT: String(plcPort),
    })
    assert.notEqual(code, 0)
    assert.ok(said.includes(leaf.dataFolder), said)
    assert.equal((await write('still served')).status, 200)
  })

  it('two with folders and ports of their own live beside one another', async () => {
    const other = await startLeaf()
    const neighbour = await createAccount(other.url, 'lasting')
    assert.notEqual(neighbour.did, account.did)
    await other.dispose()
  })

  it('production without its settings tells all that is missing at once', async () => {
    const { code, said } = await startsNot({
      NODE_ENV: 'production',
      LEAF_DATA_DIR: `${leaf.dataFolder}-none`,
    })
    assert.notEqual(code, 0)
    for (const name of ['PUBLIC_URL', 'PDS_JWT_SECRET', 'PDS_KEY_ENCRYPTION_SECRET']) {
      assert.ok(said.includes(`${name} is missing`), said)
    }
  })

  it('in development a foreign Host is refused', async () => {
    const { url } = leaf
    const asked = request(`${url}/xrpc/_health`, { headers: { host: 'evil.example.com' } }).end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    answer.resume()
    const status = answer.statusCode ?? 0
    assert.ok(status >= 400 && status < 500, `expected a refusal, got ${status}`)
  })

  it('npm start ends with Leaf when npm is told to end', async () => {
    const [port = 0, plcPort] = await freePorts(2)
    const child = spawn('npm', ['start'], {
      cwd: root,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '',
        LEAF_DATA_DIR: `${leaf.dataFolder}-npm`,
        PDS_PORT: String(port),
        PLC_PORT: String(plcPort),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    await new Promise<void>((resolve, reject) => {
      const listen = (chunk: Buffer) => {
        said += chunk.toString()
        if (said.includes(`http://localhost:${port}`)) resolve()
      }
      child.stdout.on('data', listen)
      child.stderr.on('data', listen)
      child.once('close', () => reject(new Error(`npm start ended: ${said}`)))
    })
    child.removeAllListeners('close')
    child.kill('SIGTERM')
    await once(child, 'close')
    await assert.rejects(fetch(`http://localhost:${port}/`), 'the port is free again')
  })
})
