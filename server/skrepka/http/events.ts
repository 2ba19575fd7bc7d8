/** `GET /skrepka/events`: mail as a stream. */
import type { RelayAnswer, RelayRequest } from '../contract.ts'
import type { Session, Sessions } from '../auth/sessions.ts'
import type { Page } from '../mailbox/collect.ts'
import type { EventStream } from '../mailbox/events.ts'
import { hexOf, type PageReader } from './pages.ts'

/** Bytes of a blob that are encoded at a time. */
const pieceBytes = 256 * 1024

const eventHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'cache-control': 'no-store',
  'content-type': 'text/event-stream',
  // Proxies that gather answers would hold the stream back.
  'x-accel-buffering': 'no',
}

export function eventsAnswer(deps: {
  readonly stream: (stream: EventStream) => AsyncIterable<Uint8Array>
  readonly pages: PageReader
  readonly sessions: Sessions
}): (request: RelayRequest, session: Session) => RelayAnswer {
  const encode = async function* (page: Page, index: number): AsyncGenerator<Uint8Array> {
    const blob = await deps.pages.blob(page, index)
    const head = page.events[index]
    if (blob === undefined || head === undefined) return
    let text = `id: ${head.seq + page.shift}\ndata: {"encryptedBlob":"`
    for (let at = 0; at < blob.length; at += pieceBytes) {
      yield Buffer.from(text + hexOf(blob.subarray(at, at + pieceBytes)), 'latin1')
      text = ''
    }
    yield Buffer.from(`${text}"}\n\n`, 'latin1')
  }
  return (request, session) => ({
    status: 200,
    headers: eventHeaders,
    body: deps.stream({
      key: session.key,
      position: positionOf(request),
      isLive: async () => {
        const found = await deps.sessions.find(request.header('authorization'), request)
        return found !== undefined
      },
      onGone:
        request.onGone ?? (listener => request.signal.addEventListener('abort', listener, { once: true })),
      encode,
    }),
  })
}

/** The last cursor that was received: what a browser sends by itself, or `?cursor=`. */
function positionOf(request: RelayRequest): number {
  const given = request.header('last-event-id') ?? new URLSearchParams(request.query).get('cursor') ?? '0'
  return /^\d{1,16}$/.test(given) ? Number(given) : 0
}
