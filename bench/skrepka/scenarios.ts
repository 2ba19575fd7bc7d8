import { randomBytes } from 'node:crypto'
import { cpuSeconds, memoryMib } from '../pds/machine.ts'
import { type Generator, startGenerator } from './generator.ts'
import type { SendJob } from './jobs.ts'
import { logIn, type Person } from './people.ts'
import { type Relay, startRelay } from './relay.ts'

/** How much is measured. */
export interface Extent {
  readonly warmUpMs: number
  readonly measureMs: number
  /** Polls that are held. */
  readonly held: number
  /** Messages that wait when the relay is started again. */
  readonly pending: number
}

/** A line of the report. */
export interface Figure {
  readonly name: string
  readonly text: string
  /** What the project set itself; absent: none. */
  readonly goal?: string
}

export const senders = 64
export const recipientsCount = 1000

/** Keys of people who never came. */
export const absentKeys = (count = recipientsCount): string[] =>
  Array.from({ length: count }, () => randomBytes(32).toString('hex'))

/** Runs something beside a relay and a process that makes load, and ends both. */
export async function withRelay<T>(
  env: Readonly<Record<string, string>>,
  use: (relay: Relay, generator: Generator) => Promise<T>,
): Promise<T> {
  const relay = await startRelay(env)
  const generator = startGenerator()
  try {
    return await use(relay, generator)
  } finally {
    generator.stop()
    await relay.leaf.dispose()
  }
}

interface SendShape extends Pick<SendJob, 'lines' | 'blobBytes' | 'batch'> {
  readonly goal?: string
}

const shapes: readonly SendShape[] = [
  { lines: 1, blobBytes: 512, batch: 1 },
  { lines: 64, blobBytes: 512, batch: 1 },
  { lines: 256, blobBytes: 512, batch: 1, goal: '≥ 15,000/s, p99 ≤ 50 ms' },
  { lines: 256, blobBytes: 16_384, batch: 1 },
  { lines: 32, blobBytes: 512, batch: 100, goal: '≥ 30,000/s' },
]

/** Sends to people who are absent: answered when they are on disk. */
export async function sends(extent: Extent, env: Readonly<Record<string, string>> = {}): Promise<Figure[]> {
  return withRelay(env, async (relay, generator) => {
    const tokens = (await logIn(relay.port, senders)).map(one => one.token)
    const recipients = absentKeys()
    const figures: Figure[] = []
    for (const { goal, ...shape } of shapes) {
      const before = cpuSeconds(relay.leaf.pid()) ?? Number.NaN
      const { warmUpMs, measureMs } = extent
      const result = await generator.send({
        port: relay.port,
        tokens,
        recipients,
        warmUpMs,
        measureMs,
        ...shape,
      })
      const perSecond = result.perSecond * shape.batch
      const cpu = (cpuSeconds(relay.leaf.pid()) ?? Number.NaN) - before
      const seconds = (warmUpMs + measureMs) / 1000
      const cpuUs = (cpu * 1e6) / (perSecond * seconds)
      const what =
        shape.batch === 1
          ? `single sends, ${sizeText(shape.blobBytes)}, ${shape.lines} connections`
          : `batches of ${shape.batch}, ${sizeText(shape.blobBytes)}, ${shape.lines} connections`
      figures.push({
        name: what,
        text: `${countText(perSecond)} messages/s, p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms, ${cpuUs.toFixed(0)} µs CPU each (${Math.round((cpu / seconds) * 100)} % of a core)`,
        ...(goal === undefined ? {} : { goal }),
      })
    }
    return figures
  })
}

/** Mail for people who were absent: stored, fetched and acknowledged. */
export async function collect(): Promise<Figure[]> {
  return withRelay({}, async (relay, generator) => {
    const people = await logIn(relay.port, 200)
    const tokens = people.slice(0, 100).map(one => one.token)
    const readers = people.slice(100)
    const recipients = readers.map(one => one.key)
    const job = { port: relay.port, tokens, recipients, lines: 16, blobBytes: 512, batch: 100 }
    await generator.send({ ...job, warmUpMs: 0, measureMs: 1500 })
    const pending = await relayPending(relay)
    const { perSecond } = await generator.fetch({ port: relay.port, people: readers, expected: pending })
    return [
      {
        name: 'absent people fetch and acknowledge, 512 B, pages of 50, 16 connections',
        text: `${countText(perSecond)} messages/s, of ${countText(pending)}; nothing is left`,
      },
    ]
  })
}

async function relayPending({ leaf }: Relay): Promise<number> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(`${leaf.dataFolder}/leaf.db`, { readOnly: true })
  const row = database.prepare('SELECT COUNT(*) AS count FROM skrepka_message').get()
  database.close()
  return Number(row?.['count'])
}

/** Held polls, what each costs, and how fast one of them is woken. */
export async function polls(extent: Extent): Promise<Figure[]> {
  return withRelay({ SKREPKA_POLL_TIMEOUT_MS: '300000' }, async (relay, generator) => {
    const people: Person[] = await logIn(relay.port, extent.held + senders)
    const pid = relay.leaf.pid()
    const before = memoryMib(pid) ?? Number.NaN
    await generator.hold({ port: relay.port, people: people.slice(senders) })
    await new Promise(resolve => setTimeout(resolve, 5000))
    const after = memoryMib(pid) ?? Number.NaN
    const tokens = people.slice(0, senders).map(one => one.token)
    const job = { port: relay.port, tokens, blobBytes: 512, perSecond: 500 }
    await generator.wake({ ...job, measureMs: extent.warmUpMs })
    const woken = await generator.wake({ ...job, measureMs: extent.measureMs })
    return [
      {
        name: `memory of ${countText(extent.held)} held polls`,
        text: `${(((after - before) * 1024) / extent.held).toFixed(1)} KiB each (PSS ${Math.round(before)} → ${Math.round(after)} MiB)`,
        goal: '≤ 12 KB',
      },
      {
        name: `send to the answer of a held poll, 500/s, ${countText(extent.held)} held`,
        text: `p50 ${woken.p50Ms.toFixed(1)} ms, p99 ${woken.p99Ms.toFixed(1)} ms (the send itself: p99 ${woken.sendP99Ms.toFixed(1)} ms), ${countText(woken.count)} messages; each acknowledged by the next poll`,
        goal: 'p99 ≤ 10 ms',
      },
    ]
  })
}

export const countText = (value: number): string => Math.round(value).toLocaleString('en')
const sizeText = (bytes: number): string => (bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`)
