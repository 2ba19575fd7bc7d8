import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts } from '../../tools/oracles/src/ports.ts'
import { closedTasks } from './closed-tasks.ts'
import { countText, type Extent, type Figure, recipientsCount } from './scenarios.ts'

const inFlight = 256
const connections = 16
const blobBytes = 512
const startMsMax = 5000

/** The program, in the folder of unpacked packages or where the system has it. */
function find(name: string, folder: string | undefined): string | undefined {
  const places = ['usr/sbin', 'usr/bin'].flatMap(place => (folder === undefined ? [] : [join(folder, place)]))
  return [...places, ...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
    .map(place => join(place, name))
    .find(path => existsSync(path))
}

const absent = (name: string): Figure[] => [
  {
    name: 'not measured',
    text: `${name} is not installed; \`--peers=<folder>\` says where its package was unpacked`,
  },
]

/** Starts a peer in a folder of its own, waits until its port answers, and ends both. */
async function withPeer<T>(
  options: {
    readonly program: string
    readonly folder: string | undefined
    readonly configure: (port: number, data: string) => string
  },
  use: (port: number) => Promise<T>,
): Promise<T> {
  const { program, folder } = options
  const [port = 0] = await freePorts(1)
  const data = mkdtempSync(join(tmpdir(), 'leaf-bench-peer-'))
  const file = join(data, 'peer.conf')
  writeFileSync(file, options.configure(port, data))
  const libraries = folder === undefined ? [] : libraryFolders(folder)
  const env = { ...process.env, LD_LIBRARY_PATH: libraries.join(delimiter) }
  const child = spawn(program, ['-c', file], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let told = ''
  child.stderr.on('data', (chunk: Buffer) => {
    told = (told + chunk.toString()).slice(-2000)
  })
  const killWithParent = () => child.kill('SIGKILL')
  process.once('exit', killWithParent)
  try {
    await answers(child, port, () => told)
    return await use(port)
  } finally {
    process.off('exit', killWithParent)
    child.kill('SIGKILL')
    rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

function libraryFolders(folder: string): string[] {
  return ['usr/lib', 'lib']
    .map(place => join(folder, place))
    .filter(place => existsSync(place))
    .flatMap(place => readdirSync(place).map(name => join(place, name)))
}

async function answers(child: ChildProcess, port: number, told: () => string): Promise<void> {
  const deadline = performance.now() + startMsMax
  for (;;) {
    const isThere = await new Promise<boolean>(resolve => {
      const socket = connectTcp(port, '127.0.0.1', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (isThere) return
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`the peer did not start: ${told()}`)
    await delay(50)
  }
}

const sendName = `single sends, ${blobBytes} B, ${inFlight} in flight over ${connections} connections`

/** JetStream: a work queue on disk, a subject a recipient. From 2.10 also with an fsync before each acknowledgement. */
export async function jetStream(extent: Extent, folder: string | undefined): Promise<Figure[]> {
  const program = find('nats-server', folder)
  if (program === undefined) return absent('nats-server')
  const version = /v(\d+)\.(\d+)\.\d+/.exec(execFileSync(program, ['--version']).toString())
  const canSync = Number(version?.[1]) > 2 || Number(version?.[2]) >= 10
  const figures: Figure[] = []
  for (const sync of canSync ? ['always', undefined] : [undefined]) {
    const durability =
      sync === undefined ? 'answers before fsync, which comes every 2 minutes' : 'sync_interval: always'
    const configure = (port: number, data: string) =>
      `listen: 127.0.0.1:${port}\njetstream { store_dir: ${JSON.stringify(data)}${sync === undefined ? '' : `, sync_interval: ${sync}`} }\n`
    const rates = await withPeer({ program, folder, configure }, port => jetStreamRates(port, extent))
    figures.push(
      { name: `${sendName}; ${version?.[0]}, ${durability}`, text: rates.sends },
      { name: `fetched in pages of 50 and acknowledged, each; ${durability}`, text: rates.fetched },
    )
  }
  if (!canSync) {
    figures.push({
      name: 'at equal durability',
      text: `not measured: ${version?.[0]} cannot fsync before it answers (2.10 can, with sync_interval: always)`,
    })
  }
  return figures
}

async function jetStreamRates(port: number, extent: Extent) {
  const { connect } = await import('@nats-io/transport-node')
  const { AckPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } = await import(
    '@nats-io/jetstream'
  )
  const lines = await Promise.all(
    Array.from({ length: connections }, () => connect({ servers: `127.0.0.1:${port}` })),
  )
  const [first] = lines
  if (first === undefined) throw new Error('there is no connection')
  try {
    const manager = await jetstreamManager(first)
    await manager.streams.add({
      name: 'mail',
      subjects: ['mail.*'],
      storage: StorageType.File,
      retention: RetentionPolicy.Workqueue,
    })
    const streams = lines.map(line => jetstream(line, { timeout: 20_000 }))
    const sent = await closedTasks({ ...extent, inFlight, blobBytes }, async (number, blob) => {
      await streams[number % streams.length]?.publish(`mail.${number % recipientsCount}`, blob)
    })
    await manager.consumers.add('mail', {
      durable_name: 'all',
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: 10_000,
    })
    const consumer = await jetstream(first).consumers.get('mail', 'all')
    const started = performance.now()
    let fetched = 0
    while (fetched < sent.count && performance.now() - started < extent.measureMs) {
      const acknowledged: Promise<boolean>[] = []
      for await (const message of await consumer.fetch({ max_messages: 50, expires: 1000 })) {
        acknowledged.push(message.ackAck())
        fetched += 1
      }
      await Promise.all(acknowledged)
    }
    const perSecond = (fetched / (performance.now() - started)) * 1000
    return { sends: sent.text, fetched: `${countText(perSecond)} messages/s` }
  } finally {
    await Promise.all(lines.map(line => line.close()))
  }
}

/** Persistent sessions that mosquitto keeps mail for. */
const sessions = 100

/** mosquitto: QoS 1 to persistent sessions of absent clients, saved every second. It never calls fsync. */
export async function mosquitto(extent: Extent, folder: string | undefined): Promise<Figure[]> {
  const program = find('mosquitto', folder)
  if (program === undefined) return absent('mosquitto')
  const configure = (port: number, data: string) =>
    [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'persistence true',
      `persistence_location ${data}/`,
      'autosave_interval 1',
      'max_queued_messages 0',
      'max_inflight_messages 0',
      process.getuid?.() === 0 ? 'user root' : '',
      '',
    ].join('\n')
  const text = await withPeer({ program, folder, configure }, port => mosquittoRate(port, extent))
  return [{ name: `${sendName}; QoS 1, answered from memory, saved every second without fsync`, text }]
}

async function mosquittoRate(port: number, extent: Extent): Promise<string> {
  const { connectAsync } = await import('mqtt')
  const url = `mqtt://127.0.0.1:${port}`
  for (let n = 0; n < sessions; n += 1) {
    const absentee = await connectAsync(url, { clientId: `absent-${n}`, clean: false })
    await absentee.subscribeAsync(`mail/${n}`, { qos: 1 })
    await absentee.endAsync()
  }
  const lines = await Promise.all(Array.from({ length: connections }, () => connectAsync(url)))
  try {
    const sent = await closedTasks({ ...extent, inFlight, blobBytes }, async (number, blob) => {
      await lines[number % lines.length]?.publishAsync(`mail/${number % sessions}`, blob, { qos: 1 })
    })
    return sent.text
  } finally {
    await Promise.all(lines.map(line => line.endAsync(true)))
  }
}
