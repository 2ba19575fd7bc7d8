/** Child processes that do dangerous work: bounded in memory, without our environment, gone when we are gone. */
import { spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import process from 'node:process'
import { Duplex, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createFrameReader, frameOf } from './frames.ts'

export interface ChildOptions {
  /** A module that calls `serveFrames`. */
  readonly program: URL
  /** What it finds as `childArguments()`. */
  readonly arguments: readonly string[]
  /** Its working folder; must exist. */
  readonly folder: string
  /** Address space of the process, in bytes; not enforced where the system cannot. */
  readonly memoryBytesMax: number
  /** JavaScript's share of it, in bytes. */
  readonly heapBytesMax: number
  /** A longer frame from the child ends it. */
  readonly frameBytesMax: number
  readonly onFrame: (frame: Uint8Array) => void
  /** Called once, however it ended; no frame follows. */
  readonly onEnd: (reason: string) => void
}

export interface Child {
  readonly pid: number | undefined
  /** Frames arrive in order. Sent to a child that has ended: forgotten. */
  send(frame: Uint8Array): void
  /** From now on it gets a small share while others work; there is no way back. */
  yieldToOthers(): void
  /** Ends it now, whatever it does. */
  kill(): void
}

export type SpawnChild = (options: ChildOptions) => Child

/** Whether the address space of children can be bounded here. */
export const boundsChildMemory = process.platform === 'linux'

/** The descriptor on which a child finds us. */
export const frameDescriptor = 3

/**
 * Starts a child in a process group of its own, without our environment. A shell stays beside it that reads from us:
 * when we end, however we end, the shell reads the end of the file and kills the child, which might hear nothing itself.
 */
export const spawnChild: SpawnChild = options => {
  const { program, folder, onFrame, onEnd } = options
  const child = spawn(...commandOf(options), {
    cwd: folder,
    env: environment(),
    stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  let ended = false
  const kill = () => killGroup(child.pid, () => child.kill('SIGKILL'))
  const end = (reason: string) => {
    if (ended) return
    ended = true
    kill()
    onEnd(reason)
  }
  const pipe = child.stdio[frameDescriptor]
  if (!(pipe instanceof Duplex)) throw new Error(`no pipe to ${fileURLToPath(program)}`)
  const read = createFrameReader(options.frameBytesMax, frame => {
    if (!ended) onFrame(frame)
  })
  pipe.on('data', (chunk: Buffer) => {
    if (!read(chunk)) end(`sent a frame of more than ${options.frameBytesMax} bytes`)
  })
  pipe.once('end', () => end('closed its pipe'))
  pipe.on('error', error => end(error.message))
  child.stdin?.on('error', error => end(error.message))
  // The shell says which process it started.
  let workerPid = process.platform === 'win32' ? child.pid : undefined
  if (child.stdout instanceof Readable) {
    child.stdout.once('data', (line: Buffer) => {
      workerPid = Number(line.toString('latin1')) || undefined
      child.stdout?.destroy()
    })
    child.stdout.on('error', error => end(error.message))
  }
  child.once('error', error => end(error.message))
  child.once('exit', (code, signal) => end(`ended with ${signal ?? code}`))
  child.unref()
  return {
    pid: child.pid,
    send: frame => {
      if (ended) return
      pipe.cork()
      pipe.write(frameOf(frame.length))
      pipe.write(frame)
      pipe.uncork()
    },
    yieldToOthers: () => {
      if (!ended && workerPid !== undefined) lowerPriority(workerPid)
    },
    kill: () => {
      if (!ended) kill()
    },
  }
}

function commandOf(options: ChildOptions): [string, string[]] {
  const path = fileURLToPath(options.program)
  const mebibytes = Math.floor(options.heapBytesMax / (1024 * 1024))
  const node = [
    process.execPath,
    '--no-warnings',
    // Fewer threads: less address space, and less memory. The program has no use for them.
    '--v8-pool-size=0',
    '--max-semi-space-size=4',
    `--max-old-space-size=${mebibytes}`,
    ...(path.endsWith('.ts') ? ['--conditions=leaf-source'] : []),
    path,
    ...options.arguments,
  ]
  if (process.platform === 'win32') return [node[0] ?? '', node.slice(1)]
  // The shell lets go of the pipe, so that its end is heard when the child ends.
  const limit = boundsChildMemory
    ? `ulimit -v ${Math.floor(options.memoryBytesMax / 1024)} || exit 78; ulimit -c 0; `
    : ''
  return [
    '/bin/sh',
    [
      '-c',
      `${limit}"$@" >/dev/null & exec ${frameDescriptor}>&-; echo $!; read -r end; kill -9 $!`,
      'sh',
      ...node,
    ],
  ]
}

/** Not ours; only what makes it small and quick to start. */
function environment(): Record<string, string> {
  const cache = getCompileCacheDir()
  return {
    MALLOC_ARENA_MAX: '1',
    ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) }),
  }
}

/** A third of the share of others. */
const lowPriority = 5

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, lowPriority)
  } catch {
    // It has ended meanwhile, or the system does not let us: then it is as quick as everybody.
  }
}

function killGroup(pid: number | undefined, otherwise: () => void): void {
  if (pid === undefined) return
  if (process.platform === 'win32') return otherwise()
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It is gone already.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
