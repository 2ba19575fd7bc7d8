import { posix } from 'node:path'
import type { Source } from './source.ts'

/** A finding: errors fail the test command, warnings are told. */
export interface Finding {
  readonly path: string
  readonly line: number
  readonly message: string
  readonly warning?: true
}

/** Which room a file belongs to, and on which floor it stands. Undefined: it may import anything, and nothing imports it. */
interface Room {
  readonly name: string
  readonly floor: number
}

const floors: readonly (readonly [RegExp, number])[] = [
  [/^packages\/codec(?=\/)/, 1],
  [/^packages\/[^/]+(?=\/)/, 2],
  [/^server\/kernel(?=\/)/, 3],
  [/^server\/(?:pds|streams|entities|skrepka)(?=\/)/, 4],
  [/^server\/(?:web|cli)(?=\/)/, 5],
  [/^server\/version\.ts$/, 3],
  [/^server\/foundation\.ts$/, 4],
  [/^server\/configuration\.ts$/, 5],
  [/^server\/compose\.ts$/, 6],
  [/^server\/main\.ts$/, 7],
  [/^server\/bin(?=\/)/, 8],
]

/** Tests, and what only tests use: suites that several engines pass, and support. */
export function isTestFile(path: string): boolean {
  return (
    /(?:\.test|(?:^|[/-])suite)\.ts$|(?:^|\/)test-[^/]+\.ts$/.test(path) || path.startsWith('server/test/')
  )
}

function roomOf(path: string): Room | undefined {
  if (isTestFile(path)) return undefined
  for (const [pattern, floor] of floors) {
    const name = pattern.exec(path)?.[0]
    if (name !== undefined) return { name, floor }
  }
  return undefined
}

/** The file or room in the project that an import means; undefined for libraries. */
function targetOf(source: Source, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(source.path), specifier)
  const own = /^@leaf\/([^/]+)(.*)$/.exec(specifier)
  return own === null ? undefined : `packages/${own[1]}/src${own[2]}.ts`
}

/** Every import must go to a lower floor, or stay in its room. */
export function checkFloors(sources: readonly Source[]): Finding[] {
  const findings: Finding[] = []
  for (const source of sources) {
    const room = roomOf(source.path)
    if (room === undefined) {
      const lost = /^(?:server|packages)\//.test(source.path) && !isTestFile(source.path)
      if (lost) findings.push({ path: source.path, line: 1, message: 'belongs to no room' })
      continue
    }
    for (const { specifier, line } of source.imports) {
      const message = wrongImport(source, room, specifier)
      if (message !== undefined) findings.push({ path: source.path, line, message })
    }
  }
  return findings
}

function wrongImport(source: Source, room: Room, specifier: string): string | undefined {
  // `src/node` holds what a package offers in Node only.
  if (
    room.floor <= 2 &&
    specifier.startsWith('node:') &&
    !/^packages\/[^/]+\/src\/node\//.test(source.path)
  ) {
    return `packages run in browsers too, so ${specifier} must be handed in`
  }
  const target = targetOf(source, specifier)
  if (target === undefined) return undefined
  if (specifier.startsWith('.') && !/\.[a-z]+$/.test(specifier))
    return `expected an import that ends in .ts, got ${specifier}`
  const other = roomOf(target)
  if (other === undefined) return `nothing imports ${target}: it is a test, a script or an example`
  if (other.name === room.name) return undefined
  if (other.floor > room.floor)
    return `${room.name} stands below ${other.name}; take a function type instead, and let compose.ts hand it in`
  return other.floor === room.floor
    ? `${room.name} and ${other.name} stand side by side; compose.ts must bring them together`
    : undefined
}

/** No file may reach itself through imports, types included. */
export function checkCycles(sources: readonly Source[]): Finding[] {
  const graph = new Map<string, string[]>()
  for (const source of sources) {
    const targets = source.imports.flatMap(({ specifier }) => targetOf(source, specifier) ?? [])
    graph.set(source.path, [...new Set(targets)])
  }
  const done = new Set<string>()
  const findings: Finding[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path)
    if (at >= 0) {
      findings.push({ path, line: 1, message: `imports itself: ${[...trail.slice(at), path].join(' → ')}` })
      return
    }
    if (done.has(path)) return
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return findings
}
