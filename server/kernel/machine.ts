/** What `leaf doctor` looks at: the disk, names, certificates. */
import { lookup } from 'node:dns/promises'
import { access, constants, open, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import type { Random } from './random.ts'

/** What this machine calls itself. */
export { hostname } from 'node:os'

export interface FolderState {
  readonly writable: boolean
  /** Whether other users of the machine may look into it. */
  readonly openToOthers: boolean
  readonly freeBytes: number
}

/** The state of a folder; undefined when it is not there. Throws when the path is no folder. */
export async function folderState(path: string): Promise<FolderState | undefined> {
  const found = await stat(path).catch(absent)
  if (found === undefined) return undefined
  if (!found.isDirectory()) throw new Error(`${path} is not a folder`)
  const disk = await statfs(path)
  const writable = await access(path, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  return { writable, openToOthers: (found.mode & 0o007) !== 0, freeBytes: disk.bavail * disk.bsize }
}

function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

const fsyncRounds = 15

/** How long the disk takes to make 4 KiB durable: the median, in milliseconds. Writes a small file and removes it. */
export async function fsyncMs(folder: string, random: Random): Promise<number> {
  const path = join(folder, `.leaf-doctor-${Buffer.from(random.bytes(6)).toString('hex')}`)
  const file = await open(path, 'wx', 0o600)
  try {
    const page = Buffer.alloc(4096, 1)
    const times: number[] = []
    for (let round = 0; round < fsyncRounds; round++) {
      const start = performance.now()
      await file.write(page)
      await file.datasync()
      times.push(performance.now() - start)
    }
    return times.toSorted((a, b) => a - b)[fsyncRounds >> 1] ?? 0
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
}

/** The addresses of a name, ascending; none when it does not resolve. */
export async function addressesOf(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true }).catch(() => [])
  return [...new Set(found.map(({ address }) => address))].toSorted()
}

export interface Certificate {
  /** Milliseconds since the epoch. */
  readonly validToMs: number
  /** Why browsers would not accept it for the name; undefined when they would. */
  readonly problem: string | undefined
}

const tlsMsMax = 5000

/** The certificate that `host` shows for `name`. Throws when there is no TLS there. */
export function certificateOf(host: string, port: number, name: string): Promise<Certificate> {
  return new Promise((resolve, reject) => {
    // Whatever it shows is looked at, not trusted: nothing is sent.
    const socket = connect({ host, port, servername: name, rejectUnauthorized: false })
    socket.setTimeout(tlsMsMax, () => socket.destroy(new Error(`no TLS handshake within ${tlsMsMax} ms`)))
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate()
      const problem = socket.authorized ? undefined : String(socket.authorizationError)
      socket.destroy()
      resolve({ validToMs: Date.parse(certificate.valid_to), problem })
    })
  })
}
