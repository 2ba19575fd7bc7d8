import { readCar } from '@atproto/repo'
import type { Answer } from '../support/http.ts'

/**
 * What an answer looks like, values left out: kinds of strings instead of strings, the set of its elements' shapes
 * instead of an array, roots and kinds of blocks instead of a CAR.
 */
export async function shapeOf(answer: Answer): Promise<unknown> {
  const type = (answer.headers.get('content-type') ?? '').split(';')[0]
  if (answer.bytes.length === 0) return 'nothing'
  if (type === 'application/json') return shapeOfValue(answer.json)
  if (type === 'application/vnd.ipld.car' && answer.status === 200) return shapeOfCar(answer.bytes)
  return `${answer.bytes.length} bytes of ${type}`
}

function shapeOfValue(value: unknown): unknown {
  if (value === null) return 'null'
  if (Array.isArray(value)) {
    return [...new Set(value.map(one => JSON.stringify(shapeOfValue(one))))]
      .toSorted()
      .map(text => JSON.parse(text))
  }
  if (typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, one]) => [name, shapeOfValue(one)]),
    )
  }
  return typeof value === 'string' ? kindOf(value) : typeof value
}

const kinds: readonly (readonly [string, RegExp])[] = [
  ['did:key', /^did:key:z[A-Za-z0-9]+$/],
  ['did', /^did:[a-z]+:[A-Za-z0-9.:%-]+$/],
  ['at-uri', /^at:\/\/.+$/],
  ['cid', /^baf[a-z2-7]{50,}$/],
  ['tid', /^[2-7a-z]{13}$/],
  ['datetime', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/],
  ['jwt', /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/],
  ['handle', /^[a-z0-9-]+(\.[a-z0-9-]+)*\.test$/],
  ['app password', /^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/],
  ['multikey', /^z[1-9A-HJ-NP-Za-km-z]{40,}$/],
]

function kindOf(value: string): string {
  return kinds.find(([, pattern]) => pattern.test(value))?.[0] ?? 'string'
}

async function shapeOfCar(bytes: Uint8Array): Promise<unknown> {
  const { roots, blocks } = await readCar(bytes)
  return { roots: roots.length, blocks: blocks.size === 0 ? 'none' : 'some' }
}

/** The name of an XRPC error, or undefined. */
export function errorOf(answer: Answer): string | undefined {
  const json = answer.json as { error?: unknown } | undefined
  return answer.status >= 400 && typeof json?.error === 'string' ? json.error : undefined
}
