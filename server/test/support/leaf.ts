import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../../../tools/oracles/src/ports.ts'

/** How long Leaf may take until `/readyz` answers 200. */
const readyMsMax = 30_000
const readyPollMs = 15
/** How long Leaf may take to stop after SIGTERM before the test calls it a fault. */
const stopMsMax = 12_000
/** Characters of Leaf's log that are kept. */
const logCharsMax = 4_000_000
/** Of those, the ones that the message of a failure tells. */
const logCharsTold = 6_000

const root = new URL('../../../', import.meta.url)
const entry = fileURLToPath(new URL('server/bin/leaf.js', root))

export interface Leaf {
  readonly url: string
  /** Where the embedded PLC directory answers. */
  readonly plcUrl: string
  readonly dataFolder: string
  /** Of its PostgreSQL; undefined on SQLite. */
  readonly databaseUrl: string | undefined
  /** Of the process that runs now. */
  pid(): number
  /** Milliseconds from the last start of the process until `/readyz` answered. */
  startMs(): number
  /** What the processes printed, the oldest cut off. */
  log(): string
  /** SIGTERM, and waits; throws when the process does not end by itself in time or ends with another code than 0. */
  stop(): Promise<void>
  /** SIGKILL, and waits. */
  kill(): Promise<void>
  /** Starts again on the same ports, data and environment; `env` is added. */
  start(env?: Readonly<Record<string, string>>): Promise<void>
  /** Stops if needed, and removes the data folder. */
  dispose(): Promise<void>
}

export interface LeafOptions {
  /** Added to the environment: `DATABASE_URL`, `PDS_…`, `GITHUB_…`. */
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Leaf as its users have it: the real program in a process of its own, in development mode, on free ports, with a
 * temporary data folder. Rate limits are off unless `env` says otherwise.
 */
export async function startLeaf(options: LeafOptions = {}): Promise<Leaf> {
  const [port = 0, plcPort = 0] = await freePorts(2)
  const dataFolder = await mkdtemp(join(tmpdir(), 'leaf-test-'))
  const url = `http://localhost:${port}`
  let env: Record<string, string> = {
    ...inherited(),
    LEAF_DATA_DIR: dataFolder,
    PDS_PORT: String(port),
    PLC_PORT: String(plcPort),
    PUBLIC_URL: url,
    PDS_RATE_LIMITS: 'off',
    ...options.env,
  }
  let current: Run | undefined
  let log = ''
  let startMs = 0

  const start = async (more: Readonly<Record<string, string>> = {}) => {
    env = { ...env, ...more }
    const started = performance.now()
    current = runLeaf(env, text => {
      log = (log + text).slice(-logCharsMax)
    })
    try {
      await waitUntilReady(url, current, () => log.slice(-logCharsTold))
    } catch (error) {
      await end(current, 'SIGKILL')
      throw error
    }
    startMs = performance.now() - started
  }
  const stop = async () => {
    const run = current
    if (run === undefined) return
    current = undefined
    const code = await end(run, 'SIGTERM')
    if (code !== 0) throw new Error(`leaf ended with ${code} after SIGTERM\n${log.slice(-logCharsTold)}`)
  }
  const kill = async () => {
    const run = current
    current = undefined
    if (run !== undefined) await end(run, 'SIGKILL')
  }
  const dispose = async () => {
    await kill()
    await rm(dataFolder, { recursive: true, force: true })
  }
  const leaf: Leaf = {
    url,
    plcUrl: `http://localhost:${plcPort}`,
    dataFolder,
    databaseUrl: env['DATABASE_URL'],
    pid: () => current?.child.pid ?? 0,
    startMs: () => startMs,
    log: () => log,
    stop,
    kill,
    start,
    dispose,
  }
  try {
    await start()
  } catch (error) {
    await dispose()
    throw error
  }
  return leaf
}

interface Run {
  readonly child: ChildProcess
  /** The exit code, or the signal's name. */
  readonly ended: Promise<number | string>
  over: number | string | undefined
}

/** Only what a program needs anyhow: no setting of the person who runs the tests may reach the server under test. */
function inherited(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_COMPILE_CACHE']
  return Object.fromEntries(names.flatMap(name => (process.env[name] ? [[name, process.env[name]]] : [])))
}

function runLeaf(env: Record<string, string>, onText: (text: string) => void): Run {
  // As `npm start` does it.
  const flags = ['--max-semi-space-size=16', '--heap-growing-percent=50', '--conditions=leaf-source']
  const child = spawn(process.execPath, [...flags, entry, 'start'], {
    env,
    cwd: fileURLToPath(root),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // A test process that dies must not leave a server behind.
  const killWithParent = () => child.kill('SIGKILL')
  process.once('exit', killWithParent)
  child.stdout.on('data', (chunk: Buffer) => onText(chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => onText(chunk.toString()))
  const run: Run = {
    child,
    over: undefined,
    ended: new Promise(resolve =>
      child.once('close', (code, signal) => {
        process.off('exit', killWithParent)
        run.over = code ?? signal ?? 'unknown'
        resolve(run.over)
      }),
    ),
  }
  return run
}

async function waitUntilReady(url: string, run: Run, log: () => string): Promise<void> {
  const deadline = performance.now() + readyMsMax
  for (;;) {
    if (run.over !== undefined) throw new Error(`leaf ended with ${run.over} before it was ready\n${log()}`)
    const status = await fetch(`${url}/readyz`).then(
      response => response.status,
      () => 0,
    )
    if (status === 200) return
    if (performance.now() > deadline) {
      throw new Error(`leaf was not ready within ${readyMsMax} ms (/readyz: ${status})\n${log()}`)
    }
    await delay(readyPollMs)
  }
}

async function end(run: Run, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string> {
  if (run.over !== undefined) return run.over
  run.child.kill(signal)
  const timer = setTimeout(() => run.child.kill('SIGKILL'), stopMsMax)
  const how = await run.ended
  clearTimeout(timer)
  return how
}
