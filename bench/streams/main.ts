/**
 * Streams through the published client, beside the upstream algorithm on the same SQLite, in one run on one machine.
 * `--short` takes less than a minute and says less. `--upstream` leaves Leaf out.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { machineText, measureFsync, memoryMib } from '../pds/machine.ts'
import { type House, startHouse } from './house.ts'
import * as scenario from './scenarios.ts'

const short = process.argv.includes('--short')
const upstreamOnly = process.argv.includes('--upstream')
const extent: scenario.Extent = short
  ? { warmUpMs: 300, measureMs: 1_000, rebuildEvents: 5_000, subscribers: 50 }
  : { warmUpMs: 1_500, measureMs: 5_000, rebuildEvents: 50_000, subscribers: 200 }

interface Row {
  readonly name: string
  /** What the project promises. */
  readonly goal?: string
  readonly normal?: scenario.Figure
  readonly full?: scenario.Figure
  readonly leaf?: scenario.Figure
}

const fsync = measureFsync()
const rows: Row[] = []

function add(row: Row): void {
  rows.push(row)
  const figures = [
    row.normal && `upstream (normal) ${row.normal.text}`,
    row.full && `upstream (full) ${row.full.text}`,
    row.leaf && `Leaf ${row.leaf.text}`,
  ]
  console.log(`${row.name} · ${figures.filter(text => text !== undefined).join(' · ')}`)
}

async function measureAll(house: House | undefined): Promise<void> {
  const leaf = async (measure: (house: House) => Promise<scenario.Figure>) =>
    house === undefined ? {} : { leaf: await measure(house) }
  for (const size of [1, 10, 100]) {
    add({
      name: `one stream, batches of ${size}, one after the other`,
      ...(size === 1 ? { goal: '≥ 1,000/s' } : size === 10 ? { goal: '≥ 5 × upstream (full)' } : {}),
      normal: scenario.upstreamAppend(extent, size, 'normal'),
      full: scenario.upstreamAppend(extent, size, 'full'),
      ...(await leaf(one => scenario.appendSequentially(one, extent, size))),
    })
  }
  add({
    name: 'rebuild of a stream',
    goal: '≥ 7,000/s',
    normal: scenario.upstreamRebuild(extent),
    ...(await leaf(one => scenario.rebuild(one, extent))),
  })
  if (house === undefined) return
  add({
    name: '8 streams, single events, 64 in flight',
    goal: '≥ 6,000/s',
    leaf: await scenario.appendPipelined(house, extent, { streams: 8, depth: 8 }),
  })
  add({
    name: '8 streams, single events, 512 in flight',
    leaf: await scenario.appendPipelined(house, extent, { streams: 8, depth: 64 }),
  })
  add({ name: 'queries of 50 rows, 16 in flight', leaf: await scenario.queryPages(house, extent) })
  add({ name: 'deliveries', leaf: await scenario.deliver(house, extent) })
  add({ name: 'subscribe to first page', leaf: await scenario.firstPage(house) })
  const mib = memoryMib(house.leaf.pid()) ?? Number.NaN
  add({ name: 'memory after all this', leaf: { value: mib, text: `${mib.toFixed(0)} MiB PSS` } })
  add({ name: 'first query after a restart', leaf: await scenario.firstQuery(house) })
}

function tableOf(): string[] {
  const ratio = (peer: scenario.Figure | undefined, own: scenario.Figure | undefined) =>
    peer === undefined || own === undefined ? '' : `${(own.value / peer.value).toFixed(1)} ×`
  return [
    '| | goal | upstream algorithm, normal | upstream algorithm, full | Leaf | to normal | to full |',
    '|---|---|---|---|---|---|---|',
    ...rows.map(({ name, goal = '', normal, full, leaf }) => {
      const cells = [name, goal, normal?.text ?? '', full?.text ?? '', leaf?.text ?? '']
      return `| ${[...cells, ratio(normal, leaf), ratio(full, leaf)].join(' | ')} |`
    }),
  ]
}

const house = upstreamOnly ? undefined : await startHouse()
try {
  await measureAll(house)
} finally {
  await house?.stop()
}

const text = [
  '# Streams: Leaf beside the upstream algorithm',
  '',
  `Machine: ${machineText()}. The disk takes ${fsync.p50Ms.toFixed(2)} ms (p99 ${fsync.p99Ms.toFixed(2)} ms) to append 4 KiB durably.`,
  '',
  'The module is the one of `examples/community`: 17 tables, 45 statements for each event. Leaf is the whole server, in SQLite at synchronous=FULL, asked through `@muni-town/leaf-client` from another process of the same machine; throttles and quotas are raised out of the way. The upstream server cannot be had, so its algorithm runs in the process of the benchmark, without sockets: one connection a stream, a temporary table made anew and both scripts parsed for every event, the payload decoded at every call of a function; at synchronous=NORMAL as upstream, and at FULL, as durable as Leaf.',
  '',
  ...tableOf(),
  '',
].join('\n')
console.log(`\n${text}`)
// A short run says too little to be kept.
if (!upstreamOnly && !short) {
  const results = new URL('../results/', import.meta.url)
  mkdirSync(results, { recursive: true })
  writeFileSync(new URL('streams.md', results), text)
}
