import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const folder = mkdtempSync(join(tmpdir(), 'leaf-durability-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const writerProgram = fileURLToPath(new URL('../../../scripts/crash/storage-writer.ts', import.meta.url))
const writerCommand = (path: string, ...rest: string[]) => [process.execPath, writerProgram, path, ...rest]

describe('a process that is killed', () => {
  const rounds = Number(process.env['LEAF_CRASH_ROUNDS'] ?? 5)
  const seed = Number(process.env['LEAF_CRASH_SEED'] ?? Date.now() % 1_000_000)

  it(`leaves every answered write whole, and no half one (${rounds} rounds, LEAF_CRASH_SEED=${seed})`, async () => {
    const path = join(folder, 'killed.db')
    const random = seeded(seed)
    const answered = new Set<string>()
    for (let round = 0; round < rounds; round += 1) {
      await runAndKill(path, 1 + Math.floor(random() * 600), answered)
      check(path, answered)
    }
    assert.ok(answered.size >= rounds)
  })
})

/** Lets the program write until it has answered `answersMin` times, kills it, and adds what it answered. */
async function runAndKill(path: string, answersMin: number, answered: Set<string>): Promise<void> {
  const [program = '', ...args] = writerCommand(path, '16')
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  let lines = 0
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk: string) => {
    text += chunk
    lines += chunk.split('\n').length - 1
    if (lines >= answersMin) child.kill('SIGKILL')
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL', `the writer ended by itself with ${code}`)
  for (const line of text.split('\n').slice(0, -1)) answered.add(line)
}

function check(path: string, answered: ReadonlySet<string>): void {
  const database = new DatabaseSync(path)
  assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
  const writes = database
    .prepare(
      'SELECT writer, number, COUNT(*) AS parts FROM crash_rows GROUP BY writer, number ORDER BY writer, number',
    )
    .all()
  database.close()
  const there = new Set<string>()
  const last = new Map<unknown, number>()
  for (const { writer, number, parts } of writes) {
    assert.equal(parts, 3, `write ${writer} ${number} is there in part`)
    assert.equal(number, (last.get(writer) ?? 0) + 1, `writer ${writer} has a hole before ${number}`)
    last.set(writer, Number(number))
    there.add(`${writer} ${number}`)
  }
  for (const write of answered) assert.ok(there.has(write), `write ${write} was answered and is gone`)
}

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

describe('a machine that loses power', () => {
  const hasStrace = spawnSync('strace', ['-V']).status === 0
  const skip = hasStrace ? false : 'strace is not installed (apt-get install strace)'

  it('no write is answered before the log that holds it was synced', { skip }, () => {
    const { answers, unsynced } = trace('FULL')
    assert.equal(answers, 200)
    assert.deepEqual(unsynced, [])
  })

  it('the same is noticed to be wrong with synchronous=OFF', { skip }, () => {
    const { answers, unsynced } = trace('OFF')
    assert.equal(answers, 200)
    assert.ok(unsynced.length > 0, 'this test would not notice an answer without a sync')
  })
})

/** Runs 200 writes of 8 writers with all their system calls on record; gives the answers that came before their sync. */
function trace(synchronous: 'FULL' | 'OFF'): {
  readonly answers: number
  readonly unsynced: readonly string[]
} {
  const record = join(folder, `trace-${synchronous}`)
  const path = join(folder, `traced-${synchronous}.db`)
  const run = spawnSync(
    'strace',
    [
      '-y',
      '-e',
      'trace=pwrite64,write,fdatasync,fsync',
      '-o',
      record,
      ...writerCommand(path, '8', synchronous, '200'),
    ],
    { encoding: 'utf8', timeout: 60_000 },
  )
  assert.equal(run.status, 0, run.stderr)
  let dirty = false
  let answers = 0
  const unsynced: string[] = []
  for (const call of readFileSync(record, 'utf8').split('\n')) {
    if (/^(pwrite64|write)\(\d+<[^>]*-wal>/.test(call)) dirty = true
    else if (/^(fdatasync|fsync)\(\d+<[^>]*-wal>\)\s+= 0/.test(call)) dirty = false
    else if (call.startsWith('write(1<')) {
      answers += 1
      if (dirty) unsynced.push(call)
    }
  }
  return { answers, unsynced }
}
