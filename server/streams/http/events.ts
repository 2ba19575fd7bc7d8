/** `GET /streams/<did>/events`: the log in pages, and what is new. */
import { createHash } from 'node:crypto'
import { Refusal } from '../../kernel/errors.ts'
import type { ChainedEvent, Streams } from '../stream/contract.ts'
import { drislOfEvents, jsonOfEvents } from './event-form.ts'
import type { Live } from './live.ts'
import { corsHeaders, drislType, integerOf, jsonType, type Read, send, wantsDrisl } from './request.ts'

export const pageEventsMax = 1000
const pageEventsDefault = 100
/** Payloads of a page together; one event may be larger. A part of the page's identity: changing it changes pages. */
export const pageBytesMax = 1024 * 1024

type LogStreams = Pick<Streams, 'mayReadLog' | 'head' | 'readLog' | 'waitPast'>

/** Pages, long polls and server-sent events. */
export function createReadEvents(deps: {
  readonly streams: LogStreams
  readonly live: Live
}): (read: Read) => Promise<void> {
  const { streams, live } = deps
  return async read => {
    const { stream, params, caller } = read
    const after = integerOf(params, 'after', { min: 0, max: Number.MAX_SAFE_INTEGER }) ?? 0
    const limit = integerOf(params, 'limit', { min: 1, max: pageEventsMax }) ?? pageEventsDefault
    // Whoever asks for the head alone does not wait.
    const mode = read.request.method === 'HEAD' ? null : params.get('live')
    // Also says that there is no such stream.
    const head = await streams.head(stream)
    if (!(await streams.mayReadLog(caller, stream)))
      throw new Refusal(
        caller.did === null ? 'unauthenticated' : 'forbidden',
        'the log of this stream is for its owners: its module does not say that it is public',
      )
    switch (mode) {
      case null:
        return sendPage(read, { streams, after, limit, head })
      case 'long-poll':
        return sendPage(read, { streams, after, limit, head: await live.poll(read, after, head) })
      case 'sse':
        return live.follow(read, after)
      default:
        throw new Refusal('invalid', `live: expected long-poll or sse, got "${mode.slice(0, 40)}"`)
    }
  }
}

interface Page {
  readonly streams: Pick<Streams, 'readLog' | 'mayReadLog'>
  readonly after: number
  readonly limit: number
  readonly head: number
}

async function sendPage(read: Read, { streams, after, limit, head }: Page): Promise<void> {
  const events = head > after ? await streams.readLog(read.stream, after, limit, pageBytesMax) : []
  const last = events.at(-1)?.idx ?? after
  const drisl = wantsDrisl(read)
  const headers: Record<string, string> = {
    'stream-head': String(Math.max(head, last)),
    'stream-next-offset': String(last),
    'stream-up-to-date': String(last >= head),
  }
  // A page is final when nothing can be added to it: it is full, or events follow it.
  if (events.length === limit || last < head) {
    const etag = etagOf(events, drisl)
    headers['etag'] = etag
    headers['cache-control'] = `${await scopeOf(read, streams)}, max-age=31536000, immutable`
    if (read.request.headers['if-none-match'] === etag) {
      read.response.writeHead(304, { ...corsHeaders, ...headers, vary: 'accept, authorization' }).end()
      return
    }
  }
  send(read, drisl ? drislType : jsonType, drisl ? drislOfEvents(events) : jsonOfEvents(events), headers)
}

/** Shared caches may keep what everybody may read. */
async function scopeOf({ stream }: Read, streams: Pick<Streams, 'mayReadLog'>): Promise<string> {
  const isPublic = await streams.mayReadLog({ did: null, unsafe: false }, stream)
  return isPublic ? 'public' : 'private'
}

/** Of what the page says. The chain's hash of its last event's predecessor stands for all before. */
function etagOf(events: readonly ChainedEvent[], drisl: boolean): string {
  const hash = createHash('sha256')
  for (const { idx, prevHash, signature } of events) hash.update(`${idx}.`).update(prevHash).update(signature)
  return `"${hash.digest('base64url').slice(0, 27)}${drisl ? 'd' : 'j'}"`
}
