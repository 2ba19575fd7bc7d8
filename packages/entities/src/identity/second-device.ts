/** Pairing of two stores: the new device gets a delegation of its own, never the key of the subspace. */
import { recipientOf } from '../api/identity.ts'
import type { Identity } from '../api/identity.ts'
import type { Leaf } from '../api/leaf.ts'
import { LeafError } from '../api/errors.ts'
import {
  type Capability,
  decodeCapability,
  encodeCapability,
  grantedArea,
  receiverOf,
} from '../meadowcap/capability.ts'
import { equalBytes } from '../willow/path.ts'
import {
  type Gift,
  helpNewDevice,
  joinAsNewDevice,
  newRoom,
  type PairingOptions,
  readRoom,
} from './pairing.ts'

export type DevicePairing = Omit<PairingOptions, 'identity'>

/**
 * On the new device: shows a code (by `onCode`) and waits. Afterwards `leaf.space({ as: device, subspace })` writes into
 * the person's subspace. Throws LeafError `Pairing`.
 */
export async function becomeSecondDevice(
  leaf: Leaf,
  device: Identity,
  pairing: DevicePairing & { readonly onCode: (code: string) => void },
): Promise<{ readonly subspace: Uint8Array }> {
  const room = newRoom(pairing.random)
  pairing.onCode(`${room.slice(0, 4)}-${room.slice(4)}`)
  const { gift, subspace } = await joinAsNewDevice(room, { ...pairing, identity: device.publicKey })
  const capabilities = gift.capabilities.map(decodeCapability)
  for (const capability of capabilities) {
    if (!isFor(capability, { device: device.publicKey, subspace }))
      throw new LeafError('Pairing', 'expected rights in the other device\u2019s subspace, got others')
  }
  for (const capability of capabilities) await leaf.addCapability(capability)
  for (const secretKey of gift.keys) await leaf.addKey(recipientOf(secretKey))
  return { subspace }
}

function isFor(
  capability: Capability,
  { device, subspace }: { readonly device: Uint8Array; readonly subspace: Uint8Array },
): boolean {
  const area = grantedArea(capability)
  return (
    equalBytes(receiverOf(capability), device) &&
    area.subspace !== undefined &&
    equalBytes(area.subspace, subspace)
  )
}

export interface HelpOptions extends DevicePairing {
  /** As the person typed it. */
  readonly code: string
  /** The namespaces in which the new device may read and write. */
  readonly namespaces: readonly Uint8Array[]
  /** Milliseconds since 1970: what it writes from then on does not count. Default: for ever. */
  readonly until?: number
}

/** On the old device. Gives the new device's key. Throws LeafError `Pairing`. */
export async function helpSecondDevice(
  leaf: Leaf,
  me: Identity,
  options: HelpOptions,
): Promise<{ readonly device: Uint8Array }> {
  const { code, namespaces, until } = options
  const give = async (device: Uint8Array): Promise<Gift> => {
    const capabilities: Uint8Array[] = []
    for (const namespace of namespaces) {
      const space = leaf.space({ namespace, as: me })
      for (const mode of ['read', 'write'] as const) {
        const to = { to: device, mode, under: [me], ...(until === undefined ? {} : { until }) } as const
        capabilities.push(encodeCapability(await space.delegate(to)))
      }
    }
    return { capabilities, keys: [me.encryptionKey.secretKey] }
  }
  return helpNewDevice(readRoom(code), { ...options, identity: me.publicKey, give })
}
