/**
 * Hostile tenants in a whole Leaf: while strangers' modules loop and swell, a neighbour's events are answered in time,
 * over the socket, and no file but those of their own streams changes. The strict figure (p99 under 20 ms) is measured
 * beside the hosts alone; here everything, the load included, shares a machine with other tests.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { plainModule } from './streams/modules.ts'
import { createPeople, raisedLimits } from './streams/people.ts'
import { startLeaf } from './support/leaf.ts'

const queryMsMax = 400
/** What the machine may add until an answer is here. */
const slackMs = 1500
const p99MsMax = 250

const rows = 'with recursive n(i) as (select 1 union all select i + 1 from n)'
const bombs: Readonly<Record<string, string>> = {
  loop: `${rows} select count(*) from n`,
  rows: `${rows} select i from n`,
  sorter: `${rows} select i from n order by random(), hex(randomblob(100))`,
  text: `with recursive n(s) as (select 'aaaaaaaaaaaaaaaa' union all select s || s from n) select max(length(s)) from n`,
  zeros: `${rows} select zeroblob(10000000) from n`,
  concat: `${rows} select length(group_concat(hex(randomblob(1000)))) from n`,
}

it('a neighbour’s events are answered while modules of strangers loop and swell', {
  timeout: 90_000,
}, async t => {
  const leaf = await startLeaf({
    env: { ...raisedLimits, LEAF_SYSTEMS: 'pds,streams', STREAMS_QUERY_MS_MAX: String(queryMsMax) },
  })
  const people = createPeople(() => leaf)
  t.after(async () => {
    people.disconnect()
    await leaf.dispose()
  })
  const good = await people.person('good')
  const { moduleCid } = await good.client.uploadBasicModule(plainModule)
  const { streamDid: neighbour } = await good.client.createStream(moduleCid)
  const { streamDid: bystander } = await good.client.createStream(moduleCid)
  for (const stream of [neighbour, bystander]) await good.client.sendEvent(stream, Buffer.from('warm'))
  // An answer to a query shows that its host has come to the commit before it.
  await good.client.query(bystander, { name: 'lines', params: {} })
  const before = filesOf(join(leaf.dataFolder, 'streams', bystander))

  const times: number[] = []
  let isOver = false
  const writing = (async () => {
    while (!isOver) {
      const start = performance.now()
      await good.client.sendEvent(neighbour, Buffer.from('line'))
      times.push(performance.now() - start)
    }
  })()
  for (const [name, sql] of Object.entries(bombs)) {
    const { client } = await people.person(`evil-${name}`)
    const module = { ...plainModule, queries: [{ name, sql, params: [] }] }
    const uploaded = await client.uploadBasicModule(module)
    const { streamDid } = await client.createStream(uploaded.moduleCid)
    const start = performance.now()
    await assert.rejects(
      client.query(streamDid, { name, params: {} }),
      /Error while running stream module/,
      name,
    )
    const tookMs = performance.now() - start
    assert.ok(tookMs < queryMsMax + slackMs, `${name}: answered after ${Math.round(tookMs)} ms`)
  }
  isOver = true
  await writing
  const sorted = times.toSorted((a, b) => a - b)
  const quantile = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
  const told = `${times.length} answers, p50 ${quantile(0.5).toFixed(1)} ms, p99 ${quantile(0.99).toFixed(1)} ms`
  t.diagnostic(told)
  assert.ok(quantile(0.99) < p99MsMax, told)
  assert.deepEqual(filesOf(join(leaf.dataFolder, 'streams', bystander)), before)
  const lines = await good.client.query(neighbour, { name: 'lines', params: {}, limit: 10_000 })
  assert.equal(lines.length, Math.min(10_000, times.length + 1), 'every answered event is there, once')
})

/** What lies in a folder: names, and digests of what is in the files. SQLite's shared memory is of no account. */
function filesOf(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const files = names.filter(name => statSync(join(folder, name)).isFile() && !name.endsWith('-shm'))
  return new Map(
    files.map(name => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  )
}
