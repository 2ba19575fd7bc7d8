/**
 * The relay's figures: durable sends, batches, held polls, wake-ups, federation, a restart, each on a whole Leaf; and
 * the same task on NATS JetStream and mosquitto where they are installed (`--peers=<folder>`: where their Debian
 * packages were unpacked). `--short` takes less and says less; `--only=sends,polls` leaves the others out.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { machineText, measureFsync } from '../pds/machine.ts'
import { federation } from './federation.ts'
import { jetStream, mosquitto } from './peers.ts'
import { raised } from './relay.ts'
import { restart } from './restart.ts'
import { collect, type Extent, type Figure, polls, sends } from './scenarios.ts'

const option = (name: string): string | undefined =>
  process.argv.find(word => word.startsWith(`--${name}=`))?.slice(name.length + 3)
const short = process.argv.includes('--short')
const only = option('only')?.split(',')
const peersFolder = option('peers')
const extent: Extent = short
  ? { warmUpMs: 500, measureMs: 1500, held: 1000, pending: 100_000 }
  : { warmUpMs: 2000, measureMs: 8000, held: 10_000, pending: 1_000_000 }

const parts: readonly (readonly [name: string, title: string, run: () => Promise<Figure[]>])[] = [
  ['sends', 'Leaf', () => sends(extent)],
  [
    'sealed',
    'Leaf, sealed at rest',
    () => sends(extent, { SKREPKA_SEAL: 'a secret of the benchmark, long enough' }),
  ],
  ['collect', 'Leaf', collect],
  ['polls', 'Leaf', () => polls(extent)],
  ['federation', 'Leaf', () => federation(extent.measureMs)],
  ['restart', 'Leaf', () => restart(extent)],
  ['nats', 'NATS JetStream', () => jetStream(extent, peersFolder)],
  ['mosquitto', 'mosquitto', () => mosquitto(extent, peersFolder)],
]

/** What else the machine was doing: figures of a busy one say little but the CPU time. */
const busy = loadavg()[0] ?? Number.NaN
const fsync = measureFsync()
const lines: string[] = []
for (const [name, title, run] of parts) {
  if (only !== undefined && !only.includes(name)) continue
  for (const figure of await run()) {
    lines.push(`| ${title} | ${figure.name} | ${figure.text} | ${figure.goal ?? ''} |`)
    console.log(`${title} · ${figure.name}: ${figure.text}`)
  }
}

const text = [
  '# Skrepka: figures of the relay',
  '',
  `Machine: ${machineText()}. The disk takes ${fsync.p50Ms.toFixed(2)} ms (p99 ${fsync.p99Ms.toFixed(2)} ms) to append 4 KiB durably. Before the run other programs kept ${busy.toFixed(1)} of its cores busy or waited for them.`,
  '',
  'Leaf answers a send after fsync (SQLite, synchronous=FULL). The load comes from another process of the same machine, over keep-alive connections; mail goes to 1,000 absent people in turn. The access log is off (LEAF_LOG_LEVEL=warn).',
  '',
  `Limits that are off or raised: ${Object.keys(raised).join(', ')}; SKREPKA_POLL_TIMEOUT_MS where polls are held.`,
  '',
  '| who | what | figure | goal |',
  '|---|---|---|---|',
  ...lines,
  '',
].join('\n')
console.log(`\n${text}`)
// A part of a run, or a short one, says too little to be kept.
if (only === undefined && !short) {
  const results = new URL('../results/', import.meta.url)
  mkdirSync(results, { recursive: true })
  writeFileSync(new URL('skrepka.md', results), text)
}
