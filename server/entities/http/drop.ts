/** `GET|POST /entities/drop`: entries with their payloads as one file. https://willowprotocol.org/specs/drop-format/ */
import { exportDrop, importDrop } from '@leaf/entities/drop/store-drop'
import { isDropFault } from '@leaf/entities/drop/read-drop'
import { prefixOf } from '@leaf/entities/leaf/entity-path'
import type { Verifier } from '@leaf/entities/meadowcap/verify'
import type { EntryStore, IngestOutcome } from '@leaf/entities/store/contract'
import { allTimes, intersectAreas } from '@leaf/entities/willow/area'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { decodedBody } from '../../kernel/http/body.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Random } from '../../kernel/random.ts'
import type { BlobStore } from '../../kernel/storage/blobs.ts'
import type { Database } from '../../kernel/storage/database.ts'
import type { Throttle } from '../middleware/throttle.ts'
import type { Reading, Viewer } from '../store/reading.ts'
import { type Exchange, sendJson } from './exchange.ts'
import { readPlace } from './places.ts'

/** A drop lies here while it is read: once to verify all of it, and once to take it. */
export const dropPrefix = 'entities/drop/'
/** A drop that is older was left behind by a server that ended. */
const leftMs = 6 * 3_600_000
const namesAtOnce = 200

export interface DropOptions {
  readonly database: Database
  readonly store: EntryStore
  readonly verifier: Verifier
  readonly blobs: BlobStore
  readonly reading: Reading
  readonly viewerOf: (exchange: Exchange) => Promise<Viewer>
  readonly throttle: Throttle
  readonly dropBytesMax: number
  readonly payloadBytesMax: number
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly onTaken: (outcomes: readonly IngestOutcome[]) => void
}

export interface Drops {
  take(exchange: Exchange): Promise<void>
  give(exchange: Exchange): Promise<void>
  /** Removes what a server that ended has left behind. */
  sweep(): Promise<void>
}

export function createDrops(options: DropOptions): Drops {
  const { database, store, verifier, blobs, reading, clock, random } = options

  const take = async (exchange: Exchange): Promise<void> => {
    const name = `${dropPrefix}${clock.now()}-${Buffer.from(random.bytes(12)).toString('hex')}`
    try {
      await blobs.put(name, decodedBody(exchange.request), { bytesMax: options.dropBytesMax })
      const taken = await importDrop({
        store: counted(store, options, exchange.context.address),
        verifier,
        payloadBytesMax: options.payloadBytesMax,
        open: () => read(blobs, name),
      })
      sendJson(exchange, { ...taken, refused: Object.fromEntries(taken.refused) })
    } catch (error) {
      if (isDropFault(error))
        throw new Refusal('invalid', `nothing of the drop was taken: ${error.message}`, { cause: error })
      throw error
    } finally {
      await blobs.remove(name)
    }
  }

  const give = async (exchange: Exchange): Promise<void> => {
    const { request, response, query } = exchange
    const place = `${query.get('namespace') ?? 'communal'}/${query.get('subspace') ?? ''}/${query.get('path') ?? ''}`
    const { namespace, subspace, path } = await readPlace(database, place)
    if (subspace === undefined)
      throw new Refusal('invalid', 'expected a subspace: ?subspace=<64 hex digits or a DID>')
    const wanted = { subspace, path: prefixOf(path), times: allTimes }
    const readable = await reading.areas({ namespace, subspace }, await options.viewerOf(exchange))
    const areas = readable.flatMap(one => {
      const area = intersectAreas(one, wanted)
      return area === undefined ? [] : [{ namespace, area }]
    })
    if (areas.length === 0) throw new Refusal('missing', 'nothing is public here')
    response.setHeader('cache-control', 'no-cache')
    response.setHeader('vary', 'authorization, cookie')
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="entities.drop"',
    })
    if (request.method === 'HEAD') return void response.end()
    for await (const piece of exportDrop({ store, areas, delegated: true })) {
      if (response.destroyed) return
      if (!response.write(piece)) await drained(response)
    }
    response.end()
  }

  return {
    take,
    give,
    sweep: async () => {
      for (const name of await blobs.list(dropPrefix, { limit: namesAtOnce })) {
        const at = Number(name.slice(dropPrefix.length).split('-')[0])
        if (at < clock.now() - leftMs) await blobs.remove(name)
      }
    },
  }
}

/** Entries of a drop count and wait like those that are synced. */
function counted(
  store: EntryStore,
  { throttle, onTaken }: Pick<DropOptions, 'throttle' | 'onTaken'>,
  address: string,
): EntryStore {
  return {
    ...store,
    ingest: async (entries, given) => {
      await throttle.wait(address, entries.length)
      const outcomes = await store.ingest(entries, given)
      onTaken(outcomes)
      return outcomes
    },
  }
}

async function* read(blobs: BlobStore, name: string): AsyncGenerator<Uint8Array> {
  const found = await blobs.get(name)
  if (found === undefined) throw new Refusal('unavailable', 'the drop was lost while it was read')
  yield* found.body
}

function drained(response: Exchange['response']): Promise<void> {
  return new Promise(resolve => {
    const goOn = () => {
      response.off('drain', goOn).off('close', goOn)
      resolve()
    }
    response.once('drain', goOn).once('close', goOn)
  })
}
