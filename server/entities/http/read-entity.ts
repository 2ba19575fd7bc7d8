/** `GET /entities/v1/<namespace>/<subspace>/<path>`: an entity, or with `?children` what stands one step below. */
import type { Database } from '../../kernel/storage/database.ts'
import { Refusal } from '../../kernel/errors.ts'
import { hexOf, id32Of } from '../hex.ts'
import { pathToText } from '../path-text.ts'
import type { Reading, Viewer } from '../store/reading.ts'
import { entityToJson } from './entity-json.ts'
import { type Exchange, numberOf, sendJson } from './exchange.ts'
import { readPlace } from './places.ts'

const prefix = '/entities/v1/'
const pageMax = 200
const pageDefault = 50
/** A cursor is a key: the longest path, escaped. */
const cursorCharsMax = 20_000

export interface ReadEntityOptions {
  readonly database: Database
  readonly reading: Reading
  readonly viewerOf: (exchange: Exchange) => Promise<Viewer>
}

export function createReadEntity({ database, reading, viewerOf }: ReadEntityOptions) {
  return async (exchange: Exchange): Promise<void> => {
    const { query, path } = exchange
    const { namespace, subspace, path: entityPath } = await readPlace(database, path.slice(prefix.length))
    const limit = numberOf(query, 'limit', { min: 1, max: pageMax, fallback: pageDefault })
    if (subspace === undefined) {
      const after = id32Of(query.get('cursor') ?? '')
      const found = await reading.publicSubspaces(namespace, after, limit)
      const next = found.length < limit ? undefined : found.at(-1)
      return sendJson(exchange, {
        namespace: hexOf(namespace),
        subspaces: found.filter(one => one.length > 0).map(hexOf),
        ...(next === undefined ? {} : { cursor: hexOf(next) }),
      })
    }
    const view = await reading.open({ namespace, subspace }, await viewerOf(exchange))
    if (view === undefined) throw nothing()
    if (query.has('children')) {
      const from = cursorOf(query)
      const { children, next } = await view.children(entityPath, { from, limit })
      return sendJson(exchange, {
        namespace: hexOf(namespace),
        subspace: hexOf(subspace),
        path: pathToText(entityPath),
        children: children.map(child => ({ path: pathToText(child.path), entity: child.isEntity })),
        ...(next === undefined ? {} : { cursor: Buffer.from(next).toString('base64url') }),
      })
    }
    const state = await view.entity(entityPath)
    if (state.kind !== 'ready' && state.kind !== 'incomplete') throw nothing()
    sendJson(exchange, await entityToJson(view, state, entityPath))
  }
}

function cursorOf(query: URLSearchParams): Uint8Array | undefined {
  const text = query.get('cursor')
  if (text === null) return undefined
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length > cursorCharsMax)
    throw new Refusal('invalid', 'expected a cursor as an earlier page gave it')
  return new Uint8Array(Buffer.from(text, 'base64url'))
}

/** The same for what is not there and what is not public. */
const nothing = () => new Refusal('missing', 'there is no entity here, or it is not public')
