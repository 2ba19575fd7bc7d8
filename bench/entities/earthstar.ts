/** The peer: earthstar 10 from the registry, in memory. Its native parts are not built; what it has of its own is measured. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const version = '10.2.2'

/** The parts of earthstar's interface that are used here. */
interface Earthstar {
  readonly Crypto: {
    generateAuthorKeypair(name: string): Promise<unknown>
    generateShareKeypair(name: string): Promise<{ readonly shareAddress: string; readonly secret: string }>
  }
  readonly Replica: new (options: { readonly driver: unknown; readonly shareSecret: string }) => Replica
  readonly ReplicaDriverMemory: new (share: string) => unknown
  readonly FormatEs5: unknown
  isErr(value: unknown): boolean
}

interface Replica {
  set(author: unknown, doc: { readonly path: string; readonly text: string }): Promise<unknown>
  getAllDocs(): Promise<readonly unknown[]>
  ingest(format: unknown, doc: unknown, source: string): Promise<unknown>
}

export interface PeerFigures {
  readonly writes: number
  readonly ingests: number
}

/** Documents written and ingested a second; undefined when earthstar cannot be had here. */
export async function measureEarthstar(documents: number): Promise<PeerFigures | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'leaf-bench-earthstar-'))
  try {
    const args = [
      'install',
      '--prefix',
      folder,
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      `earthstar@${version}`,
    ]
    if (spawnSync('npm', args, { stdio: 'ignore', timeout: 120_000 }).status !== 0) return undefined
    const entry = join(folder, 'node_modules/earthstar/esm/src/entries/universal.js')
    return await run((await import(pathToFileURL(entry).href)) as Earthstar, documents)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function run(earthstar: Earthstar, documents: number): Promise<PeerFigures> {
  const author = await earthstar.Crypto.generateAuthorKeypair('suzy')
  const share = await earthstar.Crypto.generateShareKeypair('gardening')
  const open = () =>
    new earthstar.Replica({
      driver: new earthstar.ReplicaDriverMemory(share.shareAddress),
      shareSecret: share.secret,
    })
  const perSecond = (began: number) => (documents / (performance.now() - began)) * 1000
  const [first, second] = [open(), open()]
  let began = performance.now()
  for (let index = 0; index < documents; index++) {
    const outcome = await first.set(author, { path: `/posts/${index}`, text: `hello ${index}` })
    if (earthstar.isErr(outcome)) throw new Error('earthstar did not take a document')
  }
  const writes = perSecond(began)
  const docs = await first.getAllDocs()
  began = performance.now()
  for (const doc of docs) await second.ingest(earthstar.FormatEs5, doc, 'bench')
  const ingests = perSecond(began)
  if ((await second.getAllDocs()).length !== documents)
    throw new Error('earthstar did not take every document')
  return { writes, ingests }
}
