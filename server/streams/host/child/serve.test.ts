import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { before, test } from 'node:test'
import { encodeDrisl } from '@leaf/codec/drisl'
import { decodeReply, encodeRequest, type HostReply, type HostRequest, type Target } from '../protocol.ts'
import { moduleBytes, plainRows, type TestModule } from '../test-streams.ts'
import { createHost } from './serve.ts'

const counting: TestModule = {
  initSql: 'create table seen(idx integer primary key)',
  materializer: `insert into seen select idx from event; update state.totals set events = events + 1`,
  stateInitSql: `create table if not exists state.totals(id integer primary key, events integer, marks integer);
    insert or ignore into state.totals values(1, 0, 0)`,
  stateMaterializer: 'update state.totals set marks = marks + 1',
  queries: [
    { name: 'totals', sql: 'select events, marks, (select count(*) from seen) as seen from state.totals' },
  ],
}

const signature = new Uint8Array(64)
const payload = encodeDrisl({})
let dids = 0

before(() => {
  const folder = mkdtempSync(join(tmpdir(), 'leaf-host-'))
  process.chdir(folder)
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
})

/** A host in this process, and a stream that it may open. */
function openHost() {
  const settings = { openMax: 4, fileBytesMax: 1e8, rowsMax: 100, answerBytesMax: 1e6 }
  const host = createHost(settings, () => performance.now())
  return (request: HostRequest): HostReply => {
    const frame = host(encodeRequest(request))
    return frame === undefined ? { kind: 'need', need: 'retry' } : decodeReply(frame).reply
  }
}
type Ask = ReturnType<typeof openHost>

function newTarget(): (head: number, stateHead?: number) => Target {
  dids += 1
  const did = `did:plc:${'abcdefgh'[dids]}`.padEnd(32, 'a')
  return (head, stateHead = 0) => ({
    key: did,
    epoch: 1,
    did,
    cid: 'x',
    generation: 1,
    build: false,
    head,
    stateHead,
  })
}

function begin(ask: Ask, target: Target): void {
  ask({ op: 'module', cid: 'x', bytes: moduleBytes(counting) })
  if (ask({ op: 'open', target, verify: false }).kind === 'need') {
    ask({ op: 'init', target })
    ask({ op: 'open', target, verify: false })
  }
}

const batches = [{ user: 'a', payloads: [payload], signature }]
const append = (ask: Ask, target: Target) => {
  const reply = ask({ op: 'prepare', target, kind: 'event', batches, budgetMs: 1000 })
  assert.equal(reply.kind, 'done')
  ask({ op: 'commit', key: target.key })
}
const totals = (ask: Ask, target: Target) => {
  const reply = ask({
    op: 'query',
    target,
    query: { name: 'totals', params: new Map(), start: 1, limit: 1, user: null },
  })
  assert.equal(reply.kind, 'done')
  return reply.kind === 'done' && reply.map['rows'] instanceof Uint8Array
    ? plainRows(reply.map['rows'])[0]
    : undefined
}

test('what another host commits meanwhile is not done again', () => {
  const target = newTarget()
  const [first, second] = [openHost(), openHost()]
  begin(first, target(0))
  begin(second, target(0))
  first({ op: 'prepare', target: target(0), kind: 'state', batches, budgetMs: 1000 })
  first({ op: 'commit', key: target(0).key })
  const entry = { seq: 1, afterIdx: 0, kind: 'event', user: 'a', payload } as const
  const apply = {
    op: 'apply',
    target: target(0, 1),
    items: [{ kind: 'state', entry }],
    budgetMs: 1000,
  } as const
  assert.deepEqual(second(apply), { kind: 'need', need: 'open' })
  assert.deepEqual(second(apply), { kind: 'need', need: 'open' })
  second({ op: 'open', target: target(0, 1), verify: false })
  assert.deepEqual(totals(second, target(0, 1)), { events: 0, marks: 1, seen: 0 })
})

test('a state whose commit was cut off after that of the tables is brought up from them', () => {
  const target = newTarget()
  const ask = openHost()
  begin(ask, target(0))
  append(ask, target(0))
  ask({ op: 'checkpoint', target: target(1) })
  const state = join(target(0).did, 'state.db')
  copyFileSync(state, 'before.db')
  append(ask, target(1))
  append(ask, target(2))
  assert.deepEqual(totals(ask, target(3)), { events: 3, marks: 0, seen: 3 })
  ask({ op: 'close', key: target(0).key })
  for (const name of readdirSync(target(0).did))
    if (name.startsWith('state.db-')) rmSync(join(target(0).did, name))
  copyFileSync('before.db', state)
  ask({ op: 'open', target: target(3), verify: false })
  assert.deepEqual(totals(ask, target(3)), { events: 3, marks: 0, seen: 3 })
})

test('a host keeps so many targets open, and those that are in a transaction before others', () => {
  const ask = openHost()
  const targets = Array.from({ length: 4 }, newTarget)
  for (const target of targets) begin(ask, target(0))
  const [first, second] = targets
  assert.ok(first !== undefined && second !== undefined)
  ask({ op: 'prepare', target: first(0), kind: 'event', batches, budgetMs: 1000 })
  begin(ask, newTarget()(0))
  ask({ op: 'commit', key: first(0).key })
  assert.deepEqual(totals(ask, first(1)), { events: 1, marks: 0, seen: 1 })
  const query = { name: 'totals', params: new Map(), start: 1, limit: 1, user: null }
  assert.deepEqual(ask({ op: 'query', target: second(0), query }), { kind: 'need', need: 'open' })
})
