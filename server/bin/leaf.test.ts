import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const entry = fileURLToPath(new URL('leaf.js', import.meta.url))
const hasNpm = (process.env['PATH'] ?? '').split(delimiter).some(folder => existsSync(join(folder, 'npm')))

interface Run {
  readonly child: ChildProcess
  out(): string
  errors(): string
  /** Resolves when standard output has a line that matches. */
  said(pattern: RegExp): Promise<void>
  readonly ended: Promise<number | null>
}

/** Only what a program needs anyhow, and `more`. */
function runProgram(program: string, args: readonly string[], more: Record<string, string>): Run {
  const inherited = ['PATH', 'HOME', 'TMPDIR', 'NODE_COMPILE_CACHE'].map(name => [
    name,
    process.env[name] ?? '',
  ])
  const child = spawn(program, args, {
    cwd: root,
    env: { ...Object.fromEntries(inherited), ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const killWithParent = () => child.kill('SIGKILL')
  process.once('exit', killWithParent)
  let out = ''
  let errors = ''
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  const ended = once(child, 'close').then(([code]) => {
    process.off('exit', killWithParent)
    return code as number | null
  })
  return {
    child,
    out: () => out,
    errors: () => errors,
    said: pattern =>
      new Promise((resolve, reject) => {
        child.stdout.on('data', chunk => {
          out += chunk
          if (pattern.test(out)) resolve()
        })
        void ended.then(code =>
          reject(new Error(`ended with ${code} before it said ${pattern}\n${out}${errors}`)),
        )
      }),
    ended,
  }
}

async function environment(t: TestContext): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-bin-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return { LEAF_DATA_DIR: folder, PDS_PORT: '0', PLC_PORT: '0' }
}

const leaf = (env: Record<string, string>, ...args: string[]) =>
  runProgram(process.execPath, ['--conditions=leaf-source', entry, 'start', ...args], env)

test('it says what runs and where, one line each and nothing else, and stops on SIGTERM with 0', async t => {
  const run = leaf(await environment(t))
  await run.said(/^http:\/\/localhost:\d+\n/m)
  const address = /^http:\/\/localhost:\d+$/m.exec(run.out())?.[0] ?? ''
  assert.equal((await fetch(`${address}/healthz`)).status, 200)
  assert.match(run.out(), /^pds: /)
  // Four systems, the messenger, the directory of development, the address.
  assert.equal(run.out().trimEnd().split('\n').length, 7, run.out())
  assert.equal(run.errors(), '')
  run.child.kill('SIGTERM')
  assert.equal(await run.ended, 0)
})

test('when it stops, sockets are closed with a reason, and nobody waits for them', async t => {
  const run = leaf(await environment(t))
  await run.said(/^http:\/\/localhost:\d+\n/m)
  const host = /^http:\/\/(localhost:\d+)$/m.exec(run.out())?.[1] ?? ''
  const socket = new WebSocket(`ws://${host}/xrpc/com.atproto.sync.subscribeRepos`)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', () => reject(new Error(`no socket at ${host}`)))
  })
  const closed = new Promise<CloseEvent>(resolve => socket.addEventListener('close', resolve))
  const startMs = performance.now()
  run.child.kill('SIGTERM')
  const { code, reason } = await closed
  assert.equal(code, 1001)
  assert.match(reason, /stopping/)
  assert.equal(await run.ended, 0, run.errors())
  assert.ok(performance.now() - startMs < 5000)
})

test('under npm start a signal reaches it, and it stops properly', {
  skip: hasNpm ? false : 'npm is not on the path',
}, async t => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const run = runProgram('npm', ['--silent', 'start'], await environment(t))
    await run.said(/^http:\/\/localhost:\d+\n/m)
    const address = /^http:\/\/localhost:\d+$/m.exec(run.out())?.[0] ?? ''
    run.child.kill(signal)
    await run.ended
    await assert.rejects(fetch(`${address}/healthz`), signal)
    assert.doesNotMatch(run.errors(), /did not stop cleanly|at once/)
  }
})

test('it also runs without the condition that npm gives, as an installed command does', async t => {
  const run = runProgram(process.execPath, [entry, 'start'], await environment(t))
  await run.said(/^http:\/\/localhost:\d+\n/m)
  run.child.kill('SIGTERM')
  assert.equal(await run.ended, 0)
})

test('production refuses to start without its settings, naming all that are missing', async t => {
  const run = leaf({ ...(await environment(t)), PUBLIC_URL: 'https://leaf.example' })
  assert.equal(await run.ended, 2)
  assert.match(run.errors(), /PDS_JWT_SECRET is missing/)
  assert.match(run.errors(), /PDS_KEY_ENCRYPTION_SECRET is missing/)
})

test('a taken port is told with who has it', {
  skip: existsSync('/proc/net/tcp') ? false : 'no /proc here',
}, async t => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const run = leaf(await environment(t), '--port', String(port))
  assert.equal(await run.ended, 1)
  assert.match(
    run.errors(),
    new RegExp(`^Port ${port} is taken by node.*\\(process ${process.pid}\\)\\. stop it`),
  )
})

const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find(
  path => existsSync(path) && path !== process.execPath,
)

test('a Node that is too old is told so in a sentence', {
  skip: oldNode === undefined ? 'there is no other Node here' : false,
}, async t => {
  const version = runProgram(oldNode ?? '', ['--version'], {})
  await version.said(/v\d+/)
  if (Number(/v(\d+)/.exec(version.out())?.[1]) >= 24) return t.skip('the other Node here is new enough')
  const run = runProgram(oldNode ?? '', [entry, 'start'], {})
  assert.equal(await run.ended, 1)
  assert.match(run.errors(), /^Leaf needs Node 24\.15 or newer; this is Node \d+/)
})
