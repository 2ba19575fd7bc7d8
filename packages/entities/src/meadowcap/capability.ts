/**
 * Meadowcap capabilities: who may read or write which area of a namespace, passed on by signatures.
 * https://willowprotocol.org/specs/meadowcap
 */
import { tagOf } from '@leaf/codec/compact-u64'
import { MalformedError } from '@leaf/codec/errors'
import {
  type Area,
  encodeAreaInArea,
  fullArea,
  readAreaInArea,
  subspaceArea,
  writeAreaInArea,
} from '../willow/area.ts'
import { idBytes } from '../willow/entry.ts'
import { createReader, createWriter, lengthOf, type WillowReader, type WillowWriter } from '../willow/wire.ts'

export type AccessMode = 'read' | 'write'

export interface Delegation {
  /** Included in the area before it. */
  readonly area: Area
  /** Who gets it: a public key. */
  readonly user: Uint8Array
  /** Of the one who passes it on, over the handover. */
  readonly signature: Uint8Array
}

/** Communal: everybody has her own subspace. Owned: the namespace's key lets the first user in. */
export interface Capability {
  readonly mode: AccessMode
  readonly namespace: Uint8Array
  /** The first user: of a communal capability, the subspace itself. */
  readonly user: Uint8Array
  /** The namespace key's signature; undefined: communal. */
  readonly initialAuthorisation: Uint8Array | undefined
  readonly delegations: readonly Delegation[]
}

/** Delegations that are read or verified; each costs a verification. */
export const delegationsMax = 32
const signatureBytes = 64

/** Whether everybody may have a subspace in this namespace: its last bit says so. */
export function isCommunal(namespace: Uint8Array): boolean {
  return ((namespace[idBytes - 1] as number) & 1) === 0
}

/** A capability that nobody has passed on yet. */
export function communalCapability(mode: AccessMode, namespace: Uint8Array, user: Uint8Array): Capability {
  return { mode, namespace, user, initialAuthorisation: undefined, delegations: [] }
}

/** What the area of the first delegation is told by. */
function rootArea(capability: Pick<Capability, 'initialAuthorisation' | 'user'>): Area {
  return capability.initialAuthorisation === undefined ? subspaceArea(capability.user) : fullArea
}

/** Who may use it now. */
export function receiverOf(capability: Capability): Uint8Array {
  return capability.delegations.at(-1)?.user ?? capability.user
}

/** What it grants now. */
export function grantedArea(capability: Capability): Area {
  return capability.delegations.at(-1)?.area ?? rootArea(capability)
}

/** What the namespace's key signs to let a first user in. */
export function initialAuthorisationMessage(mode: AccessMode, user: Uint8Array): Uint8Array {
  const writer = createWriter(33)
  writer.u8(mode === 'read' ? 2 : 3)
  writer.raw(user)
  return writer.finish()
}

/** What the current receiver signs to pass a capability on. Throws RangeError when the area is not included. */
export function handoverMessage(capability: Capability, area: Area, user: Uint8Array): Uint8Array {
  const encoded = encodeAreaInArea(area, grantedArea(capability))
  const previous = capability.delegations.at(-1)?.signature ?? capability.initialAuthorisation
  const writer = createWriter(256)
  if (previous === undefined) {
    writer.u8(capability.mode === 'read' ? 0 : 1)
    writer.raw(capability.namespace)
    writer.raw(encoded)
  } else {
    writer.raw(encoded)
    writer.raw(previous)
  }
  writer.raw(user)
  return writer.finish()
}

/** The capability with one more delegation. */
export function withDelegation(capability: Capability, delegation: Delegation): Capability {
  return { ...capability, delegations: [...capability.delegations, delegation] }
}

/** `encode_mc_capability`: its canonical bytes. */
export function encodeCapability(capability: Capability): Uint8Array {
  const writer = createWriter()
  writeCapability(writer, capability)
  return writer.finish()
}

/** The same inside something else. */
export function writeCapability(writer: WillowWriter, capability: Capability): void {
  const count = BigInt(capability.delegations.length)
  const owned = capability.initialAuthorisation !== undefined
  writer.u8((owned ? 0x80 : 0) | (capability.mode === 'write' ? 0x40 : 0) | tagOf(count, 6))
  writer.raw(capability.namespace)
  writer.raw(capability.user)
  if (capability.initialAuthorisation !== undefined) writer.raw(capability.initialAuthorisation)
  writer.compact(count, 6)
  let area = rootArea(capability)
  for (const delegation of capability.delegations) {
    writeAreaInArea(writer, delegation.area, area)
    writer.raw(delegation.user)
    writer.raw(delegation.signature)
    ;({ area } = delegation)
  }
}

/** Reads a capability; its signatures are not verified yet. Throws MalformedError. */
export function readCapability(reader: WillowReader): Capability {
  const begin = reader.at
  const header = reader.u8()
  const namespace = reader.raw(idBytes).slice()
  const user = reader.raw(idBytes).slice()
  const owned = (header & 0x80) !== 0
  const initialAuthorisation = owned ? reader.raw(signatureBytes).slice() : undefined
  const count = lengthOf(reader.compact(header & 0x3f, 6), delegationsMax, 'delegations', begin)
  const delegations: Delegation[] = []
  let area = rootArea({ user, initialAuthorisation })
  for (let index = 0; index < count; index++) {
    area = readAreaInArea(reader, area)
    delegations.push({
      area,
      user: reader.raw(idBytes).slice(),
      signature: reader.raw(signatureBytes).slice(),
    })
  }
  if (owned === isCommunal(namespace))
    throw new MalformedError(
      `expected ${owned ? 'an owned' : 'a communal'} namespace for this kind of capability`,
      begin,
    )
  return {
    mode: (header & 0x40) === 0 ? 'read' : 'write',
    namespace,
    user,
    initialAuthorisation,
    delegations,
  }
}

/** The capability that some bytes are, all of them. */
export function decodeCapability(bytes: Uint8Array): Capability {
  const reader = createReader(bytes)
  const capability = readCapability(reader)
  reader.end()
  return capability
}
