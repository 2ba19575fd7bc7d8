/** What a like, repost, follow or block points at: there is to be one of each for a subject. */
import { isAtUriString, isValidDid } from '@atproto/syntax'

const collectionsOfUris: ReadonlySet<string> = new Set(['app.bsky.feed.like', 'app.bsky.feed.repost'])
const collectionsOfDids: ReadonlySet<string> = new Set(['app.bsky.graph.follow', 'app.bsky.graph.block'])

/** Whether records of this collection point at something of which there is to be one. */
export function hasBacklinks(collection: string): boolean {
  return collectionsOfUris.has(collection) || collectionsOfDids.has(collection)
}

/** The subject of a record, JSON or decoded DAG-CBOR: an at-uri or a DID; undefined when it has none that is valid. */
export function subjectOf(collection: string, record: unknown): string | undefined {
  if (collectionsOfDids.has(collection)) {
    const did = memberOf(record, 'subject')
    return typeof did === 'string' && isValidDid(did) ? did : undefined
  }
  if (!collectionsOfUris.has(collection)) return undefined
  const uri = memberOf(memberOf(record, 'subject'), 'uri')
  return typeof uri === 'string' && isAtUriString(uri) ? uri : undefined
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined
}
