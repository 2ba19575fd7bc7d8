import {
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { quantiles } from './load.ts'

/** What the figures depend on; nothing that names the machine. */
export function machineText(): string {
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), ${memory} GiB, Node ${process.version}, ${process.platform} ${process.arch}`
}

/** How long the disk takes to append 4 KiB durably. */
export function measureFsync(): { readonly p50Ms: number; readonly p99Ms: number } {
  const folder = mkdtempSync(join(tmpdir(), 'leaf-fsync-'))
  const file = openSync(join(folder, 'probe'), 'a')
  const page = Buffer.alloc(4096, 1)
  const samples: number[] = []
  try {
    for (let n = 0; n < 300; n += 1) {
      const before = performance.now()
      writeSync(file, page)
      fdatasyncSync(file)
      samples.push(performance.now() - before)
    }
  } finally {
    closeSync(file)
    rmSync(folder, { recursive: true })
  }
  return quantiles(samples)
}

/** Proportional set size of a process and all below it, in MiB; undefined where the system does not tell. */
export function memoryMib(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    const own = Number(/^Pss: +(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024
    return childrenOf(pid).reduce((sum, child) => sum + (memoryMib(child) ?? 0), own)
  } catch {
    // Not Linux, or the process is gone.
    return undefined
  }
}

/** CPU seconds that a process has used, user and system; undefined where the system does not tell. */
export function cpuSeconds(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    // Not Linux, or the process is gone.
    return undefined
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap(task =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
      .split(' ')
      .filter(text => text !== '')
      .map(Number),
  )
}
