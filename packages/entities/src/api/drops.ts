/** Entities in files: drops, as other stores of Willow write and read them. */
import { prefixOf } from '../leaf/entity-path.ts'
import type { Verifier } from '../meadowcap/verify.ts'
import type { ImportedDrop } from '../drop/store-drop.ts'
import { allTimes, type Area } from '../willow/area.ts'
import { timestampOf } from '../willow/timestamp.ts'
import { libraryPath } from './library.ts'
import { createOwnEdits, type OwnEditsDependencies } from './own-edits.ts'
import type { Platform } from './platform.ts'
import type { Space } from './space.ts'

export interface ExportOptions {
  /** Default: all of the space's own subspace. */
  readonly areas?: readonly Area[]
  /** Also the schemas and what explains them, of every subspace that is exported. Default: yes. */
  readonly selfContained?: boolean
  /** Also what was written by rights that were passed on; not every reader of drops knows those yet. Default: no. */
  readonly delegated?: boolean
}

/** A file on its way: whole, or piece by piece. */
export interface Drop extends AsyncIterable<Uint8Array> {
  bytes(): Promise<Uint8Array>
}

export interface DropDependencies extends OwnEditsDependencies {
  readonly verifier: Verifier
  readonly platform: Platform
}

/** Everything that the areas have. Throws DropError `delegated` while it is read. */
export function exportSpace(space: Space, options: ExportOptions, { store }: DropDependencies): Drop {
  const { namespace } = space
  const wanted = options.areas ?? [space.area()]
  const libraries = options.selfContained === false ? [] : wanted.map(libraryOf)
  const areas = [...wanted, ...libraries].map(area => ({ namespace, area }))
  async function* pieces(): AsyncGenerator<Uint8Array> {
    // Loaded by those who make drops.
    const { exportDrop } = await import('../drop/store-drop.ts')
    yield* exportDrop({ store, areas, delegated: options.delegated ?? false })
  }
  return {
    [Symbol.asyncIterator]: pieces,
    bytes: async () => {
      const all: Uint8Array[] = []
      for await (const piece of pieces()) all.push(piece)
      return new Uint8Array(await new Blob(all.map(piece => piece.slice())).arrayBuffer())
    },
  }
}

function libraryOf({ subspace }: Area): Area {
  return { subspace, path: prefixOf(libraryPath), times: allTimes }
}

/** Entries that are further in the future than this are not taken. */
const futureMsMax = 10 * 60_000

/** Takes a drop, all of it or nothing. `drop` is read twice when it is a function. Throws MalformedError, DropError. */
export async function importInto(
  drop: Uint8Array | (() => AsyncIterable<Uint8Array>),
  deps: DropDependencies,
): Promise<ImportedDrop> {
  const { importDrop } = await import('../drop/store-drop.ts')
  const own = createOwnEdits(deps)
  async function* whole(): AsyncGenerator<Uint8Array> {
    if (drop instanceof Uint8Array) yield drop
  }
  const imported = await importDrop({
    store: own.store,
    verifier: deps.verifier,
    open: drop instanceof Uint8Array ? whole : drop,
    ingest: { timestampMax: timestampOf(deps.platform.now() + futureMsMax) },
  })
  await own.settled()
  return imported
}
