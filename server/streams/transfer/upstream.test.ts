import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { decodeDrisl, isArray, isMap, parseCid } from '@leaf/codec/drisl'
import { makeUpstreamFolder } from '../../../bench/streams/upstream-folder.ts'
import { diskFolders } from '../../kernel/files.ts'
import { signingKeyFrom } from '../../kernel/keys.ts'
import type { SqlHosts } from '../host/contract.ts'
import { moduleCidOf } from '../module/upload.ts'
import { bytes, type House, nobody, openHouse, queryOf, refusal } from '../stream/test-house.ts'
import { createRealHosts, diaryModule } from '../stream/test-real-hosts.ts'
import { bringIn, type BroughtIn } from './bring-in.ts'
import { openUpstream } from './upstream.ts'

const scratch = mkdtempSync(join(tmpdir(), 'leaf-upstream-'))
let folders = 0
const newFolder = () => join(scratch, String(++folders))
const open = (from: string) =>
  openUpstream({ folders: diskFolders, from, scratch: join(scratch, 'state.db') })

async function importAll(
  { database, engine }: Pick<House<SqlHosts>, 'database' | 'engine'>,
  from: string,
): Promise<readonly BroughtIn[]> {
  const source = open(from)
  try {
    const results: BroughtIn[] = []
    const deps = { database, transfer: engine.transfer }
    for await (const result of bringIn(deps, source, source.dids)) results.push(result)
    return results
  } finally {
    source.close()
  }
}

/** A folder of two streams; `change` makes something wrong with the first. */
function makeFolder(
  change: (made: { folder: string; did: string; sql: (database: string, sql: string) => void }) => void,
) {
  const folder = newFolder()
  const [first] = makeUpstreamFolder({ folder, streams: 2, events: 40, seed: folders }).streams
  const did = first?.did ?? ''
  const sql = (database: string, text: string) => {
    const opened = new DatabaseSync(join(folder, database))
    opened.exec(text)
    opened.close()
  }
  change({ folder, did, sql })
  return { folder, did }
}

describe('a data folder of the Leaf Framework’s server', () => {
  let house: House<SqlHosts>
  let keepsAlive: NodeJS.Timeout
  before(async () => {
    house = await openHouse(createRealHosts)
    keepsAlive = setInterval(() => undefined, 1000)
  })
  after(async () => {
    await house.close()
    rmSync(scratch, { recursive: true })
    clearInterval(keepsAlive)
  })

  it('is brought in with its events, owners and keys; a second time changes nothing', async () => {
    const folder = newFolder()
    const made = makeUpstreamFolder({ folder, streams: 5, events: 200, seed: 1 })
    const first = await importAll(house, folder)
    assert.equal(first.length, 5)
    assert.ok(first.every(({ outcome, notes }) => outcome === 'brought' && notes.length === 0))
    for (const { did, owner, events } of made.streams) {
      assert.equal(await house.engine.head(did), events)
      assert.deepEqual(
        (await house.engine.list({ owner, limit: 9 })).map(row => [row.did, row.moduleCid]),
        [[did, made.moduleCid]],
      )
    }
    const [largest] = made.streams
    const did = largest?.did ?? ''
    const upstream = new DatabaseSync(join(folder, 'leaf.db'), { readOnly: true })
    const secret = upstream.prepare('select k256_key as k from did_keys where did = ?').get(did)?.['k']
    upstream.close()
    assert.ok(secret instanceof Uint8Array)
    const kept = await house.database.read(tx =>
      tx.get<{ key: string; sealed: Uint8Array }>(
        'SELECT signing_key AS key, signing_key_sealed AS sealed FROM streams_stream WHERE did = $1',
        [did],
      ),
    )
    assert.equal(kept?.key, signingKeyFrom(secret).didKey)
    assert.ok(!Buffer.from(kept.sealed).includes(Buffer.from(secret)), 'the key is sealed')
    const again = await importAll(house, folder)
    assert.ok(again.every(({ outcome }) => outcome === 'here'))
  })

  it('brings its state along, from which modules go on', async () => {
    const module = diaryModule('upstream')
    const { folder, did } = makeFolder(({ folder: at, did: stream }) => {
      const leaf = new DatabaseSync(join(at, 'leaf.db'))
      const { bytes: cid } = parseCid(moduleCidOf(module))
      leaf.prepare('insert into module_blobs (cid, data) values (?, ?)').run(cid, module)
      leaf.prepare('update streams set module_cid = ? where did = ?').run(cid, stream)
      leaf.close()
      const state = new DatabaseSync(join(at, 'streams', stream, 'state.db'))
      state.exec(
        "create table note (seq integer primary key autoincrement, body text not null) strict; insert into note (body) values ('before')",
      )
      state.close()
    })
    await importAll(house, folder)
    await house.engine.appendState({
      stream: did,
      caller: { did: 'did:plc:bobbbbbbbbbbbbbbbbbbbbbb', unsafe: false },
      events: [bytes('after')],
    })
    const rows = decodeDrisl((await house.engine.query(nobody, did, queryOf('notes'))).drisl)
    assert.ok(isArray(rows))
    const notes = rows.map(row => isMap(row) && isMap(row['body']) && row['body']['value'])
    assert.deepEqual(notes, ['before', 'after'])
  })

  const wrongs: readonly (readonly [what: string, change: Parameters<typeof makeFolder>[0], told: RegExp])[] =
    [
      [
        'a log with a hole',
        ({ did, sql }) => sql(join('streams', did, 'stream.db'), 'delete from events where idx = 3'),
        /has holes: expected events 1 to \d+/,
      ],
      [
        'a log of another stream',
        ({ did, sql }) =>
          sql(join('streams', did, 'stream.db'), "update stream_state set stream_did = 'did:plc:other'"),
        /is the log of another stream: did:plc:other/,
      ],
      [
        'fewer events than were told of',
        ({ did, sql }) => sql('leaf.db', `update streams set latest_event = 999 where did = '${did}'`),
        /events, and leaf\.db tells of 999/,
      ],
      [
        'a log that is no database',
        ({ folder, did }) => writeFileSync(join(folder, 'streams', did, 'stream.db'), 'x'.repeat(4096)),
        /stream\.db cannot be read \(file is not a database\)/,
      ],
      [
        'a state that is no database',
        ({ folder, did }) => writeFileSync(join(folder, 'streams', did, 'state.db'), 'x'.repeat(4096)),
        /state\.db cannot be read as a state file/,
      ],
      [
        'a module that is not there',
        ({ did, sql }) =>
          sql(
            'leaf.db',
            `pragma foreign_keys = off; update streams set module_cid = null where did = '${did}'`,
          ),
        /has no module/,
      ],
      [
        'no owner',
        ({ did, sql }) => sql('leaf.db', `delete from did_owners where did = '${did}'`),
        /names no owner/,
      ],
      [
        'a key that is none',
        ({ did, sql }) => sql('leaf.db', `update did_keys set k256_key = zeroblob(32) where did = '${did}'`),
        /is no secp256k1 key/,
      ],
    ]
  for (const [what, change, told] of wrongs) {
    it(`has one stream refused and the other brought in: ${what}`, async () => {
      const { folder, did } = makeFolder(change)
      const results = await importAll(house, folder)
      const of = (refused: boolean) => results.filter(result => (result.did === did) === refused)
      assert.deepEqual(
        of(false).map(({ outcome }) => outcome),
        ['brought'],
      )
      const [wrong] = of(true)
      assert.equal(wrong?.outcome, 'refused')
      assert.match(wrong.notes.join(), told)
      assert.equal((await refusal(house.engine.head(did))).code, 'missing')
    })
  }

  it('is refused where it contradicts what is here, which stays as it is', async () => {
    const { folder, did } = makeFolder(() => undefined)
    await importAll(house, folder)
    const path = join(folder, 'streams', did, 'stream.db')
    const whole = readFileSync(path)
    const log = new DatabaseSync(path)
    log.exec(
      'insert into events (user, payload, signature) select user, payload, signature from events where idx = 1',
    )
    log.close()
    const head = await house.engine.head(did)
    const told = async () => (await importAll(house, folder)).find(one => one.did === did)?.notes.join() ?? ''
    assert.match(await told(), /is here with \d+ events, there it has \d+: delete it here/)
    writeFileSync(path, whole)
    const changed = new DatabaseSync(path)
    changed.exec("update events set payload = x'00' where idx = 2")
    changed.close()
    assert.match(await told(), /is here with other events than there/)
    assert.equal(await house.engine.head(did), head)
  })

  it('that is none is refused in a sentence', () => {
    const empty = newFolder()
    mkdirSync(empty)
    assert.throws(() => open(empty), /is no data folder of a Leaf Framework server: it has no leaf\.db/)
    writeFileSync(join(empty, 'leaf.db'), '')
    assert.throws(() => open(empty), /it lacks dids, did_keys, did_owners, streams, module_blobs/)
    writeFileSync(join(empty, 'leaf.db'), 'hello'.repeat(1000))
    assert.throws(() => open(empty), /leaf\.db cannot be read \(file is not a database\)/)
  })
})
