/** Whose keys and capabilities are on this device, kept in its store. */
import { MalformedError } from '@leaf/codec/errors'
import type { EncryptionKey } from '../encryption/algorithm.ts'
import {
  type AccessMode,
  type Capability,
  communalCapability,
  decodeCapability,
  encodeCapability,
  grantedArea,
  isCommunal,
  receiverOf,
} from '../meadowcap/capability.ts'
import type { Verifier } from '../meadowcap/verify.ts'
import { type Area, areaIncludesArea, subspaceArea } from '../willow/area.ts'
import { equalBytes } from '../willow/path.ts'
import { LeafError } from './errors.ts'
import { type Identity, identityFromSeed, recipientOf, seedBytes } from './identity.ts'
import type { Keyring } from './keyring.ts'
import type { Notes } from './notes.ts'
import type { Platform } from './platform.ts'
import { fromHex, toHex } from './text.ts'

/** A capability, and the identity that may use it. */
export interface Grant {
  readonly capability: Capability
  readonly receiver: Identity
}

export interface Authority {
  /** Makes and keeps a new identity. */
  create(): Promise<Identity>
  /** Keeps an identity by its seed; the same one twice is one. */
  add(seed: Uint8Array): Promise<Identity>
  identities(): readonly Identity[]
  /** Removes an identity from this device. What it has written stays. */
  remove(publicKey: Uint8Array): Promise<void>
  /** Keeps a capability that was given to one of the identities. Throws LeafError `NotAuthorised` when it does not hold. */
  addCapability(capability: Capability): Promise<void>
  capabilities(): readonly Capability[]
  /** Keeps a key that opens components. */
  addKey(key: EncryptionKey): Promise<void>
  /** What a backup of an identity keeps beside its seed. */
  keptFor(publicKey: Uint8Array): {
    readonly keys: readonly Uint8Array[]
    readonly capabilities: readonly Uint8Array[]
  }
  /** Takes what a backup has kept. Throws LeafError `BadFile`. */
  take(kept: {
    readonly seed: Uint8Array
    readonly keys: readonly Uint8Array[]
    readonly capabilities: readonly Uint8Array[]
  }): Promise<Identity>
  /** What lets one do something in an area; undefined: nothing here does. `as` narrows it to one identity. */
  grantFor(mode: AccessMode, namespace: Uint8Array, area: Area, as?: Identity): Grant | undefined
}

const capabilitiesMax = 1000
const identitiesMax = 100

export interface AuthorityDependencies {
  readonly notes: Notes
  readonly platform: Platform
  readonly verifier: Verifier
  readonly keyring: Keyring
}

/** Loads what was kept. */
export async function openAuthority(deps: AuthorityDependencies): Promise<Authority> {
  const { notes, platform, verifier, keyring } = deps
  const list = async (name: string) =>
    ((await notes.load(name)) ?? '').split(' ').flatMap(word => {
      const bytes = fromHex(word)
      return bytes === undefined || bytes.length === 0 ? [] : [bytes]
    })
  const identities: Identity[] = []
  for (const seed of await list('identities')) identities.push(await identityFromSeed(platform.ed25519, seed))
  const capabilities = (await list('capabilities')).map(decodeCapability)
  const keys = await list('keys')
  for (const { encryptionKey } of identities) keyring.add(encryptionKey)
  for (const key of keys) keyring.add(readKey(key))
  const save = (name: string, all: readonly Uint8Array[]) => notes.save(name, all.map(toHex).join(' '))
  const saveIdentities = () =>
    save(
      'identities',
      identities.map(({ keyPair }) => keyPair.secretKey),
    )

  const add = async (seed: Uint8Array): Promise<Identity> => {
    const identity = await identityFromSeed(platform.ed25519, seed)
    const known = identities.find(({ publicKey }) => equalBytes(publicKey, identity.publicKey))
    if (known !== undefined) return known
    if (identities.length >= identitiesMax)
      throw new LeafError('TooLarge', `expected at most ${identitiesMax} identities`)
    identities.push(identity)
    keyring.add(identity.encryptionKey)
    await saveIdentities()
    return identity
  }
  const grantFor = (
    mode: AccessMode,
    namespace: Uint8Array,
    area: Area,
    as?: Identity,
  ): Grant | undefined => {
    const own = as === undefined ? identities : [as]
    for (const receiver of isCommunal(namespace) ? own : []) {
      if (areaIncludesArea(subspaceArea(receiver.publicKey), area))
        return { capability: communalCapability(mode, namespace, receiver.publicKey), receiver }
    }
    for (const capability of capabilities) {
      const receiver = own.find(({ publicKey }) => equalBytes(publicKey, receiverOf(capability)))
      const fits =
        capability.mode === mode &&
        equalBytes(capability.namespace, namespace) &&
        areaIncludesArea(grantedArea(capability), area)
      if (receiver !== undefined && fits) return { capability, receiver }
    }
    return undefined
  }

  const addCapability = async (capability: Capability) => {
    const fault = await verifier.capabilityFault(capability)
    if (fault !== undefined)
      throw new LeafError('NotAuthorised', `expected a capability that holds, got one with ${fault}`)
    const bytes = encodeCapability(capability)
    if (capabilities.some(known => equalBytes(encodeCapability(known), bytes))) return
    if (capabilities.length >= capabilitiesMax)
      throw new LeafError('TooLarge', `expected at most ${capabilitiesMax} capabilities`)
    capabilities.push(capability)
    await save('capabilities', capabilities.map(encodeCapability))
  }
  const addKey = async (key: EncryptionKey) => {
    const bytes = writeKey(key)
    if (keys.some(known => equalBytes(known, bytes))) return
    keyring.add(key)
    keys.push(bytes)
    await save('keys', keys)
  }

  return {
    create: () => add(platform.random(seedBytes)),
    add,
    identities: () => [...identities],
    remove: async publicKey => {
      const index = identities.findIndex(one => equalBytes(one.publicKey, publicKey))
      if (index < 0) return
      identities.splice(index, 1)
      await saveIdentities()
    },
    addCapability,
    capabilities: () => [...capabilities],
    addKey,
    keptFor: publicKey => ({
      keys: [...keys],
      capabilities: capabilities
        .filter(capability => equalBytes(receiverOf(capability), publicKey))
        .map(encodeCapability),
    }),
    take: async kept => {
      const identity = await add(kept.seed)
      try {
        for (const capability of kept.capabilities) await addCapability(decodeCapability(capability))
        for (const key of kept.keys) await addKey(readKey(key))
      } catch (error) {
        if (error instanceof MalformedError)
          throw new LeafError('BadFile', 'expected keys and capabilities, got something else', error)
        throw error
      }
      return identity
    },
    grantFor,
  }
}

/** One byte for the kind, then the secret. */
function writeKey(key: EncryptionKey): Uint8Array {
  const secret = key.kind === 'secret' ? key.key : key.secretKey
  if (secret === undefined) throw new LeafError('DecryptKeyMissing', 'expected a key with its secret half')
  return Uint8Array.from([key.kind === 'secret' ? 0 : 1, ...secret])
}

function readKey(bytes: Uint8Array): EncryptionKey {
  const secret = bytes.slice(1)
  if (secret.length !== 32) throw new MalformedError(`expected a key of 32 bytes, got ${secret.length}`, 1)
  return bytes[0] === 0 ? { kind: 'secret', key: secret } : recipientOf(secret)
}
