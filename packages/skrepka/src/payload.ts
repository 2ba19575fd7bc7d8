/**
 * What people say to one another: JSON with `type` and `ts`, inside a sealed blob. `text`, `delivery.ack` and `profile`
 * are those of all Skrepka clients. `media` is ours, and additive: clients pass over types that they do not know.
 */
import { fromBase64, toBase64 } from './base64.ts'
import { LimitError, MalformedError } from './errors.ts'
import { countField, type JsonObject, readJsonObject, textField, textsField } from './json.ts'

/** Bounds of fields; those of `text`, `delivery.ack` and `profile` are other clients' too. Characters or bytes. */
export const payloadLimits = {
  bodyLength: 65_536,
  idLength: 128,
  nameLength: 128,
  bioLength: 1024,
  photoBytes: 65_536,
  ackIds: 1024,
  mediaBytes: 1024 * 1024,
} as const

/** Pictures that are passed on; nothing that can hold a program. */
export const mediaTypes = ['image/jpeg', 'image/png', 'image/webp', 'image/gif'] as const
export type MediaType = (typeof mediaTypes)[number]

export interface Media {
  readonly mime: MediaType
  readonly data: Uint8Array
  /** Pixels; 0 when they are not known. */
  readonly width: number
  readonly height: number
}

export interface Profile {
  readonly displayName: string
  readonly bio: string
  /** A small picture; undefined for none. */
  readonly photo: Uint8Array | undefined
}

/** `ts` is the sender's clock, in milliseconds. */
export type Payload =
  | { readonly type: 'text'; readonly id: string; readonly body: string; readonly ts: number }
  | {
      readonly type: 'media'
      readonly id: string
      readonly body: string
      readonly media: Media
      readonly ts: number
    }
  | { readonly type: 'delivery.ack'; readonly ackIds: readonly string[]; readonly ts: number }
  | { readonly type: 'profile'; readonly profile: Profile; readonly ts: number }

/** The bytes that are sealed. Throws LimitError when a field is larger than everybody takes. */
export function encodePayload(payload: Payload): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(jsonOf(payload)))
  // What we would refuse to read, others need not get.
  if (decodePayload(bytes) === undefined) throw new MalformedError('expected a payload of a known type', 0)
  return bytes
}

function jsonOf(payload: Payload): JsonObject {
  const { type, ts } = payload
  switch (payload.type) {
    case 'text':
      return { type, id: payload.id, body: payload.body, ts }
    case 'media': {
      const { mime, data, width, height } = payload.media
      return { type, id: payload.id, body: payload.body, mime, data: toBase64(data), width, height, ts }
    }
    case 'delivery.ack':
      return { type, ack_ids: payload.ackIds, ts }
    case 'profile': {
      const { displayName, bio, photo } = payload.profile
      return { type, display_name: displayName, bio, photo: photo === undefined ? null : toBase64(photo), ts }
    }
  }
}

/** Reads a payload; undefined for a type that is not known here. Throws MalformedError, or LimitError for pictures. */
export function decodePayload(bytes: Uint8Array): Payload | undefined {
  const json = readJsonObject(bytes)
  const ts = countField(json, 'ts', 0)
  const id = () => {
    const text = textField(json, 'id', payloadLimits.idLength)
    if (text === '') throw new MalformedError('expected an id, got an empty one', 0)
    return text
  }
  switch (json['type']) {
    case 'text':
      return { type: 'text', id: id(), body: textField(json, 'body', payloadLimits.bodyLength), ts }
    case 'media':
      return {
        type: 'media',
        id: id(),
        body: textField(json, 'body', payloadLimits.bodyLength, ''),
        media: mediaOf(json),
        ts,
      }
    case 'delivery.ack':
      return {
        type: 'delivery.ack',
        ackIds: textsField(json, 'ack_ids', payloadLimits.ackIds, payloadLimits.idLength),
        ts,
      }
    case 'profile':
      return { type: 'profile', profile: profileOf(json), ts }
    default:
      return undefined
  }
}

function mediaOf(json: JsonObject): Media {
  const mime = mediaTypes.find(type => type === json['mime'])
  if (mime === undefined) throw new MalformedError(`expected a picture of one of ${mediaTypes.join(', ')}`, 0)
  const data = bytesField(json, 'data', payloadLimits.mediaBytes)
  return { mime, data, width: countField(json, 'width', 0), height: countField(json, 'height', 0) }
}

function profileOf(json: JsonObject): Profile {
  const photo = json['photo'] ?? undefined
  return {
    displayName: textField(json, 'display_name', payloadLimits.nameLength, ''),
    bio: textField(json, 'bio', payloadLimits.bioLength, ''),
    photo: photo === undefined ? undefined : bytesField(json, 'photo', payloadLimits.photoBytes),
  }
}

function bytesField(json: JsonObject, name: string, bytesMax: number): Uint8Array {
  const text = json[name]
  if (typeof text !== 'string') throw new MalformedError(`expected ${name} to be base64`, 0)
  if (text.length > Math.ceil(bytesMax / 3) * 4) {
    throw new LimitError(
      name,
      `expected ${name} to be at most ${bytesMax} bytes, got ${Math.floor(text.length * 0.75)}`,
      0,
    )
  }
  const bytes = fromBase64(text)
  if (bytes.length > bytesMax)
    throw new LimitError(name, `expected ${name} to be at most ${bytesMax} bytes, got ${bytes.length}`, 0)
  return bytes
}
