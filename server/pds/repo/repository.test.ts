import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { decode } from '@atcute/cbor'
import { BlockMap, MemoryBlockstore, MST } from '@atproto/repo'
import { cidFromString, cidKey, cidToString } from '@leaf/atproto/cid'
import { decodeFrame } from '@leaf/atproto/frame-decode'
import { decodeNode } from '@leaf/atproto/mst-node'
import * as fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { Refusal } from '../../kernel/errors.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { Did } from '../../kernel/identity/types.ts'
import type { Database, ReadTx } from '../../kernel/storage/database.ts'
import { openPostgres } from '../../kernel/storage/postgres.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { repoState } from '../database/repo-state.ts'
import { openRepoHouse, type RepoHouse } from '../xrpc/test-house.ts'
import type { RecordWrite } from './acts.ts'

const note = 'com.example.note'
const follow = 'app.bsky.graph.follow'
const createdAt = '2026-01-01T00:00:00.000Z'
let house: RepoHouse
let did: Did
let account: number
let accounts = 0

const newAccount = async () => {
  accounts += 1
  did = `did:plc:${String(accounts).padStart(24, 'a')}`
  account = await house.addAccount(did, `person${accounts}.test`)
}

const create = (rkey: string, record: unknown = { text: rkey }, collection = note): RecordWrite => ({
  action: 'create',
  collection,
  rkey,
  record,
})
const write = (writes: readonly RecordWrite[], more: object = {}) =>
  house.repositories.write({ did, writes, ...more })
const refusedAs = (name: string, message?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Refusal, String(error))
  assert.equal(error.wireName, name)
  if (message !== undefined) assert.match(error.message, message)
  return true
}
const eventsOf = (tx: ReadTx) =>
  tx.all<{ event_type: string; event_data: Uint8Array }>(
    'SELECT event_type, event_data FROM pds_sequencer WHERE did = $1 ORDER BY seq',
    [did],
  )
const countEvents = async () => (await house.database.read(eventsOf)).length
const stateNow = async () => {
  const state = await house.database.read(tx => repoState(tx, account))
  assert.ok(state)
  return state
}

const oneWrite = () => {
  beforeEach(newAccount)

  test('a new account has an empty repository, and a #commit and a #sync that say so', async () => {
    const events = await house.database.read(eventsOf)
    assert.deepEqual(
      events.map(event => event.event_type),
      ['commit', 'sync'],
    )
    assert.equal((await stateNow()).recordCount, 0)
  })

  test('revs rise strictly while the clock stands still', async () => {
    const revs: string[] = []
    for (let n = 0; n < 5; n += 1) revs.push((await write([create(`r${n}`)])).commit?.rev ?? '')
    assert.deepEqual(revs, revs.toSorted())
    assert.equal(new Set(revs).size, 5)
  })

  test('a stale swapCommit is refused and nothing is sequenced', async () => {
    const counted = await countEvents()
    const swapCommit = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
    await assert.rejects(
      write([create('a')], { swapCommit }),
      refusedAs('InvalidSwap', /^Commit was at bafyrei/),
    )
    assert.equal(await countEvents(), counted)
  })

  test('the right swapCommit is accepted', async () => {
    const head = cidToString((await stateNow()).headCid)
    assert.ok((await write([create('a')], { swapCommit: head })).commit)
  })

  test('swapRecord holds for what is there and for what is not', async () => {
    const first = await write([create('a')])
    const put = (record: object, swapRecord: string | null) =>
      write([{ action: 'put', collection: note, rkey: 'a', record }], { swapRecord })
    await assert.rejects(put({ text: 'b' }, null), refusedAs('InvalidSwap', /^Record was at bafyrei/))
    const cid = first.results[0]?.cid ?? ''
    const second = await put({ text: 'b' }, cid)
    await assert.rejects(
      put({ text: 'c' }, cid),
      refusedAs('InvalidSwap', new RegExp(second.results[0]?.cid ?? 'none')),
    )
  })

  test('an identical put changes nothing and is not sequenced', async () => {
    const put = { action: 'put', collection: note, rkey: 'a', record: { text: 'same' } } as const
    await write([put])
    const counted = await countEvents()
    const again = await write([put])
    assert.equal(again.commit, undefined)
    assert.equal(again.results[0]?.action, 'update')
    assert.equal(await countEvents(), counted)
  })

  test('what changes nothing is answered whatever the state before it was to be', async () => {
    const put = { action: 'put', collection: note, rkey: 'a', record: { text: 'same' } } as const
    await write([put])
    const stale = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
    assert.equal((await write([put], { swapCommit: stale, swapRecord: stale })).commit, undefined)
    const gone = { action: 'delete', collection: note, rkey: 'gone', ifPresent: true } as const
    assert.equal((await write([gone], { swapCommit: stale, swapRecord: stale })).commit, undefined)
  })

  test('a create on an existing key is refused', async () => {
    await write([create('a')])
    await assert.rejects(
      write([create('a', { text: 'other' })]),
      refusedAs('InvalidRequest', /already a record/),
    )
  })

  test('a delete of what is not there is refused, unless it is asked for only if present', async () => {
    const gone: RecordWrite = { action: 'delete', collection: note, rkey: 'gone' }
    await assert.rejects(write([gone]), refusedAs('InvalidRequest', /Could not locate record/))
    assert.equal((await write([{ ...gone, ifPresent: true }])).commit, undefined)
  })

  test('of a batch with one bad write nothing is done', async () => {
    await write([create('a')])
    const old = await stateNow()
    await assert.rejects(write([create('b'), create('a')]), refusedAs('InvalidRequest'))
    assert.deepEqual(await stateNow(), old)
  })

  test('201 writes are refused, 200 are one commit', async () => {
    const many = Array.from({ length: 201 }, (_, n) => create(`m${n}`))
    await assert.rejects(write(many), refusedAs('InvalidRequest', /Max: 200/))
    const answer = await write(many.slice(1))
    assert.equal(answer.results.length, 200)
    assert.equal((await stateNow()).recordCount, 200)
  })

  test('a commit of more than two million bytes is refused', async () => {
    const large = Array.from({ length: 5 }, (_, n) => create(`l${n}`, { text: `${n}`.repeat(450_000) }))
    await assert.rejects(write(large), refusedAs('InvalidRequest', /2MB/))
  })

  test('a deactivated account writes nothing', async () => {
    await house.setStatus(did, 'deactivated')
    await assert.rejects(write([create('a')]), refusedAs('AccountDeactivated'))
    await house.setStatus(did, 'takendown')
    await assert.rejects(write([create('a')]), refusedAs('AccountTakedown'))
  })

  test('a second like of the same post replaces the first in the same commit', async () => {
    const like = (rkey: string) =>
      create(
        rkey,
        {
          subject: {
            uri: 'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3jzfcijpj2z2a',
            cid: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a',
          },
          createdAt,
        },
        'app.bsky.feed.like',
      )
    await write([like('3jzfcijpj2z2b')], { pruneDuplicates: true })
    await write([like('3jzfcijpj2z2c')], { pruneDuplicates: true })
    const last = decodeFrame((await house.database.read(eventsOf)).at(-1)?.event_data ?? new Uint8Array())
    assert.ok(last.type === '#commit')
    assert.deepEqual(
      last.event.ops.map(op => [op.action, op.path]),
      [
        ['delete', 'app.bsky.feed.like/3jzfcijpj2z2b'],
        ['create', 'app.bsky.feed.like/3jzfcijpj2z2c'],
      ],
    )
    await write([{ action: 'delete', collection: 'app.bsky.feed.like', rkey: '3jzfcijpj2z2c' }])
    const links = await house.database.read(tx =>
      tx.all('SELECT * FROM pds_backlinks WHERE account = $1', [account]),
    )
    assert.deepEqual(links, [])
  })

  test('recommit signs the same tree anew and tells it by #sync', async () => {
    await write([create('a')])
    const old = await stateNow()
    await house.database.write(tx => house.repositories.recommit(tx, account))
    const now = await stateNow()
    assert.deepEqual(now.dataCid, old.dataCid)
    assert.ok(now.headRev > old.headRev)
    assert.equal((await house.database.read(eventsOf)).at(-1)?.event_type, 'sync')
  })

  test('removeAll leaves nothing of an account', async () => {
    await write([create('a'), create('b')])
    await house.database.write(tx => house.repositories.removeAll(tx, account))
    for (const table of ['pds_blocks', 'pds_records', 'pds_backlinks', 'pds_repo_state']) {
      const left = await house.database.read(tx =>
        tx.all(`SELECT * FROM ${table} WHERE account = $1`, [account]),
      )
      assert.deepEqual(left, [], table)
    }
  })
}

/** What a repository must hold, worked out by the reference's tree. */
async function checkAgainstReference(model: ReadonlyMap<string, string>): Promise<void> {
  let tree = await MST.create(new MemoryBlockstore(new BlockMap()))
  for (const [path, cid] of model) tree = await tree.add(path, CID.parse(cid) as never)
  const state = await stateNow()
  assert.equal(cidToString(state.dataCid), (await tree.getPointer()).toString(), 'root')
  assert.equal(state.recordCount, model.size, 'record count')

  const rows = await house.database.read(tx =>
    tx.all<{ path: string; cid: Uint8Array }>(
      "SELECT collection || '/' || rkey AS path, cid FROM pds_records WHERE account = $1",
      [account],
    ),
  )
  assert.deepEqual(new Map(rows.map(row => [row.path, cidToString(row.cid)])), new Map(model), 'records')

  const blocks = await house.database.read(tx =>
    tx.all<{ cid: Uint8Array; refs: number; bytes: Uint8Array }>(
      'SELECT cid, refs, bytes FROM pds_blocks WHERE account = $1',
      [account],
    ),
  )
  const byCid = new Map(blocks.map(block => [cidKey(block.cid), block]))
  const expected = new Map<string, number>()
  const use = (cid: Uint8Array) => expected.set(cidToString(cid), (expected.get(cidToString(cid)) ?? 0) + 1)
  const visit = (cid: Uint8Array) => {
    use(cid)
    const block = byCid.get(cidKey(cid))
    assert.ok(block, 'a node of the tree is stored')
    for (const subtree of decodeNode(block.bytes, cid).trees) if (subtree !== null) visit(subtree)
  }
  visit(state.dataCid)
  for (const cid of model.values()) use(cidFromString(cid))
  assert.deepEqual(
    new Map(blocks.map(block => [cidToString(block.cid), block.refs])),
    expected,
    'uses of blocks',
  )

  const links = await house.database.read(tx =>
    tx.all<{ rkey: string; subject: string }>('SELECT rkey, subject FROM pds_backlinks WHERE account = $1', [
      account,
    ]),
  )
  const follows = [...model].filter(([path]) => path.startsWith(`${follow}/`))
  const subjects = follows.map(([path, cid]) => {
    const bytes = byCid.get(cidKey(cidFromString(cid)))?.bytes ?? new Uint8Array()
    return [path.slice(follow.length + 1), Reflect.get(decode(bytes), 'subject')] as const
  })
  assert.deepEqual(new Map(links.map(link => [link.rkey, link.subject])), new Map(subjects), 'backlinks')
  assert.equal(links.length, follows.length, 'one backlink a follow')
}

const paths = fc.record({
  collection: fc.constantFrom(note, follow),
  rkey: fc.constantFrom(...Array.from({ length: 16 }, (_, n) => `k${n}`)),
})
const intents = fc.record({
  path: paths,
  record: fc.record({
    text: fc.constantFrom('a', 'b'),
    subject: fc.constantFrom('did:web:a.test', 'did:web:b.test'),
  }),
  /** `wrong`: what the repository must refuse. */
  want: fc.oneof(
    { weight: 12, arbitrary: fc.constant('write' as const) },
    { weight: 12, arbitrary: fc.constant('remove' as const) },
    { weight: 1, arbitrary: fc.constant('wrong' as const) },
  ),
})
type Intent = typeof intents extends fc.Arbitrary<infer One> ? One : never

/** Turns intents into writes that fit what is there, one after another. */
function writesOf(model: ReadonlyMap<string, string>, batch: readonly Intent[]): RecordWrite[] {
  const present = new Set(model.keys())
  return batch.map(({ path, record, want }) => {
    const name = `${path.collection}/${path.rkey}`
    const there = want === 'wrong' ? !present.has(name) : present.has(name)
    if (want === 'remove' && there) {
      present.delete(name)
      return { action: 'delete', ...path }
    }
    present.add(name)
    if (there) return { action: 'update', ...path, record }
    return { action: batch.length === 1 && want === 'write' ? 'put' : 'create', ...path, record }
  })
}

/** What a batch makes of the model; undefined when it must be refused. */
function applied(
  model: ReadonlyMap<string, string>,
  writes: readonly RecordWrite[],
  cids: readonly (string | undefined)[] | undefined,
): Map<string, string> | undefined {
  const next = new Map(model)
  for (const [index, one] of writes.entries()) {
    const path = `${one.collection}/${one.rkey}`
    if (one.action === 'create' && next.has(path)) return undefined
    if ((one.action === 'update' || one.action === 'delete') && !next.has(path)) return undefined
    if (one.action === 'delete') next.delete(path)
    else next.set(path, cids?.[index] ?? 'unknown')
  }
  return next
}

const anyHistory = () => {
  beforeEach(newAccount)

  test('has the same roots as the reference, exactly the live blocks, and a table that equals the tree', async () => {
    const batch = fc.array(intents, { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 20 }), async history => {
        await newAccount()
        let model = new Map<string, string>()
        for (const batchOfIntents of history) {
          const writes = writesOf(model, batchOfIntents)
          const answer = await write(writes, { validate: false }).catch((error: unknown) => {
            assert.ok(error instanceof Refusal, String(error))
          })
          const next = applied(
            model,
            writes,
            answer?.results.map(result => result.cid),
          )
          assert.equal(answer !== undefined, next !== undefined, JSON.stringify(writes))
          if (next !== undefined) model = next
        }
        await checkAgainstReference(model)
      }),
      { numRuns: house.database.engine === 'sqlite' ? 60 : 20 },
    )
  })

  test('of concurrent writers loses nothing', async () => {
    const keys = Array.from({ length: 60 }, (_, n) => `c${n}`)
    const answers = await Promise.all(keys.map(key => write([create(key)])))
    const model = new Map(keys.map((key, n) => [`${note}/${key}`, answers[n]?.results[0]?.cid ?? '']))
    await checkAgainstReference(model)
  })
}

const onEngine = (open: () => Promise<Database | undefined>) => () => {
  before(async () => {
    const database = await open()
    house = await openRepoHouse(database === undefined ? {} : { database })
  })
  after(() => house.close())
  describe('one write', oneWrite)
  describe('any history', anyHistory)
}

const postgres = await startPostgres()
describe(
  'repositories on SQLite',
  onEngine(async () => undefined),
)
describe(
  'repositories on PostgreSQL',
  { skip: postgres === undefined ? 'there is no PostgreSQL here' : false },
  onEngine(async () =>
    openPostgres({ url: (await postgres?.url('repositories')) ?? '', clock: systemClock }),
  ),
)
after(() => postgres?.stop())
