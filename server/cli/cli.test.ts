import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { type TestContext, test } from 'node:test'
import { readConfiguration } from '../configuration.ts'
import { runLeaf } from './test-terminal.ts'

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-cli-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

test('leaf start prints one line a system and the address, and flags win over the environment', async () => {
  const run = await runLeaf(['start', '--port', '4000', '--data', '/x', '--otel'], {
    env: { PDS_PORT: '5000', HOME: '/root' },
  })
  assert.equal(run.code, 0)
  assert.equal(run.out, 'pds: 0 accounts\nhttp://localhost:3334')
  assert.deepEqual(run.served, [{ PDS_PORT: '4000', LEAF_DATA_DIR: '/x', LEAF_OTEL: 'true', HOME: '/root' }])
  const json = await runLeaf(['start', '--json'])
  assert.deepEqual(JSON.parse(json.out), { address: 'http://localhost:3334', lines: ['pds: 0 accounts'] })
})

test('a wrong command line is told with what was meant, and ends with 2', async () => {
  const run = await runLeaf(['strat'])
  assert.equal(run.code, 2)
  assert.match(run.errors, /unknown command 'strat'.*Did you mean start\?/s)
  assert.equal((await runLeaf(['start', '--nonsense'])).code, 2)
})

test('help has examples, and the version is told', async () => {
  for (const command of ['start', 'init', 'doctor']) {
    const run = await runLeaf([command, '--help'])
    assert.equal(run.code, 0)
    assert.match(run.out, /Examples?:\n {2}leaf /, command)
  }
  assert.equal((await runLeaf(['--version'])).out, '1.2.3')
})

test('leaf init writes a configuration that production accepts, readable by its owner only', async t => {
  const file = join(await temporaryFolder(t), 'leaf.env')
  const run = await runLeaf(['init', '--public-url', 'leaf.example.org', '--output', file])
  assert.equal(run.code, 0)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const env = parseEnv(await readFile(file, 'utf8'))
  const { mode, values } = readConfiguration(env)
  assert.equal(mode, 'production')
  assert.equal(values.house.publicUrl, 'https://leaf.example.org')
  assert.deepEqual(values.pds.handleDomains, ['leaf.example.org'])
  const secrets = [env['PDS_JWT_SECRET'], env['PDS_KEY_ENCRYPTION_SECRET'], env['LEAF_METRICS_TOKEN']]
  assert.equal(new Set(secrets).size, 3)
  for (const secret of secrets) assert.match(secret ?? '', /^[A-Za-z0-9_-]{43}$/)
})

test('leaf init says in plain words that losing the sealing key loses every account, and shows no secret', async t => {
  const file = join(await temporaryFolder(t), 'leaf.env')
  const run = await runLeaf(['init', '--public-url', 'https://leaf.example.org', '--output', file])
  assert.match(run.out, /if it is lost, every account is lost\. Nobody can bring it back\./)
  const env = parseEnv(await readFile(file, 'utf8'))
  assert.ok(!run.out.includes(env['PDS_KEY_ENCRYPTION_SECRET'] ?? '?'))
})

test('leaf init never overwrites', async t => {
  const file = join(await temporaryFolder(t), 'leaf.env')
  await writeFile(file, 'precious')
  const run = await runLeaf(['init', '--public-url', 'https://leaf.example.org', '--output', file])
  assert.equal(run.code, 1)
  assert.match(run.errors, /There is a file .* already, .* Nothing was changed\./)
  assert.equal(await readFile(file, 'utf8'), 'precious')
})

test('leaf init asks what it was not told, and says what it needs when nobody is there', async t => {
  const file = join(await temporaryFolder(t), 'leaf.env')
  const asked = await runLeaf(['init', '--output', file, '--json'], {
    answers: ['leaf.example.org', 'example.org'],
  })
  assert.equal(asked.code, 0)
  assert.match(await readFile(file, 'utf8'), /^PDS_HANDLE_DOMAIN=example\.org$/m)
  const alone = await runLeaf(['init', '--output', `${file}2`])
  assert.equal(alone.code, 1)
  assert.match(alone.errors, /leaf init --public-url/)
  for (const wrong of ['http://leaf.example.org', 'https://leaf.example.org/path']) {
    assert.equal((await runLeaf(['init', '--public-url', wrong, '--output', `${file}3`])).code, 1, wrong)
  }
})

test('leaf doctor finds nothing wrong with a development house, and prints the callbacks to register', async t => {
  const folder = await temporaryFolder(t)
  const run = await runLeaf(['doctor', '--json'], { env: { LEAF_DATA_DIR: folder, PDS_PORT: '1' } })
  const report = JSON.parse(run.out) as {
    ok: boolean
    findings: { subject: string; level: string }[]
    callbacks: { url: string }[]
  }
  assert.equal(run.code, 0, run.out)
  assert.equal(report.ok, true)
  assert.deepEqual(
    [...new Set(report.findings.map(finding => finding.subject))],
    ['configuration', 'disk', 'database', 'blobs', 'port'],
  )
  assert.deepEqual(
    report.callbacks.map(callback => callback.url),
    ['http://localhost:1/pds/auth/github/callback', 'http://localhost:1/pds/auth/google/callback'],
  )
})

test('leaf doctor does not make a data folder by looking', async t => {
  const folder = join(await temporaryFolder(t), 'mistyped')
  await runLeaf(['doctor'], { env: { LEAF_DATA_DIR: folder, PDS_PORT: '1' } })
  await assert.rejects(stat(folder))
})

test('leaf doctor tells every fault of the configuration', async () => {
  const run = await runLeaf(['doctor'], { env: { PDS_PORT: 'abc', LEAF_NONSENSE: '1' } })
  assert.equal(run.code, 1)
  assert.match(run.out, /PDS_PORT expected a whole number/)
  assert.match(run.out, /LEAF_NONSENSE is no setting of Leaf/)
  assert.match(run.out, /2 faults to mend/)
})

test('leaf doctor names who has the port', async t => {
  const server = createServer((_request, response) => void response.writeHead(500).end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close().closeAllConnections())
  const port = String((server.address() as AddressInfo).port)
  const run = await runLeaf(['doctor'], { env: { LEAF_DATA_DIR: '/nowhere/leaf', PDS_PORT: port } })
  assert.equal(run.code, 1)
  assert.match(run.out, new RegExp(`Port ${port} is taken by node.* \\(process ${process.pid}\\)`))
})

test('leaf doctor says when nobody could sign up, and what cannot be reached', async () => {
  const secret = 'x'.repeat(32)
  const env = {
    PUBLIC_URL: 'https://leaf.invalid',
    PDS_JWT_SECRET: secret,
    PDS_KEY_ENCRYPTION_SECRET: secret,
    PLC_DIRECTORY_URL: 'http://127.0.0.1:1',
    LEAF_DATA_DIR: '/nowhere/leaf',
    PDS_PORT: '1',
  }
  const alone = await runLeaf(['doctor'], { env })
  assert.equal(alone.code, 1)
  assert.match(alone.out, /may sign up \(PDS_SIGN_UP\), but none is configured/)
  assert.match(alone.out, /leaf\.invalid has no address/)
  assert.match(alone.out, /127\.0\.0\.1:1 cannot be reached .* without it no account can be created/)
})
