import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'

export interface PortHolder {
  readonly pid: number
  readonly name: string
}

/** Processes that are looked through at most. */
const processesMax = 20_000

/**
 * Who listens on a TCP port of this machine, from `/proc`. Undefined where there is no `/proc`, or where the process
 * belongs to somebody else and this user may not look.
 */
export async function portHolder(port: number): Promise<PortHolder | undefined> {
  const inodes = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const inode of listeningInodes(await readText(table), port)) inodes.add(`socket:[${inode}]`)
  }
  if (inodes.size === 0) return undefined
  const pids = (await readdir('/proc').catch(() => []))
    .filter(name => /^\d+$/.test(name))
    .slice(0, processesMax)
  for (const pid of pids) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
      if (inodes.has(target)) return { pid: Number(pid), name: await processName(pid) }
    }
  }
  return undefined
}

/** The inodes of the sockets that listen (state 0A) on `port`, from the text of `/proc/net/tcp`. */
export function listeningInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const inodes: string[] = []
  for (const line of table.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/)
    const inode = fields[9]
    if (fields[1]?.endsWith(suffix) === true && fields[3] === '0A' && inode !== undefined) inodes.push(inode)
  }
  return inodes
}

/** The program and its first argument that is no option: `node server.js` says more than `node`. */
async function processName(pid: string): Promise<string> {
  const [program = '', ...rest] = (await readText(`/proc/${pid}/cmdline`)).split('\0')
  const name = basename(program)
  const script = rest.find(argument => argument !== '' && !argument.startsWith('-'))
  if (name === '') return (await readText(`/proc/${pid}/comm`)).trim()
  return script === undefined ? name : `${name} ${basename(script)}`
}

async function readText(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '')
}
