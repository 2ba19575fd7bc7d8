/** Whether capabilities and tokens hold. Each capability is verified once, and remembered by its hash. */
import { william3 } from '@leaf/codec/william3'
import { type Ed25519, isStrictPoint, type KeyPair, verifyStrict } from '../crypto.ts'
import { type Area, areaIncludes, areaIncludesArea } from '../willow/area.ts'
import { encodeEntry, type Entry } from '../willow/entry.ts'
import { equalBytes } from '../willow/path.ts'
import {
  type AccessMode,
  type Capability,
  delegationsMax,
  encodeCapability,
  grantedArea,
  handoverMessage,
  initialAuthorisationMessage,
  isCommunal,
  receiverOf,
  withDelegation,
} from './capability.ts'

/** What makes an entry its writer's: a write capability, and a signature of its receiver over the entry. */
export interface Token {
  readonly capability: Capability
  readonly signature: Uint8Array
}

export interface AuthorisedEntry {
  readonly entry: Entry
  readonly token: Token
}

/** Why something is not authorised; undefined when it is. */
export type Fault =
  | 'wrong-kind' // a communal capability for an owned namespace, or the other way round
  | 'bad-key' // of small order, or not canonical
  | 'too-long' // more delegations than are followed
  | 'area' // a delegation that grants more than the one before it
  | 'bad-delegation' // a signature of the chain does not hold
  | 'wrong-namespace'
  | 'wrong-mode'
  | 'outside' // the entry is not in the granted area
  | 'bad-signature' // the receiver's over the entry does not hold

/** Capabilities that were verified and are remembered. */
const rememberedMax = 4096

export interface Verifier {
  /** Undefined: the capability holds. */
  capabilityFault(capability: Capability): Promise<Fault | undefined>
  /** Undefined: the token authorises the entry. */
  entryFault(authorised: AuthorisedEntry): Promise<Fault | undefined>
}

/** A verifier with a memory of its own. */
export function createVerifier(ed25519: Ed25519): Verifier {
  const remembered = new Map<string, Promise<Fault | undefined>>()

  const capabilityFault = (capability: Capability): Promise<Fault | undefined> => {
    const shape = shapeFault(capability)
    if (shape !== undefined) return Promise.resolve(shape)
    // Without delegations and authorisation there is nothing to verify.
    if (capability.initialAuthorisation === undefined && capability.delegations.length === 0)
      return Promise.resolve(undefined)
    const key = String.fromCharCode(...william3(encodeCapability(capability)))
    const known = remembered.get(key)
    if (known !== undefined) return known
    const fault = chainFault(ed25519, capability)
    const oldest = remembered.size >= rememberedMax ? remembered.keys().next().value : undefined
    if (oldest !== undefined) remembered.delete(oldest)
    remembered.set(key, fault)
    // A platform that failed says nothing about the capability.
    fault.catch(() => remembered.delete(key))
    return fault
  }

  return {
    capabilityFault,
    entryFault: async ({ entry, token }) => {
      const { capability, signature } = token
      if (capability.mode !== 'write') return 'wrong-mode'
      if (!equalBytes(capability.namespace, entry.namespace)) return 'wrong-namespace'
      const fault = await capabilityFault(capability)
      if (fault !== undefined) return fault
      if (!areaIncludes(grantedArea(capability), entry)) return 'outside'
      const valid = await verifyStrict(ed25519, receiverOf(capability), encodeEntry(entry), signature)
      return valid ? undefined : 'bad-signature'
    },
  }
}

/** What is wrong without looking at a signature. */
function shapeFault(capability: Capability): Fault | undefined {
  if ((capability.initialAuthorisation === undefined) !== isCommunal(capability.namespace))
    return 'wrong-kind'
  if (capability.delegations.length > delegationsMax) return 'too-long'
  if (!isStrictPoint(capability.user)) return 'bad-key'
  let at: Capability = { ...capability, delegations: [] }
  for (const delegation of capability.delegations) {
    if (!isStrictPoint(delegation.user)) return 'bad-key'
    if (!areaIncludesArea(grantedArea(at), delegation.area)) return 'area'
    at = withDelegation(at, delegation)
  }
  return undefined
}

async function chainFault(ed25519: Ed25519, capability: Capability): Promise<Fault | undefined> {
  const { initialAuthorisation, namespace, mode, user } = capability
  if (initialAuthorisation !== undefined) {
    const message = initialAuthorisationMessage(mode, user)
    if (!(await verifyStrict(ed25519, namespace, message, initialAuthorisation))) return 'bad-delegation'
  }
  let at: Capability = { ...capability, delegations: [] }
  for (const delegation of capability.delegations) {
    const message = handoverMessage(at, delegation.area, delegation.user)
    if (!(await verifyStrict(ed25519, receiverOf(at), message, delegation.signature))) return 'bad-delegation'
    at = withDelegation(at, delegation)
  }
  return undefined
}

/** The first capability of an owned namespace, signed by its key. */
export async function ownedCapability(
  ed25519: Ed25519,
  mode: AccessMode,
  namespace: KeyPair,
  user: Uint8Array,
): Promise<Capability> {
  const initialAuthorisation = await ed25519.sign(namespace, initialAuthorisationMessage(mode, user))
  return { mode, namespace: namespace.publicKey, user, initialAuthorisation, delegations: [] }
}

/** Passes a capability on. `receiver` must be who has it now. Throws RangeError when the area is not included. */
export async function delegate(
  ed25519: Ed25519,
  capability: Capability,
  receiver: KeyPair,
  to: { readonly area: Area; readonly user: Uint8Array },
): Promise<Capability> {
  const signature = await ed25519.sign(receiver, handoverMessage(capability, to.area, to.user))
  return withDelegation(capability, { ...to, signature })
}

/** Signs an entry with a write capability. */
export async function authorise(
  ed25519: Ed25519,
  entry: Entry,
  capability: Capability,
  receiver: KeyPair,
): Promise<AuthorisedEntry> {
  const signature = await ed25519.sign(receiver, encodeEntry(entry))
  return { entry, token: { capability, signature } }
}
