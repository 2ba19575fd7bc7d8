/** `/live`: the firehose for eyes, as server-sent events. */
import { Refusal } from '../kernel/errors.ts'
import type { Route } from '../kernel/http/route.ts'
import type { Live, LiveEvent, LiveOp } from '../pds/sync/live.ts'

/** Pages that follow at once: in all, and from one address. */
const followersMax = 1000
const followersPerAddressMax = 20
/** Operations of one commit that are shown. */
const opsShownMax = 5
const textCharsMax = 300
/** How long a browser waits before it connects again. */
const retryMs = 2000

/** What the page's script shows: one line of the list. */
export interface FeedItem {
  readonly seq: number
  readonly title: string
  readonly text?: string
  readonly detail: string
}

/** The route. `Last-Event-ID` goes on where the browser was. */
export function createLiveRoute(live: Live): Route {
  const perAddress = new Map<string, number>()
  let followers = 0
  return {
    path: '/live',
    methods: ['GET'],
    handle: async (request, response, { address, signal }) => {
      const own = perAddress.get(address) ?? 0
      if (followers >= followersMax || own >= followersPerAddressMax) {
        throw new Refusal('unavailable', 'too many pages follow the firehose', { retryAfterMs: 10_000 })
      }
      followers += 1
      perAddress.set(address, own + 1)
      try {
        const did = new URLSearchParams((request.url ?? '').split('?')[1] ?? '').get('did')
        const after = cursorOf(request.headers['last-event-id'])
        response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
        response.write(`retry: ${retryMs}\n\n`)
        const options = {
          ...(did === null ? {} : { did }),
          ...(after === undefined ? {} : { after }),
          signal,
        }
        for await (const event of live(options)) {
          const text = feedItems(event)
            .map(item => `id: ${event.seq}\ndata: ${JSON.stringify(item)}\n\n`)
            .join('')
          if (!response.write(text)) await drained(response, signal)
        }
        response.end()
      } finally {
        followers -= 1
        const left = (perAddress.get(address) ?? 1) - 1
        if (left === 0) perAddress.delete(address)
        else perAddress.set(address, left)
      }
    },
  }
}

function cursorOf(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : undefined
}

function drained(response: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      response.off('drain', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    response.once('drain', done)
    signal.addEventListener('abort', done, { once: true })
  })
}

/** An event as lines of the list. */
export function feedItems(event: LiveEvent): FeedItem[] {
  const { seq, did } = event
  switch (event.type) {
    case 'commit':
      if (event.ops?.length === 0) return [{ seq, title: 'New commit', detail: did }]
      return (event.ops ?? []).slice(0, opsShownMax).map(op => opItem(event, op))
    case 'identity':
      return [
        {
          seq,
          title: event.handle === undefined ? 'Identity changed' : `Identity @${event.handle}`,
          detail: did,
        },
      ]
    case 'account':
      return [
        {
          seq,
          title: event.active === true ? 'Account active' : `Account ${event.status ?? 'inactive'}`,
          detail: did,
        },
      ]
    default:
      return [{ seq, title: 'Repository ready', detail: did }]
  }
}

const verbs = { create: 'New', update: 'Changed', delete: 'Deleted' } as const

function opItem({ seq, did }: LiveEvent, op: LiveOp): FeedItem {
  const [collection = '', recordKey = ''] = op.path.split('/')
  const item = {
    seq,
    title: `${verbs[op.action]} ${collection.split('.').at(-1) ?? collection}`,
    detail: `at://${did}/${collection}/${recordKey}`,
  }
  const text = textOf(op.record)
  return text === undefined ? item : { ...item, text }
}

function textOf(record: unknown): string | undefined {
  if (typeof record !== 'object' || record === null || !('text' in record)) return undefined
  return typeof record.text === 'string' ? record.text.slice(0, textCharsMax) : undefined
}
