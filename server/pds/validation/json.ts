/** ATProto's data model in JSON. https://atproto.com/specs/data-model */
import { type Fault, fault } from './faults.ts'
import { isCidText } from './strings.ts'

/** How deep JSON may be nested; DAG-CBOR readers of the network stop somewhere above. */
export const jsonDepthMax = 128

/** An object that is a map: not a link, not bytes. */
export type JsonMap = Record<string, unknown>

export interface JsonLink {
  readonly $link: string
}

export interface JsonBytes {
  readonly $bytes: string
}

/** A blob as records refer to it. */
export interface JsonBlobRef {
  readonly $type: 'blob'
  readonly ref: JsonLink
  readonly mimeType: string
  readonly size: number
}

export function isMap(value: unknown): value is JsonMap {
  return isObject(value) && !('$link' in value && isLink(value)) && !('$bytes' in value && isBytes(value))
}

function isObject(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isLink(value: unknown): value is JsonLink {
  if (!isObject(value)) return false
  const { $link } = value
  return typeof $link === 'string' && keyCount(value) === 1 && isCidText($link)
}

export function isBytes(value: unknown): value is JsonBytes {
  if (!isObject(value)) return false
  const { $bytes } = value
  return typeof $bytes === 'string' && keyCount(value) === 1 && base64.test($bytes)
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/

function keyCount(value: JsonMap): number {
  return Object.keys(value).length
}

/** Whether this is a blob reference as it is made today: exactly its four members, the CID of a raw block. */
export function isBlobRef(value: unknown): value is JsonBlobRef {
  if (!isObject(value) || value['$type'] !== 'blob') return false
  const { ref, mimeType, size } = value
  return (
    isLink(ref) &&
    ref.$link.startsWith('bafkrei') &&
    typeof mimeType === 'string' &&
    mimeType.includes('/') &&
    typeof size === 'number' &&
    Number.isSafeInteger(size) &&
    size >= 0 &&
    keyCount(value) === 4
  )
}

/** Whether this looks like a blob reference of the network's first months, which nobody may make any more. */
function isLegacyBlobRef(value: JsonMap): boolean {
  const { cid, mimeType } = value
  return (
    typeof cid === 'string' &&
    typeof mimeType === 'string' &&
    mimeType.length > 0 &&
    keyCount(value) === 2 &&
    cid.startsWith('bafkrei') &&
    isCidText(cid)
  )
}

/** What `walkJson` reports beside faults. */
export interface JsonWalk {
  readonly blobs: JsonBlobRef[]
  legacyBlob: string | undefined
}

/**
 * Looks at every value once: numbers are safe integers, nesting is bounded, `$link` and `$bytes` are well formed, and no
 * key is one that the encoder cannot carry. Collects blob references in the order in which they stand.
 */
export function walkJson(value: unknown, walk: JsonWalk, depth = 0): Fault | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isSafeInteger(value) ? undefined : fault(`Expected integer value type (got ${value})`)
    default:
      break
  }
  if (value === null) return undefined
  if (depth >= jsonDepthMax) return fault(`nested deeper than ${jsonDepthMax}`)
  return Array.isArray(value)
    ? walkArray(value, walk, depth)
    : isObject(value)
      ? walkMap(value, walk, depth)
      : undefined
}

function walkArray(value: readonly unknown[], walk: JsonWalk, depth: number): Fault | undefined {
  for (let index = 0; index < value.length; index += 1) {
    const found = walkJson(value[index], walk, depth + 1)
    if (found !== undefined) return at(index, found)
  }
  return undefined
}

function walkMap(value: JsonMap, walk: JsonWalk, depth: number): Fault | undefined {
  if ('$link' in value) return isLink(value) ? undefined : fault('Invalid $link object')
  if ('$bytes' in value) return isBytes(value) ? undefined : fault('Invalid $bytes object')
  const type = value['$type']
  if (type === 'blob' && isBlobRef(value)) {
    walk.blobs.push(value)
    return undefined
  }
  if (type === undefined && walk.legacyBlob === undefined && isLegacyBlobRef(value)) {
    walk.legacyBlob = String(value['cid'])
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__') return fault(`Invalid key: ${key}`)
    const member = value[key]
    if (typeof member === 'string' || typeof member === 'boolean') continue
    const found = walkJson(member, walk, depth + 1)
    if (found !== undefined) return at(key, found)
  }
  return undefined
}

function at(name: string | number, found: Fault): Fault {
  found.path.unshift(name)
  return found
}

/** Whether values are nested deeper than `depth`; looks no deeper than that. */
export function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (depth === 0) return true
  if (Array.isArray(value)) {
    for (const item of value) if (isDeeperThan(item, depth - 1)) return true
    return false
  }
  for (const member of Object.values(value)) if (isDeeperThan(member, depth - 1)) return true
  return false
}
