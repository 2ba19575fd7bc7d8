/** The processes of a Leaf, as Linux shows them. */
import { readdirSync, readFileSync } from 'node:fs'

/** The processes that `pid` started and that run now. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap(task => {
    const text = readOr(`/proc/${pid}/task/${task}/children`)
    return text.split(' ').filter(Boolean).map(Number)
  })
}

/** MiB that the whole tree takes; what several share is counted once. */
export function treePssMib(pid: number): number {
  const own = Number(/^Pss:\s+(\d+) kB/m.exec(readOr(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1024
  return childrenOf(pid).reduce((sum, child) => sum + treePssMib(child), own)
}

/** Empty for a process that has ended meanwhile. */
function readOr(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
