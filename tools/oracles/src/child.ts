import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** How long a neighbour may take to say that it is ready. */
const readyMsMax = 60_000
/** How long a neighbour may take to end after SIGTERM before it is killed. */
const stopMsMax = 10_000
/** Characters of a neighbour's output that are kept for the message of a failure. */
const outputCharsMax = 64_000

export interface Neighbour<Ready> {
  readonly ready: Ready
  readonly pid: number
  /** The end of what the process printed, for failure messages. */
  output(): string
  /** Sends a message over the IPC channel. */
  send(message: object): void
  /** Calls `listener` for every IPC message after the ready one. */
  onMessage(listener: (message: unknown) => void): void
  /** SIGTERM, then SIGKILL after ten seconds. Resolves when the process has ended. */
  stop(): Promise<void>
}

/**
 * Starts a TypeScript program beside this one as a process of its own, with an IPC channel over which its first
 * message is what it has to say when it is ready. The child is expected to end when the channel closes, so that
 * nothing is left behind when the parent dies.
 */
export async function startNeighbour<Ready>(
  program: URL,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Neighbour<Ready>> {
  const child = spawn(
    process.execPath,
    ['--conditions=leaf-source', '--no-warnings', fileURLToPath(program)],
    {
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    },
  )
  const output = keepOutput(child)
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const stop = () => stopChild(child, ended)
  try {
    const ready = await readyMessage<Ready>(child, output)
    const pid = child.pid
    if (pid === undefined) throw new Error('the neighbour has no pid')
    return {
      ready,
      pid,
      output,
      send: message => void child.send(message),
      onMessage: listener => void child.on('message', listener),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function keepOutput(child: ChildProcess): () => string {
  let kept = ''
  const keep = (chunk: Buffer) => {
    kept = (kept + chunk.toString()).slice(-outputCharsMax)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return () => kept
}

function readyMessage<Ready>(child: ChildProcess, output: () => string): Promise<Ready> {
  return new Promise<Ready>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${why}\n${output()}`))
    const timer = setTimeout(() => fail(`the neighbour was not ready within ${readyMsMax} ms`), readyMsMax)
    child.once('message', message => {
      clearTimeout(timer)
      resolve(message as Ready)
    })
    child.once('error', error => {
      clearTimeout(timer)
      reject(error)
    })
    child.once('close', code => {
      clearTimeout(timer)
      fail(`the neighbour ended with code ${code} before it was ready`)
    })
  })
}

async function stopChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax)
  await ended
  clearTimeout(timer)
}
