import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { decodeDrisl, isArray, isMap } from '@leaf/codec/drisl'
import { verifyChain } from '@leaf/streams/chain'
import { diskFolders } from '../../kernel/files.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import type { SqlHosts } from '../host/contract.ts'
import { alice, bob, bytes, type House, nobody, openHouse, queryOf, refusal } from '../stream/test-house.ts'
import { createRealHosts, diaryModule } from '../stream/test-real-hosts.ts'
import { backUpStream } from './backup.ts'
import { bringIn, type BroughtIn } from './bring-in.ts'
import { openBackup } from './restore.ts'

interface Opened extends House<SqlHosts> {
  readonly streamsFolder: string
}

const scratch = mkdtempSync(join(tmpdir(), 'leaf-backup-'))
const houses: Opened[] = []
let keepsAlive: NodeJS.Timeout
before(() => {
  keepsAlive = setInterval(() => undefined, 1000)
})
after(async () => {
  await Promise.all(houses.map(house => house.close()))
  rmSync(scratch, { recursive: true })
  clearInterval(keepsAlive)
})

async function open(url?: string): Promise<Opened> {
  let streamsFolder = ''
  const create: typeof createRealHosts = (sources, folder) => {
    streamsFolder = folder
    return createRealHosts(sources, folder)
  }
  const node = { id: 'a'.repeat(32), address: 'here' }
  const house = { ...(await openHouse(create, url === undefined ? {} : { url, node })), streamsFolder }
  houses.push(house)
  return house
}

let folders = 0
const newFolder = () => join(scratch, String(++folders))

const backUp = ({ database, streamsFolder }: Opened, to: string, did: string) =>
  backUpStream({ database, folders: diskFolders, streamsFolder, to }, did)

async function restore({ database, engine }: Opened, from: string): Promise<readonly BroughtIn[]> {
  const backup = openBackup({ folders: diskFolders, from, scratch: join(scratch, 'state-to-check.db') })
  const results: BroughtIn[] = []
  const deps = { database, transfer: engine.transfer }
  for await (const result of bringIn(deps, backup, backup.dids)) results.push(result)
  return results
}

async function createDiary({ engine }: Opened, mark = ''): Promise<string> {
  const { cid } = await engine.uploadModule(alice, diaryModule(mark))
  return (await engine.create({ caller: alice, moduleCid: cid, clientStamp: 'stamp' })).streamDid
}

const send = ({ engine }: Opened, stream: string, ...events: readonly string[]) =>
  engine.append({ stream, caller: alice, events: events.map(bytes) })
const note = ({ engine }: Opened, stream: string, ...events: readonly string[]) =>
  engine.appendState({ stream, caller: bob, events: events.map(bytes) })

async function read({ engine }: Opened, stream: string, name: string): Promise<readonly string[]> {
  const rows = decodeDrisl((await engine.query(nobody, stream, queryOf(name, { limit: 10_000 }))).drisl)
  assert.ok(isArray(rows))
  return rows.map(row => {
    const cell = isMap(row) ? row['body'] : undefined
    assert.ok(isMap(cell))
    return String(cell['value'])
  })
}

async function chainOf({ engine }: Opened, stream: string) {
  const log = await engine.readLog(stream, 0, 100_000, 1e9)
  const sha256 = (data: Uint8Array) => new Uint8Array(hash('sha256', data, 'buffer'))
  return verifyChain(stream, log, { sha256, verify: () => true })
}

const objectsOf = (folder: string, did: string) => readdirSync(join(folder, 'streams', did)).sort()

const postgres = startPostgres()
after(async () => (await postgres)?.stop())

for (const engine of ['sqlite', 'postgres'] as const) {
  describe(`a backup, on ${engine}`, () => {
    const openOne = async () => open(engine === 'sqlite' ? undefined : await (await postgres)?.url('streams'))

    it('gives an empty house the same log, chain, state and answers, and the stream goes on there', async () => {
      const [from, to, folder] = [await openOne(), await openOne(), newFolder()]
      const stream = await createDiary(from)
      await send(from, stream, 'a', 'b')
      await note(from, stream, 'x', 'y')
      await send(from, stream, 'c')
      await from.engine.freeze(stream, true)
      assert.deepEqual(await backUp(from, folder, stream), { added: 3, events: 3, warnings: [] })
      assert.deepEqual(await restore(to, folder), [{ did: stream, outcome: 'brought', events: 3, notes: [] }])
      assert.deepEqual(await chainOf(to, stream), await chainOf(from, stream))
      for (const name of ['all', 'mirror', 'notes'])
        assert.deepEqual(await read(to, stream, name), await read(from, stream, name), name)
      const [was, is] = [await from.engine.list({ limit: 9 }), await to.engine.list({ limit: 9 })]
      assert.deepEqual(is, was)
      assert.equal((await refusal(send(to, stream, 'd'))).code, 'forbidden')
      await to.engine.freeze(stream, false)
      await send(to, stream, 'd')
      await note(to, stream, 'z')
      assert.deepEqual(await read(to, stream, 'all'), ['a', 'b', 'c', 'd'])
      assert.deepEqual(await read(to, stream, 'notes'), ['x', 'y', 'z'])
      assert.deepEqual(await restore(to, folder), [{ did: stream, outcome: 'here', events: 4, notes: [] }])
    })
  })
}

describe('a backup', () => {
  it('adds what came since to what is there, and nothing when nothing came', async () => {
    const [house, folder] = [await open(), newFolder()]
    const stream = await createDiary(house)
    await send(house, stream, 'a', 'b')
    await backUp(house, folder, stream)
    assert.deepEqual(await backUp(house, folder, stream), { added: 0, events: 2, warnings: [] })
    await send(house, stream, 'c')
    assert.deepEqual(await backUp(house, folder, stream), { added: 1, events: 3, warnings: [] })
    assert.deepEqual(objectsOf(folder, stream), [
      '1-2.events.drisl.zstd',
      '3-3.events.drisl.zstd',
      'metadata.drisl',
      'state-events.drisl.zstd',
      'state.db.zstd',
    ])
  })

  it('of a stream that is written to at that time can be restored', async () => {
    const [from, to, folder] = [await open(), await open(), newFolder()]
    const stream = await createDiary(from)
    let sent = 0
    const writer = { stop: false }
    const writing = (async () => {
      while (!writer.stop) {
        await Promise.all([send(from, stream, `e${sent}`), note(from, stream, `s${sent}`)])
        sent += 1
      }
    })()
    let rounds = 0
    for (let events = 0; events < 40; rounds += 1) ({ events } = await backUp(from, folder, stream))
    writer.stop = true
    await writing
    const [brought] = await restore(to, folder)
    assert.equal(brought?.outcome, 'brought')
    const events = await read(to, stream, 'all')
    const notes = await read(to, stream, 'notes')
    assert.deepEqual(
      events,
      Array.from({ length: events.length }, (_, at) => `e${at}`),
    )
    assert.deepEqual(
      notes,
      Array.from({ length: notes.length }, (_, at) => `s${at}`),
    )
    assert.ok(rounds > 1 && events.length >= 40 && notes.length > 0)
  })

  it('that was cut off is taken up, also with objects that nobody told of', async () => {
    const [from, to, folder] = [await open(), await open(), newFolder()]
    const stream = await createDiary(from)
    await send(from, stream, 'a', 'b')
    await backUp(from, folder, stream)
    const written = readFileSync(join(folder, 'streams', stream, '1-2.events.drisl.zstd'))
    writeFileSync(join(folder, 'streams', stream, '3-9.events.drisl.zstd'), written)
    await send(from, stream, 'c')
    await backUp(from, folder, stream)
    assert.equal((await restore(to, folder))[0]?.events, 3)
  })

  it('keeps state of which only the journal is there', async () => {
    const [from, to, folder] = [await open(), await open(), newFolder()]
    const stream = await createDiary(from)
    await send(from, stream, 'a')
    await note(from, stream, 'x')
    await from.hosts.remove(stream)
    await backUp(from, folder, stream)
    await restore(to, folder)
    assert.deepEqual(await read(to, stream, 'notes'), ['x'])
  })

  it('of another history is left as it is', async () => {
    const [from, to, folder] = [await open(), await open(), newFolder()]
    const stream = await createDiary(from)
    await send(from, stream, 'a')
    await backUp(from, folder, stream)
    await restore(to, folder)
    await send(from, stream, 'b')
    await backUp(from, folder, stream)
    assert.match((await refusal(backUp(to, folder, stream))).message, /has 2 events .*, this house has 1/)
    await send(to, stream, 'other')
    assert.match((await refusal(backUp(to, folder, stream))).message, /has other events/)
    const [refused] = await restore(to, folder)
    assert.equal(refused?.outcome, 'refused')
    assert.match(refused.notes.join(), /is here with other events than there/)
    assert.deepEqual(await read(to, stream, 'all'), ['a', 'other'])
  })

  it('brings back a stream that was deleted, which can be deleted again', async () => {
    const [house, folder] = [await open(), newFolder()]
    const stream = await createDiary(house)
    await send(house, stream, 'a')
    await note(house, stream, 'x')
    await backUp(house, folder, stream)
    await house.engine.delete(stream)
    assert.equal((await restore(house, folder))[0]?.outcome, 'brought')
    assert.deepEqual(await read(house, stream, 'all'), ['a'])
    assert.deepEqual(await read(house, stream, 'notes'), ['x'])
    await house.engine.delete(stream)
    assert.match((await refusal(send(house, stream, 'b'))).message, /was deleted/)
  })
})

describe('a backup with something wrong', () => {
  const wrongs: readonly (readonly [
    what: string,
    object: string,
    change: (was: Buffer) => Buffer,
    told: RegExp,
  ])[] = [
    ['damaged events', '1-2.events.drisl.zstd', was => flipped(was, was.length - 6), /1-2.*is damaged/],
    ['events that are cut off', '1-2.events.drisl.zstd', was => was.subarray(0, 20), /1-2.*is damaged/],
    ['events that are none', '1-2.events.drisl.zstd', () => Buffer.from('hello'), /1-2.*is damaged/],
    ['damaged metadata', 'metadata.drisl', was => was.subarray(1), /metadata\.drisl is damaged/],
    ['damaged state', 'state.db.zstd', was => flipped(was, was.length - 6), /state\.db\.zstd is damaged/],
    ['damaged state events', 'state-events.drisl.zstd', () => Buffer.of(1), /state-events.*is damaged/],
  ]
  for (const [what, object, change, told] of wrongs) {
    it(`is refused in a sentence, and brings nothing in: ${what}`, async () => {
      const [house, folder] = [await made, newFolder()]
      const stream = await createDiary(house.from)
      await send(house.from, stream, 'a', 'b')
      await note(house.from, stream, 'x')
      await backUp(house.from, folder, stream)
      const path = join(folder, 'streams', stream, object)
      writeFileSync(path, change(readFileSync(path)))
      const [refused] = await restore(house.to, folder)
      assert.equal(refused?.outcome, 'refused')
      assert.match(refused.notes.join(), told)
      assert.equal((await refusal(house.to.engine.head(stream))).code, 'missing')
    })
  }

  it('is refused when objects are missing or others than were written', async () => {
    const [house, folder] = [await made, newFolder()]
    const stream = await createDiary(house.from)
    await send(house.from, stream, 'a')
    await backUp(house.from, folder, stream)
    await send(house.from, stream, 'b')
    await backUp(house.from, folder, stream)
    const at = (name: string) => join(folder, 'streams', stream, name)
    const told = async () => (await restore(house.to, folder))[0]?.notes.join()
    const [first, second] = [
      readFileSync(at('1-1.events.drisl.zstd')),
      readFileSync(at('2-2.events.drisl.zstd')),
    ]
    rmSync(at('1-1.events.drisl.zstd'))
    assert.match((await told()) ?? '', /do not follow one another: expected some from 1, got 2-2/)
    writeFileSync(at('1-1.events.drisl.zstd'), second)
    assert.match((await told()) ?? '', /has other events than its name says/)
    writeFileSync(at('1-1.events.drisl.zstd'), first)
    rmSync(at('2-2.events.drisl.zstd'))
    assert.match((await told()) ?? '', /lacks events: it has 1 of 2/)
    await send(house.from, stream, 'c')
    const other = newFolder()
    const twin = await createDiary(house.from)
    await send(house.from, twin, 'x', 'y')
    await backUp(house.from, other, twin)
    await backUp(house.from, newFolder(), stream)
    rmSync(at('1-1.events.drisl.zstd'))
    writeFileSync(
      at('1-2.events.drisl.zstd'),
      readFileSync(join(other, 'streams', twin, '1-2.events.drisl.zstd')),
    )
    assert.match((await told()) ?? '', /are not those that were backed up: their hash differs/)
    rmSync(join(folder, 'modules'), { recursive: true })
    assert.throws(
      () => openBackup({ folders: diskFolders, from: folder, scratch: '' }),
      /is no backup of streams: expected the folders/,
    )
  })

  const made = Promise.resolve().then(async () => ({ from: await open(), to: await open() }))
})

function flipped(was: Buffer, at: number): Buffer {
  const copy = Buffer.from(was)
  copy[at] = (copy[at] ?? 0) ^ 0xff
  return copy
}
