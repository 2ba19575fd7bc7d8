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
  /** The last connection ended while payloads were owed: the area is to be looked through for those that are missing. */
  readonly owed: boolean
}

const text = new TextEncoder()
const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Starts a frame with its type. */
export function beginFrame(type: FrameType): WillowWriter {
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
  const writer = beginFrame('hello')
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
  const writer = beginFrame('auth')
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
  const writer = beginFrame('capabilities')
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
  const writer = beginFrame('capabilities')
  writer.c64(BigInt(served.length))
  for (const one of served) writer.u8(one ? 1 : 0)
  return writer.finish()
}

export function readServed(reader: WillowReader): readonly boolean[] {
  const count = readCount(reader, syncLimits.areasMax)
  const served: boolean[] = []
  for (let index = 0; index < count; index++) served.push(readFlag(reader))
  reader.end()
  return served
}

const noEpoch = '0'.repeat(epochBytes * 2)

export function encodeSince({ area, epoch, arrival, owed }: Since): Uint8Array {
  const writer = beginFrame('since')
  writer.u8(area)
  writer.u8(owed ? 1 : 0)
  writer.raw(Uint8Array.from((epoch ?? noEpoch).match(/../g) ?? [], pair => Number.parseInt(pair, 16)))
  writer.c64(BigInt(arrival))
  return writer.finish()
}

export function readSince(reader: WillowReader): Since {
  const area = reader.u8()
  const owed = readFlag(reader)
  const epoch = Array.from(reader.raw(epochBytes), byte => byte.toString(16).padStart(2, '0')).join('')
  const arrival = readCount(reader, Number.MAX_SAFE_INTEGER)
  reader.end()
  return { area, epoch: epoch === noEpoch ? undefined : epoch, arrival, owed }
}

/** One byte, 0 or 1. Throws MalformedError. */
export function readFlag(reader: WillowReader): boolean {
  const at = reader.at
  const flag = reader.u8()
  if (flag > 1) throw new MalformedError(`expected 0 or 1, got ${flag}`, at)
  return flag === 1
}

/** Asks for what comes from now on, in these areas. */
export function encodeLive(areas: readonly number[]): Uint8Array {
  const writer = beginFrame('live')
  writer.c64(BigInt(areas.length))
  for (const area of areas) writer.u8(area)
  return writer.finish()
}

export function readLive(reader: WillowReader): readonly number[] {
  const areas = [...reader.raw(readCount(reader, syncLimits.areasMax))]
  reader.end()
  return areas
}

/** Entries that were not taken. */
export interface Refused {
  readonly entries: number
  /** Of the first of them. */
  readonly code: 'future' | 'limit' | 'quota' | 'namespace'
}

export interface Credit {
  readonly frames: number
  /** Undefined: all were taken, or were known, or were not needed any more. */
  readonly refused: Refused | undefined
}

const refusals = ['future', 'limit', 'quota', 'namespace'] as const

export function encodeCredit({ frames, refused }: Credit): Uint8Array {
  const writer = beginFrame('credit')
  writer.u8(frames)
  writer.c64(BigInt(refused?.entries ?? 0))
  if (refused !== undefined) writer.u8(refusals.indexOf(refused.code))
  return writer.finish()
}

export function readCredit(reader: WillowReader): Credit {
  const frames = reader.u8()
  const entries = readCount(reader, Number.MAX_SAFE_INTEGER)
  const at = reader.at
  const code = entries === 0 ? undefined : refusals[reader.u8()]
  if (entries > 0 && code === undefined) throw new MalformedError('expected a reason of a refusal', at)
  reader.end()
  return { frames, refused: code === undefined ? undefined : { entries, code } }
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

const errorBytesMax = 1024

export function encodeError(code: SyncErrorCode, message: string): Uint8Array {
  const writer = beginFrame('error')
  writer.u8(errorCodes.indexOf(code))
  // Characters of at most four bytes.
  writeText(writer, message.slice(0, errorBytesMax / 4))
  return writer.finish()
}

export function readError(reader: WillowReader): { readonly code: SyncErrorCode; readonly message: string } {
  const code = errorCodes[reader.u8()] ?? 'protocol'
  const message = readText(reader, errorBytesMax)
  reader.end()
  return { code, message }
}

export const byeFrame: Uint8Array = Uint8Array.of(frameTypes.bye)
