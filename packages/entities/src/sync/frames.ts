/** Frames of Leaf sync v1, as bytes. Integers of fixed width are big-endian. */
import { MalformedError } from '@leaf/codec/errors'
import { type Capability, decodeCapability, encodeCapability, grantedArea } from '../meadowcap/capability.ts'
import { type Area, fullArea, readAreaInArea, writeAreaInArea } from '../willow/area.ts'
import { idBytes } from '../willow/entry.ts'
import { createReader, createWriter, type WillowReader, type WillowWriter } from '../willow/wire.ts'
import { type FrameType, frameTypes, type SyncErrorCode, syncLimits } from './contract.ts'

export const syncVersion = 1
export const challengeBytes = 32
const signatureBytes = 64
const epochBytes = 16

export interface Hello {
  readonly challenge: Uint8Array
  /** The server's own key: whom to delegate to. */
  readonly serverKey: Uint8Array
  readonly serverName: string
}

export interface Auth {
  readonly key: Uint8Array
  readonly nonce: Uint8Array
  readonly signature: Uint8Array
}

/** An area that the client wants to keep equal: by a read capability, or because it is public. */
export interface AreaRequest {
  readonly namespace: Uint8Array
  /** Undefined: a public area. */
  readonly capability: Capability | undefined
  /** Within what the capability grants. */
  readonly area: Area
}

/** How far a side has heard of the other: an arrival number within an epoch; undefined epoch: nothing is known. */
export interface Since {
  readonly area: number
  readonly epoch: string | undefined
  readonly arrival: number
}

const text = new TextEncoder()
const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function begin(type: FrameType): WillowWriter {
  const writer = createWriter()
  writer.u8(frameTypes[type])
  return writer
}

const names = new Map<number, FrameType>(
  Object.entries(frameTypes).map(([name, number]) => [number, name as FrameType]),
)

/** What a frame is, and a reader of its body. Throws MalformedError for types that there are not, and for too long ones. */
export function openFrame(frame: Uint8Array): { readonly type: FrameType; readonly reader: WillowReader } {
  if (frame.length > syncLimits.frameBytesMax)
    throw new MalformedError(`expected at most ${syncLimits.frameBytesMax} bytes, got ${frame.length}`, 0)
  const reader = createReader(frame)
  const number = reader.u8()
  const type = names.get(number)
  if (type === undefined) throw new MalformedError(`expected a known type of frame, got ${number}`, 0)
  return { type, reader }
}

function writeText(writer: WillowWriter, value: string): void {
  const bytes = text.encode(value)
  writer.c64(BigInt(bytes.length))
  writer.raw(bytes)
}

function readText(reader: WillowReader, bytesMax: number): string {
  const at = reader.at
  const length = readCount(reader, bytesMax)
  try {
    return fatal.decode(reader.raw(length))
  } catch (error) {
    if (error instanceof MalformedError) throw error
    throw new MalformedError('expected UTF-8', at)
  }
}

/** A number that must not be greater than `max`. */
export function readCount(reader: WillowReader, max: number): number {
  const at = reader.at
  const value = reader.c64()
  if (value > BigInt(max)) throw new MalformedError(`expected at most ${max}, got ${value}`, at)
  return Number(value)
}

const serverNameBytesMax = 255

export function encodeHello({ challenge, serverKey, serverName }: Hello): Uint8Array {
  const writer = begin('hello')
  writer.u8(syncVersion)
  writer.raw(challenge)
  writer.raw(serverKey)
  writeText(writer, serverName)
  return writer.finish()
}

/** The version alone is read of a version that is not ours. */
export function readHello(reader: WillowReader): Hello | { readonly version: number } {
  const version = reader.u8()
  if (version !== syncVersion) return { version }
  const hello = {
    challenge: reader.raw(challengeBytes).slice(),
    serverKey: reader.raw(idBytes).slice(),
    serverName: readText(reader, serverNameBytesMax),
  }
  reader.end()
  return hello
}

export function encodeAuth({ key, nonce, signature }: Auth): Uint8Array {
  const writer = begin('auth')
  writer.raw(key)
  writer.raw(nonce)
  writer.raw(signature)
  return writer.finish()
}

export function readAuth(reader: WillowReader): Auth {
  const auth = {
    key: reader.raw(idBytes).slice(),
    nonce: reader.raw(challengeBytes).slice(),
    signature: reader.raw(signatureBytes).slice(),
  }
  reader.end()
  return auth
}

export function encodeAreas(requests: readonly AreaRequest[]): Uint8Array {
  const writer = begin('capabilities')
  writer.c64(BigInt(requests.length))
  for (const { namespace, capability, area } of requests) {
    const encoded = capability === undefined ? new Uint8Array() : encodeCapability(capability)
    writer.raw(namespace)
    writer.c64(BigInt(encoded.length))
    writer.raw(encoded)
    writeAreaInArea(writer, area, capability === undefined ? fullArea : grantedArea(capability))
  }
  return writer.finish()
}

const capabilityBytesMax = 16_384

export function readAreas(reader: WillowReader): readonly AreaRequest[] {
  const count = readCount(reader, syncLimits.areasMax)
  const requests: AreaRequest[] = []
  for (let index = 0; index < count; index++) {
    const namespace = reader.raw(idBytes).slice()
    const length = readCount(reader, capabilityBytesMax)
    const capability = length === 0 ? undefined : decodeCapability(reader.raw(length))
    const outer = capability === undefined ? fullArea : grantedArea(capability)
    requests.push({ namespace, capability, area: readAreaInArea(reader, outer) })
  }
  reader.end()
  return requests
}

/** The server's answer: for each area 1 when it is served, else 0. */
export function encodeServed(served: readonly boolean[]): Uint8Array {
  const writer = begin('capabilities')
  writer.c64(BigInt(served.length))
  for (const one of served) writer.u8(one ? 1 : 0)
  return writer.finish()
}

export function readServed(reader: WillowReader): readonly boolean[] {
  const count = readCount(reader, syncLimits.areasMax)
  const served = Array.from(reader.raw(count), byte => byte === 1)
  reader.end()
  return served
}

const noEpoch = '0'.repeat(epochBytes * 2)

export function encodeSince({ area, epoch, arrival }: Since): Uint8Array {
  const writer = begin('since')
  writer.u8(area)
  writer.raw(Uint8Array.from((epoch ?? noEpoch).match(/../g) ?? [], pair => Number.parseInt(pair, 16)))
  writer.c64(BigInt(arrival))
  return writer.finish()
}

export function readSince(reader: WillowReader): Since {
  const area = reader.u8()
  const epoch = Array.from(reader.raw(epochBytes), byte => byte.toString(16).padStart(2, '0')).join('')
  const arrival = readCount(reader, Number.MAX_SAFE_INTEGER)
  reader.end()
  return { area, epoch: epoch === noEpoch ? undefined : epoch, arrival }
}

/** Payloads that are wanted. */
export function encodeWant(digests: readonly Uint8Array[]): Uint8Array {
  const writer = begin('want')
  writer.c64(BigInt(digests.length))
  for (const digest of digests) writer.raw(digest)
  return writer.finish()
}

export function readWant(reader: WillowReader): readonly Uint8Array[] {
  const count = readCount(reader, syncLimits.wantsMax)
  const digests: Uint8Array[] = []
  for (let index = 0; index < count; index++) digests.push(reader.raw(idBytes).slice())
  reader.end()
  return digests
}

/** A piece of a payload; `total` undefined: it is not to be had here. */
export interface PayloadChunk {
  readonly digest: Uint8Array
  readonly total: number | undefined
  readonly offset: number
  readonly bytes: Uint8Array
}

export function encodeChunk({ digest, total, offset, bytes }: PayloadChunk): Uint8Array {
  const writer = begin('payload')
  writer.raw(digest)
  writer.u8(total === undefined ? 0 : 1)
  writer.c64(BigInt(total ?? 0))
  writer.c64(BigInt(offset))
  writer.raw(bytes)
  return writer.finish()
}

export function readChunk(reader: WillowReader): PayloadChunk {
  const digest = reader.raw(idBytes).slice()
  const there = reader.u8() === 1
  const total = readCount(reader, syncLimits.payloadBytesMax)
  const offset = readCount(reader, syncLimits.payloadBytesMax)
  const bytes = reader.raw(reader.bytes.length - reader.at)
  if (offset + bytes.length > total)
    throw new MalformedError(`expected a piece within ${total} bytes`, reader.at)
  return { digest, total: there ? total : undefined, offset, bytes }
}

/** Asks for what comes from now on, in one area. */
export function encodeLive(area: number): Uint8Array {
  const writer = begin('live')
  writer.u8(area)
  return writer.finish()
}

export function readLive(reader: WillowReader): number {
  const area = reader.u8()
  reader.end()
  return area
}

export function encodeCredit(frames: number): Uint8Array {
  const writer = begin('credit')
  writer.u8(frames)
  return writer.finish()
}

export function readCredit(reader: WillowReader): number {
  const frames = reader.u8()
  reader.end()
  return frames
}

const errorCodes: readonly SyncErrorCode[] = [
  'protocol',
  'version',
  'not-authorised',
  'too-large',
  'quota',
  'unavailable',
  'closed',
]

export function encodeError(code: SyncErrorCode, message: string): Uint8Array {
  const writer = begin('error')
  writer.u8(errorCodes.indexOf(code))
  writeText(writer, message)
  return writer.finish()
}

const errorBytesMax = 1024

export function readError(reader: WillowReader): { readonly code: SyncErrorCode; readonly message: string } {
  const code = errorCodes[reader.u8()] ?? 'protocol'
  return { code, message: readText(reader, errorBytesMax) }
}

export const byeFrame: Uint8Array = Uint8Array.of(frameTypes.bye)
