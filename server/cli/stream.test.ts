import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeUpstreamFolder } from '../../bench/streams/upstream-folder.ts'
import { openDataFolder } from '../kernel/storage/data-folder.ts'
import { runLeaf } from './test-terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'leaf-cli-stream-'))
after(() => rmSync(folder, { recursive: true }))

const upstream = join(folder, 'upstream')
const made = makeUpstreamFolder({ folder: upstream, streams: 3, events: 60, seed: 1 })
const [largest] = made.streams
if (largest === undefined) throw new Error('no stream was made')
const { did, owner } = largest

/** `leaf stream …` of a house. */
const leaf = (house: string, words: readonly string[], answers?: readonly string[]) =>
  runLeaf(['stream', ...words], {
    env: { LEAF_DATA_DIR: join(folder, house) },
    ...(answers === undefined ? {} : { answers }),
  })

test('leaf stream import brings in a data folder, and says when all of it is here already', async () => {
  const first = await leaf('a', ['import', upstream])
  assert.deepEqual([first.code, first.out, first.errors], [0, '3 streams with 60 events are brought in.', ''])
  const again = await leaf('a', ['import', upstream, '--json'])
  assert.deepEqual(JSON.parse(again.out), { brought: 0, here: 3, events: 0, failed: [] })
})

test('leaf stream list and show tell what there is, filtered and as JSON', async () => {
  const all = await leaf('a', [])
  assert.equal(all.out.split('\n').length, 3)
  const own = await leaf('a', ['list', '--owner', owner, '--json'])
  const [row] = JSON.parse(own.out)
  assert.deepEqual(
    [row.did, row.state, row.events, row.moduleCid],
    [did, 'open', largest.events, made.moduleCid],
  )
  assert.match(
    (await leaf('a', ['list', '--limit', '1'])).out,
    /There are more: leaf stream list --after did:/,
  )
  assert.equal((await leaf('a', ['list', '--frozen'])).out, 'There are no such streams.')
  assert.match((await leaf('a', ['show', did])).out, new RegExp(`stream +${did}\n[^]*owners +${owner}\n`))
  const unknown = await leaf('a', ['show', 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'])
  assert.deepEqual([unknown.code, unknown.errors], [1, 'Stream not found: did:plc:aaaaaaaaaaaaaaaaaaaaaaaa.'])
  assert.match((await leaf('a', ['show', 'garden'])).errors, /^expected a DID like/)
})

test('leaf stream quota sets what an owner may have, part by part, and takes it back', async () => {
  assert.match(
    (await leaf('a', ['quota', owner])).out,
    /has 1 of 100 streams and .* of 1 GB \(the house’s own quota\)/,
  )
  await leaf('a', ['quota', owner, '--streams', '5'])
  const set = JSON.parse((await leaf('a', ['quota', owner, '--bytes', '2GB', '--json'])).out)
  assert.deepEqual([set.quota, set.isDefault], [{ streams: 5, bytes: 2 * 1024 ** 3 }, false])
  assert.match((await leaf('a', ['quota', owner, '--default'])).out, /of 100 streams/)
  assert.equal((await leaf('a', ['quota', owner, '--bytes', 'lots'])).code, 2)
})

test('leaf stream freeze, unfreeze and backup work while Leaf runs; restore and import say that it must be stopped', async () => {
  const running = openDataFolder(join(folder, 'a'))
  const to = join(folder, 'backup')
  try {
    assert.equal(
      (await leaf('a', ['freeze', did])).out,
      `${did} is frozen: it can be read, and nothing can be added.`,
    )
    assert.match((await leaf('a', ['list', '--frozen'])).out, new RegExp(`^${did} \\(frozen\\)`))
    await leaf('a', ['unfreeze', did])
    const backup = await leaf('a', ['backup', '--all', '--to', to])
    assert.deepEqual(
      [backup.code, backup.out],
      [0, `${to} has 3 streams with 60 events; 60 of them are new.`],
    )
    for (const words of [
      ['import', upstream],
      ['restore', '--from', to],
    ]) {
      const refused = await leaf('a', words)
      assert.equal(refused.code, 1)
      assert.match(refused.errors, /^Another Leaf \(process \d+\) runs on the data folder .*; stop it first/)
    }
  } finally {
    running.close()
  }
  const neither = await leaf('a', ['backup', '--to', to])
  assert.deepEqual([neither.code, neither.errors], [1, 'name one stream, or say --all.'])
})

test('leaf stream restore brings one stream or all into an empty house', async () => {
  const from = join(folder, 'backup')
  assert.equal(
    (await leaf('b', ['restore', did, '--from', from])).out,
    `1 stream with ${largest.events} events is brought in.`,
  )
  assert.match(
    (await leaf('b', ['restore', '--from', from])).out,
    /^2 streams .* 1 stream was here before\.$/,
  )
  assert.equal((await leaf('b', ['list'])).out, (await leaf('a', ['list'])).out)
  const wrong = await leaf('b', ['restore', '--from', upstream])
  assert.equal(wrong.code, 1)
  assert.match(wrong.errors, /is no backup of streams: .* which `leaf stream import` reads/)
})

test('leaf stream delete asks once, naming the stream; without anybody there it wants --yes', async () => {
  const nobody = await leaf('b', ['delete', did])
  assert.deepEqual([nobody.code, nobody.out], [2, ''])
  assert.match(nobody.errors, /say --yes\.$/)
  const no = await leaf('b', ['delete', did], ['n'])
  assert.equal(no.code, 1)
  assert.match(
    no.out,
    new RegExp(`^Delete ${did}, with ${largest.events} events .*\\[y/N\\] \nNothing was deleted\\.$`),
  )
  assert.match((await leaf('b', ['delete', did], ['y'])).out, /is deleted\./)
  assert.equal((await leaf('b', ['show', did])).errors, `Stream was deleted: ${did}.`)
  const back = await leaf('b', ['restore', '--from', join(folder, 'backup')])
  assert.match(back.out, /^1 stream with/)
  assert.equal((await leaf('b', ['delete', did, '--yes'])).code, 0)
})
