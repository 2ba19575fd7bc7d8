/** Messages with one person: written, listed, read. */
import type { Core } from './core.ts'
import type { Draft } from './draft.ts'
import { SkrepkaError } from './errors.ts'
import { toHex } from './hex.ts'
import { idKey, preview } from './inbox.ts'
import { type Media, type Payload, payloadLimits } from './payload.ts'
import { collections, type Message, readMessage } from './records.ts'
import { prefixRange } from './store.ts'

/** A message with the place where it is kept. */
export interface Listed extends Message {
  /** Names it within this client; older messages have smaller keys. */
  readonly place: string
}

export interface Conversations {
  /** The newest messages with somebody, at most `limit`, in the order of time; with `before` those older than that place. */
  list(
    peer: string,
    options: { readonly limit: number; readonly before?: string },
  ): Promise<readonly Listed[]>
  /** Writes a text. It is durable here when this resolves, and leaves when a relay can be reached. */
  sendText(peer: string, body: string): Promise<Listed>
  /** Writes a picture of at most 1 MiB, with or without words. */
  sendPicture(peer: string, media: Media, body?: string): Promise<Listed>
  /** The bytes of a picture; undefined when there are none. */
  picture(place: string): Promise<Uint8Array | undefined>
  /** Sends a message that no relay took once more. */
  retry(place: string): Promise<void>
}

export function createConversations(core: Core): Conversations {
  const { store, change, random } = core
  const send = (peer: string, body: string, media?: Media) =>
    change(async draft => {
      const contact = await draft.contact(peer)
      if (contact?.state !== 'contact')
        throw new SkrepkaError('refused', 'expected somebody who is a contact')
      const at = Math.max(core.nextAt(), contact.lastAt + 1)
      const place = `${peer}/${core.keyOf(at)}`
      const id = messageId(random(16))
      const kept =
        media === undefined ? undefined : { mime: media.mime, width: media.width, height: media.height }
      const message: Message = { id, peer, mine: true, body, media: kept, ts: at, at, state: 'waiting' }
      draft.put(collections.messages, place, message)
      draft.put(collections.ids, idKey(peer, true, id), place)
      if (media !== undefined) draft.put(collections.media, place, media.data)
      draft.putContact({ ...contact, lastAt: at, lastText: preview(body, media !== undefined) })
      await core.post(draft, { contact, payload: payloadOf(message, media?.data), messageKey: place })
      return { ...message, place }
    })
  const picture = async (place: string) => {
    const bytes = await store.get(collections.media, place)
    return bytes instanceof Uint8Array ? bytes : undefined
  }
  return {
    list: async (peer, { limit, before }) => {
      const range = prefixRange(`${peer}/`)
      const items = await store.list(collections.messages, {
        after: range.after,
        before: before ?? range.before,
        limit,
        reverse: true,
      })
      return items.toReversed().flatMap(({ key, value }) => {
        const message = readMessage(value)
        return message === undefined ? [] : [{ ...message, place: key }]
      })
    },
    sendText: async (peer, body) => {
      if (body.trim() === '') throw new SkrepkaError('too-much', 'expected a message, got nothing')
      if (body.length > payloadLimits.bodyLength) {
        throw new SkrepkaError(
          'too-much',
          `expected at most ${payloadLimits.bodyLength} characters, got ${body.length}`,
        )
      }
      return send(peer, body)
    },
    sendPicture: async (peer, media, body = '') => {
      if (media.data.length > payloadLimits.mediaBytes) {
        throw new SkrepkaError(
          'too-much',
          `expected a picture of at most ${payloadLimits.mediaBytes} bytes, got ${media.data.length}`,
        )
      }
      return send(peer, body, media)
    },
    picture,
    retry: place => change(draft => retry(core, draft, place)),
  }
}

async function retry(core: Core, draft: Draft, place: string): Promise<void> {
  const message = await draft.message(place)
  const contact = message === undefined ? undefined : await draft.contact(message.peer)
  if (message?.state !== 'failed' || contact === undefined) return
  const data = await draft.get(collections.media, place)
  draft.put(collections.messages, place, { ...message, state: 'waiting' })
  draft.touch(message.peer)
  const payload = payloadOf(message, data instanceof Uint8Array ? data : undefined)
  await core.post(draft, { contact, payload, messageKey: place })
}

function payloadOf(message: Message, data: Uint8Array | undefined): Payload {
  const { id, body, ts, media } = message
  if (media === undefined || data === undefined) return { type: 'text', id, body, ts }
  return { type: 'media', id, body, ts, media: { ...media, data } }
}

/** A random UUID, of 16 random bytes. */
function messageId(bytes: Uint8Array): string {
  const hex = toHex(bytes)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}
