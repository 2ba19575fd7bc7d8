/**
 * Leaf beside `@atproto/pds`, in one run on one machine: the same load, one server after the other for each figure.
 * `--short` takes less than a minute and says less. `--only=leaf` and `--only=reference` leave the other out.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { machineText, measureFsync, memoryMib } from './machine.ts'
import { type Row, table } from './report.ts'
import * as scenario from './scenarios.ts'
import { createAccounts, type Side, startLeafSide, startReferenceSide } from './sides.ts'

const short = process.argv.includes('--short')
const only = process.argv.find(word => word.startsWith('--only='))?.slice('--only='.length)
const extent: scenario.Extent = short
  ? { warmUpMs: 200, measureMs: 800, repoRecords: 2_000, subscribers: 200 }
  : { warmUpMs: 1_000, measureMs: 4_000, repoRecords: 10_000, subscribers: 1_000 }
/** Writes per second that are offered while many listen. */
const steadyWrites = 50
/** How long a fresh server is left alone before its memory is read. */
const idleMs = short ? 1_000 : 5_000

const results = new URL('../results/', import.meta.url)
const fsync = measureFsync()
const rows: Row[] = []
const sides: Side[] = []

/** Measures one figure on each side, one after the other. */
async function row(
  name: string,
  figure: (side: Side) => Promise<scenario.Figure>,
  lowerIsBetter = false,
): Promise<void> {
  const figures: scenario.Figure[] = []
  for (const side of sides) {
    const one = await figure(side)
    figures.push(one)
    console.log(`${name} · ${side.name}: ${one.text}`)
  }
  rows.push({ name, figures, lowerIsBetter })
}

const memory = async (side: Side): Promise<scenario.Figure> => {
  const mib = memoryMib(side.pid) ?? Number.NaN
  return { value: mib, text: `${Math.round(mib)} MiB PSS` }
}

async function measureAll(): Promise<void> {
  await row(
    'start to first answer',
    async side => ({ value: side.startMs, text: `${Math.round(side.startMs)} ms` }),
    true,
  )
  await row('memory after the start', memory, true)
  for (const side of sides) await createAccounts(side)

  const rates = new Map<string, number>()
  for (const clients of [1, 8, 16, 64]) {
    await row(`createRecord, ${clients} ${clients === 1 ? 'client' : 'clients'}`, async side => {
      const figure = await scenario.createRecords(side, extent, clients)
      if (clients === 16) rates.set(side.name, figure.value)
      return figure
    })
  }
  await row('applyWrites of 200', side => scenario.applyWrites(side, extent))

  const libraries = new Map<string, scenario.Library>()
  for (const side of sides) libraries.set(side.name, await scenario.fillLibrary(side, extent))
  const library = (side: Side) => {
    const one = libraries.get(side.name)
    if (one === undefined) throw new Error('every side has a library')
    return one
  }
  const collection = (side: Side) => `repo=${library(side).account.did}&collection=app.bsky.feed.post`
  await row('getRecord, 16 clients', side =>
    scenario.read(
      side,
      extent,
      `/xrpc/com.atproto.repo.getRecord?${collection(side)}&rkey=${library(side).rkey}`,
    ),
  )
  await row('listRecords limit 50, 16 clients', side =>
    scenario.read(side, extent, `/xrpc/com.atproto.repo.listRecords?${collection(side)}&limit=50`),
  )
  await row(`getRepo of ${extent.repoRecords} records`, side =>
    scenario.exportRepo(side, extent, library(side)),
  )
  await row(
    'firehose latency at half of the rate of 16 clients',
    side => scenario.firehoseLatency(side, extent, (rates.get(side.name) ?? 100) / 2),
    true,
  )
  await row(`fan-out to ${extent.subscribers} subscribers, 4 writers`, side => scenario.fanOut(side, extent))
  await row(
    `fan-out to ${extent.subscribers} subscribers, ${steadyWrites} writes/s offered`,
    side => scenario.fanOutAtRate(side, extent, steadyWrites),
    true,
  )
  await row('memory after all this', memory, true)
}

try {
  if (only !== 'leaf') sides.push(await startReferenceSide())
  if (only !== 'reference') sides.push(await startLeafSide())
  await delay(idleMs)
  await measureAll()
} finally {
  await Promise.all(sides.map(side => side.stop()))
}

const text = [
  '# PDS: Leaf beside @atproto/pds',
  '',
  `Machine: ${machineText()}. The disk takes ${fsync.p50Ms.toFixed(2)} ms (p99 ${fsync.p99Ms.toFixed(2)} ms) to append 4 KiB durably.`,
  '',
  'Rate limits are off on both sides. Both keep their data in SQLite on this disk: Leaf answers a write after fsync (synchronous=FULL), the reference before it (synchronous=NORMAL). The load comes from another process of the same machine, over keep-alive connections. The reference runs in production mode, with its PLC directory in the same process.',
  '',
  ...table(
    sides.map(side => side.name),
    rows,
  ),
  '',
].join('\n')
console.log(`\n${text}`)
// A short run says too little to be kept.
if (only === undefined && !short) {
  mkdirSync(results, { recursive: true })
  writeFileSync(new URL('pds.md', results), text)
}
