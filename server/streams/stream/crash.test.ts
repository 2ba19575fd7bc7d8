import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { decodeDrisl, isArray, isMap } from '@leaf/codec/drisl'
import { verifyChain } from '@leaf/streams/chain'
import { createManualClock } from '../../kernel/clock.ts'
import { verifySignature } from '../../kernel/keys.ts'
import { readEvents } from '../database/events.ts'
import { readStateEvents } from '../database/state-events.ts'
import { listStreams, type ListedStream } from '../database/streams.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { openSqlite } from '../../kernel/storage/sqlite.ts'
import type { SqlHosts } from '../host/contract.ts'
import { viewOf } from './entry.ts'
import { createHostSources } from './sources.ts'
import { textOf } from './test-hosts.ts'
import { createRealHosts } from './test-real-hosts.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-streams-crash-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const program = fileURLToPath(new URL('./test-crash.ts', import.meta.url))
const rounds = Number(process.env['LEAF_CRASH_ROUNDS'] ?? 5)
const seed = Number(process.env['LEAF_CRASH_SEED'] ?? Date.now() % 1_000_000)

describe('a server that is killed', () => {
  it(`has lost no answered event, and no batch is there in part (${rounds} rounds, LEAF_CRASH_SEED=${seed})`, async () => {
    const random = seeded(seed)
    const answered = new Set<string>()
    for (let round = 0; round < rounds; round += 1) {
      await runAndKill(1 + Math.floor(random() * 400), answered)
      await check(answered)
    }
    assert.ok(answered.size >= rounds)
  })
})

/** Lets the program write until it has answered `answersMin` times, kills it, and adds what it answered. */
async function runAndKill(answersMin: number, answered: Set<string>): Promise<void> {
  const args = ['--conditions=leaf-source', '--disable-warning=ExperimentalWarning', program, folder, '8']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  let lines = 0
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk: string) => {
    text += chunk
    lines += chunk.split('\n').length - 1
    if (lines >= answersMin) child.kill('SIGKILL')
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL', `the program ended by itself with ${code}`)
  for (const line of text.split('\n').slice(0, -1)) answered.add(line)
}

async function check(answered: ReadonlySet<string>): Promise<void> {
  const database = await openSqlite({ path: join(folder, 'leaf.db'), clock: createManualClock() })
  const hosts = createRealHosts(createHostSources(database), join(folder, 'streams'))
  try {
    const there = new Set<string>()
    for (const stream of await database.read(tx => listStreams(tx, { after: '', limit: 100 }))) {
      for (const found of await checkStream(database, stream)) there.add(found)
      for (const found of await checkViews(database, hosts, stream)) there.add(found)
    }
    for (const line of answered) assert.ok(there.has(line), `answered and gone: ${line}`)
  } finally {
    await hosts.close()
    await database.close()
  }
}

/** Checks a log by itself; gives what is in it, in the program's words. */
async function checkStream(database: Database, stream: ListedStream): Promise<readonly string[]> {
  const all = { after: 0, itemsMax: 1_000_000, bytesMax: 1e9 }
  const { events, state } = await database.read(async tx => ({
    events: await readEvents(tx, stream.id, all),
    state: await readStateEvents(tx, stream.id, all),
  }))
  assert.equal(events.length, stream.head, 'the head is the last event')
  assert.equal(stream.stateKept + state.length, stream.stateHead, 'the head of the journal is its last entry')
  const head = await verifyChain(stream.did, events, {
    sha256: data => new Uint8Array(hash('sha256', data, 'buffer')),
    verify: (message, signature) => verifySignature(stream.signingKey ?? '', message, signature),
  })
  assert.equal(head.signedIdx, stream.head, 'the last event is signed')
  assert.deepEqual(head.hash, stream.headHash)
  const found = state.map(event => `state ${stream.did} ${textOf(event.payload)}`)
  for (let idx = 1; idx <= events.length; ) {
    const [name = '', , size = ''] = textOf(events[idx - 1]!.payload).split(' ')
    for (let at = 0; at < Number(size); at += 1) {
      assert.equal(textOf(events[idx + at - 1]!.payload), `${name} ${at} ${size}`, 'a batch is whole')
    }
    found.push(`event ${stream.did} ${idx} ${name} ${size}`)
    idx += Number(size)
  }
  return found
}

/** What hosts show after the kill, from the files that were left behind, is what the log and the journal say. */
async function checkViews(
  database: Database,
  hosts: SqlHosts,
  stream: ListedStream,
): Promise<readonly string[]> {
  const column = async (name: string) => {
    const query = { name, params: new Map(), start: 1, limit: 10_000, user: null }
    const rows = decodeDrisl((await hosts.query(viewOf(stream), query)).drisl)
    assert.ok(isArray(rows))
    return rows.map(row => {
      const cell = isMap(row) ? row['body'] : undefined
      return isMap(cell) ? cell['value'] : undefined
    })
  }
  const all = { after: 0, itemsMax: 1_000_000, bytesMax: 1e9 }
  const events = await database.read(tx => readEvents(tx, stream.id, all))
  const log = events.slice(0, 10_000).map(event => textOf(event.payload))
  assert.deepEqual(await column('mirror'), log, 'the mirror is the log')
  assert.deepEqual(await column('all'), log, 'the tables show the log')
  const state = await database.read(tx => readStateEvents(tx, stream.id, all))
  const notes = await column('notes')
  assert.equal(notes.length, stream.stateHead, 'the state shows all that the journal ever had')
  assert.deepEqual(
    notes.slice(stream.stateKept),
    state.map(event => textOf(event.payload)),
    'the state shows its journal',
  )
  return notes.map(note => `state ${stream.did} ${String(note)}`)
}

function seeded(seedOf: number): () => number {
  let state = seedOf
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
