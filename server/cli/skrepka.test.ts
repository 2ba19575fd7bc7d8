import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Command } from 'commander'
import { freePorts } from '../../tools/oracles/src/ports.ts'
import { readConfiguration, settingFlags, settingTables } from '../configuration.ts'
import { systemClock } from '../kernel/clock.ts'
import { Refusal } from '../kernel/errors.ts'
import { startServer } from '../kernel/http/test-server.ts'
import { silentLogger } from '../kernel/log.ts'
import { noMetrics } from '../kernel/metrics.ts'
import { systemRandom } from '../kernel/random.ts'
import { tellFailure } from '../kernel/run.ts'
import { openBlobDisk } from '../kernel/storage/blob-disk.ts'
import { openSqlite } from '../kernel/storage/sqlite.ts'
import { createSkrepka } from '../skrepka/index.ts'
import { defaultSettings } from '../skrepka/test-relay.ts'
import type { CommandContext } from './command.ts'
import { addSkrepka } from './skrepka.ts'

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'leaf-cli-skrepka-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

/** Runs `leaf skrepka …`. */
async function run(
  ...argv: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly errors: string }> {
  const out: string[] = []
  const errors: string[] = []
  let code = 0
  const context: CommandContext = {
    env: {},
    terminal: {
      line: text => void out.push(text),
      error: text => void errors.push(text),
      interactive: false,
      colour: false,
      ask: async () => '',
    },
    clock: systemClock,
    random: systemRandom,
    version: '1.2.3',
    tables: settingTables,
    settingFlags,
    readConfiguration,
    serve: async () => 0,
    exit: given => {
      code = given
    },
  }
  const program = new Command('leaf')
    .exitOverride()
    .configureOutput({ writeOut: text => void out.push(text), writeErr: text => void errors.push(text) })
  addSkrepka(program, context)
  try {
    await program.parseAsync(['skrepka', ...argv], { from: 'user' })
  } catch (error) {
    if (error instanceof Error && 'exitCode' in error) code = Number(error.exitCode) === 0 ? 0 : 2
    else code = tellFailure(error, text => void errors.push(text))
  }
  return { code, out: out.join('\n'), errors: errors.join('\n') }
}

async function startRelay(t: TestContext, folder: string): Promise<string> {
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const database = await openSqlite({ path: join(folder, 'leaf.db'), clock: systemClock })
  const skrepka = await createSkrepka({
    settings: defaultSettings,
    publicUrl: url,
    database,
    blobs: await openBlobDisk({ root: join(folder, 'blobs'), random: systemRandom }),
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    metrics: noMetrics,
    callPeer: async () => {
      throw new Refusal('upstream', 'nobody is there')
    },
  })
  await skrepka.system.start?.()
  const server = await startServer(skrepka.ownRoutes, { port })
  t.after(async () => {
    await skrepka.system.stop?.(1000)
    await server.stop()
    await database.close()
  })
  return new URL(url).host
}

test('a key is made, closed by its passphrase, and never overwritten', async t => {
  const folder = await folderOf(t)
  const key = join(folder, 'ana.json')
  const secret = join(folder, 'passphrase')
  await writeFile(secret, 'Ana and the sea\n')
  const made = await run('keygen', '-k', key, '-r', 'relay.example', '--passphrase-file', secret, '--json')
  assert.equal(made.code, 0, made.errors)
  const told = JSON.parse(made.out)
  assert.equal(told.link, `skrepka://${told.key}@relay.example`)
  assert.equal(told.words.split('-').length, 16)
  assert.equal((await stat(key)).mode & 0o777, 0o600)
  const before = await readFile(key, 'utf8')
  const again = await run('keygen', '-k', key, '--passphrase-file', secret)
  assert.equal(again.code, 1)
  assert.equal(await readFile(key, 'utf8'), before)
  const shown = await run('keygen', '-k', key, '--show')
  assert.match(
    shown.out,
    new RegExp(`Your link: {3}skrepka://${told.key}@localhost:3334\nYour words: {2}${told.words}$`),
  )
})

test('a message is sent from one key and read with another, once', async t => {
  const folder = await folderOf(t)
  const relay = await startRelay(t, folder)
  const secret = join(folder, 'passphrase')
  await writeFile(secret, 'correct horse')
  const keys = { ana: join(folder, 'ana.json'), bo: join(folder, 'bo.json') }
  const links: Record<string, string> = {}
  for (const [name, file] of Object.entries(keys)) {
    const made = await run('keygen', '-k', file, '-r', relay, '--passphrase-file', secret, '--json')
    links[name] = JSON.parse(made.out).link
  }
  const as = (name: 'ana' | 'bo') => ['-k', keys[name], '-r', relay, '--passphrase-file', secret]
  const sent = await run('send', links['bo']!, 'See you \u001b[31mat eight', ...as('ana'))
  assert.deepEqual(sent, { code: 0, out: 'Sent. A relay keeps it until it is fetched.', errors: '' })
  const read = await run('read', ...as('bo'), '--json')
  assert.equal(read.code, 0, read.errors)
  const message = JSON.parse(read.out)
  assert.equal(message.body, 'See you \u001b[31mat eight')
  assert.equal(message.known, false)
  assert.ok(links['ana']!.includes(message.from))
  assert.deepEqual(await run('read', ...as('bo')), { code: 0, out: '', errors: '' })

  await run('send', links['ana']!, 'Fine\u001b[2J', ...as('bo'))
  const answer = await run('read', ...as('ana'))
  assert.match(answer.out, /: Fine\ufffd\[2J$/, 'control characters do not reach the terminal')
})

test('without a relay a message stays in the outbox, and that is said', async t => {
  const folder = await folderOf(t)
  const secret = join(folder, 'passphrase')
  await writeFile(secret, 'correct horse')
  const key = join(folder, 'key.json')
  const [port = 0] = await freePorts(1)
  await run('keygen', '-k', key, '--passphrase-file', secret)
  const to = 'skrepka://df2e7103ef6c9f9d4002628d44add8244d58b93aef4ddc175e81c9286589393b'
  const sent = await run(
    'send',
    to,
    'hello',
    '-k',
    key,
    '-r',
    `127.0.0.1:${port}`,
    '--passphrase-file',
    secret,
    '-w',
    '0.2',
  )
  assert.equal(sent.code, 1)
  assert.match(sent.errors, /^No relay could be reached: .*It stays in the outbox/)
  const read = await run('read', '-k', key, '--passphrase-file', secret)
  assert.equal(read.code, 1)
})

test('wrong keys, passphrases and addresses are told in a sentence', async t => {
  const folder = await folderOf(t)
  const secret = join(folder, 'passphrase')
  await writeFile(secret, 'correct horse')
  const key = join(folder, 'key.json')
  const absent = await run('read', '-k', key, '--passphrase-file', secret)
  assert.equal(absent.code, 1)
  assert.match(absent.errors, /^There is no key file .*leaf skrepka keygen makes a key$/)
  const nobody = await run('keygen', '-k', key)
  assert.match(nobody.errors, /--passphrase-file/)
  await run('keygen', '-k', key, '--passphrase-file', secret)
  assert.match(
    (await run('send', 'hello there', 'x', '-k', key, '--passphrase-file', secret)).errors,
    /expected 16 words/i,
  )
  await writeFile(secret, 'another horse')
  assert.match(
    (await run('read', '-k', key, '--passphrase-file', secret)).errors,
    /expected the passphrase of this key/i,
  )
})

test('peers are listed, and none is said with what to do', async t => {
  const folder = await folderOf(t)
  const config = join(folder, 'leaf.env')
  await writeFile(config, `LEAF_DATA_DIR=${folder}/data\n`)
  const none = await run('peers', '-c', config)
  assert.equal(none.code, 0, none.errors)
  assert.match(none.out, /^No other relay is known\./)
  assert.equal((await run('peers', '-c', config, '--json')).out, '[]')
})

test('each command has help with examples', async () => {
  for (const command of ['keygen', 'send', 'read', 'peers']) {
    const help = await run(command, '--help')
    assert.equal(help.code, 0)
    assert.match(help.out, /Examples?:\n {2}leaf skrepka /, command)
  }
})
