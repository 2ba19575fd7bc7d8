/**
 * Completes `package-lock.json` after `npm install --package-lock-only`. Packages with native parts name one optional
 * package for every platform; a registry that does not carry all of them leaves holes in the lock, and `npm ci` then
 * refuses it everywhere. The entries that are missing are for other platforms: name, version, system and processor
 * are all that is needed to pass them over.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

interface Entry {
  readonly version?: string
  readonly dev?: true
  readonly license?: string
  readonly engines?: unknown
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const systems = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'openharmony',
  'win32',
  'aix',
  'sunos',
  'netbsd',
  'openbsd',
]
const processors = ['arm64', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'arm']

const file = fileURLToPath(new URL('../package-lock.json', import.meta.url))
const lock: { packages: Record<string, Entry> } = JSON.parse(readFileSync(file, 'utf8'))
const { packages } = lock

/** Whether npm would find `name` from the package at `path`: there, or in a folder above. */
function isLocked(path: string, name: string): boolean {
  for (let at = path; ; ) {
    if (packages[`${at === '' ? '' : `${at}/`}node_modules/${name}`] !== undefined) return true
    if (at === '') return false
    const cut = at.lastIndexOf('node_modules/')
    at = cut <= 0 ? '' : at.slice(0, cut - 1)
  }
}

function platformOf(name: string): { os: string[]; cpu: string[]; libc?: string[] } | undefined {
  const words = name.split('/').at(-1)?.split('-') ?? []
  const os = systems.find(system => words.includes(system))
  const cpu = processors.find(processor => words.includes(processor))
  if (os === undefined || cpu === undefined) return undefined
  const libc = words.some(word => word.startsWith('musl'))
    ? 'musl'
    : words.some(word => word.startsWith('gnu'))
      ? 'glibc'
      : undefined
  return { os: [os], cpu: [cpu], ...(libc === undefined || os !== 'linux' ? {} : { libc: [libc] }) }
}

let added = 0
for (const [path, entry] of Object.entries({ ...packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const platform = platformOf(name)
    if (isLocked(path, name) || platform === undefined || !/^\d/.test(version)) continue
    const { dev, license, engines } = entry
    packages[`node_modules/${name}`] = {
      version,
      ...(dev === undefined ? {} : { dev }),
      ...(license === undefined ? {} : { license }),
      ...(engines === undefined ? {} : { engines }),
      optional: true,
      ...platform,
    } as Entry
    added += 1
  }
}
const [root, ...rest] = Object.entries(packages)
lock.packages = Object.fromEntries([
  ...(root === undefined ? [] : [root]),
  ...rest.toSorted(([a], [b]) => a.localeCompare(b, 'en')),
])
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
process.stdout.write(`${added} packages of other platforms added\n`)
