import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { RelayAnswer, RelayRequest } from './contract.ts'
import { login, person, type TestPerson } from './test-relay.ts'

const program = fileURLToPath(new URL('test-server.ts', import.meta.url))
const rounds = Number(process.env['LEAF_CRASH_ROUNDS'] ?? 5)
const seed = Number(process.env['LEAF_CRASH_SEED'] ?? Date.now() % 1_000_000)
const senderCount = 8

const folder = mkdtempSync(join(tmpdir(), 'leaf-skrepka-crash-'))
after(() => rmSync(folder, { recursive: true, force: true }))

interface Running {
  readonly child: ChildProcess
  readonly url: string
}

async function startRelay(): Promise<Running> {
  const child = spawn(process.execPath, ['--conditions=leaf-source', program, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      SKREPKA_ADDRESS_RATE_LIMIT: '0',
      SKREPKA_ADDRESS_AUTH_RATE_LIMIT: '0',
      SKREPKA_AUTH_RATE_LIMIT: '0',
      SKREPKA_SEND_RATE_LIMIT: '0',
      SKREPKA_SEND_MESSAGES_LIMIT: '0',
      SKREPKA_POLL_RATE_LIMIT: '0',
      SKREPKA_MAILBOX_MESSAGES_MAX: '1000000',
    },
  })
  const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer]
  return { child, url: `http://127.0.0.1:${String(line).trim()}` }
}

/** A relay at the other end of a socket, for `login`. */
function overHttp(url: string) {
  return {
    answer: async (request: RelayRequest): Promise<RelayAnswer> => {
      const response = await fetch(url + request.path, {
        method: request.method,
        body: Buffer.from(request.body),
      })
      return {
        status: response.status,
        headers: { 'content-type': 'application/json' },
        body: await response.text(),
      }
    },
  }
}

async function post(url: string, token: string, path: string, body: unknown, signal: AbortSignal) {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
    signal,
  })
  return { status: response.status, text: await response.text() }
}

/** What everybody knows across crashes. */
interface World {
  /** Answered 200, in any order. */
  readonly sent: Set<string>
  /** Shown with this cursor and before. */
  cursor: number
  readonly shown: Set<string>
  /** Of which a later poll was answered: the relay knows that it was shown. */
  readonly acked: Set<string>
  next: number
}

describe('a relay that is killed', () => {
  it(`keeps what it answered 200, and what was acknowledged stays away (${rounds} rounds, LEAF_CRASH_SEED=${seed})`, async () => {
    const world: World = { sent: new Set(), cursor: 0, shown: new Set(), acked: new Set(), next: 0 }
    const random = seeded(seed)
    const reader = person(1)
    for (let round = 0; round < rounds; round += 1) {
      await workAndKill(world, reader, 20 + Math.floor(random() * 300))
    }
    const last = await startRelay()
    await drain(world, last, reader)
    last.child.kill('SIGTERM')
    await once(last.child, 'exit')
    for (const blob of world.sent) assert.ok(world.shown.has(blob), `${blob} was answered 200 and is gone`)
    assert.ok(world.sent.size >= rounds)
  })
})

/** Senders and a reader work until so many messages are answered; then the relay dies where it stands. */
async function workAndKill(world: World, reader: TestPerson, answersMin: number): Promise<void> {
  const running = await startRelay()
  const { url, child } = running
  const over = new AbortController()
  let answers = 0
  const send = async (number: number) => {
    const token = await login(overHttp(url), person(10 + number))
    while (!over.signal.aborted) {
      const blobs = Array.from({ length: 1 + (number % 3) }, () => nextBlob(world))
      const messages = blobs.map(encryptedBlob => ({ to: reader.key, encryptedBlob }))
      const { status } = await post(url, token, '/messages', { messages }, over.signal)
      if (status !== 200) continue
      for (const blob of blobs) world.sent.add(blob)
      answers += blobs.length
      if (answers >= answersMin) child.kill('SIGKILL')
    }
  }
  const read = async () => {
    const token = await login(overHttp(url), reader)
    while (!over.signal.aborted) await pollOnce(world, url, token, over.signal)
  }
  const exit = once(child, 'exit')
  // The kill ends them in the middle of a request.
  const work = [...Array.from({ length: senderCount }, (_, number) => send(number)), read()].map(one =>
    one.catch((error: unknown) => error),
  )
  const [code, signal] = (await exit) as [number | null, string | null]
  over.abort()
  const ends = await Promise.all(work)
  assert.equal(signal, 'SIGKILL', `the relay ended by itself with ${code}`)
  for (const end of ends) if (end instanceof assert.AssertionError) throw end
}

async function pollOnce(world: World, url: string, token: string, signal: AbortSignal): Promise<number> {
  const before = [...world.shown]
  const { status, text } = await post(url, token, '/poll', { cursor: world.cursor }, signal)
  assert.equal(status, 200, text)
  const page = JSON.parse(text) as { cursor: number; events: { encryptedBlob: string }[] }
  for (const { encryptedBlob } of page.events) {
    assert.ok(!world.acked.has(encryptedBlob), `${encryptedBlob} was acknowledged and came again`)
  }
  // An answer to a cursor says that the relay has taken it.
  for (const blob of before) world.acked.add(blob)
  for (const { encryptedBlob } of page.events) world.shown.add(encryptedBlob)
  world.cursor = page.cursor
  return page.events.length
}

async function drain(world: World, { url }: Running, reader: TestPerson): Promise<void> {
  const token = await login(overHttp(url), reader)
  const signal = AbortSignal.timeout(60_000)
  // The end is where something that is sent now comes back.
  const end = nextBlob(world)
  const sender = await login(overHttp(url), person(9))
  const body = { messages: [{ to: reader.key, encryptedBlob: end }] }
  assert.equal((await post(url, sender, '/messages', body, signal)).status, 200)
  while (!world.shown.has(end)) await pollOnce(world, url, token, signal)
}

function nextBlob(world: World): string {
  world.next += 1
  return world.next.toString(16).padStart(16, '0')
}

function seeded(start: number): () => number {
  let state = start
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return state / 2 ** 31
  }
}
