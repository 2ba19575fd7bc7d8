/** A person's device as tests drive it, in a process or in a page: everything goes in and out as JSON. */
import { decodeCapability, encodeCapability } from '@leaf/entities/meadowcap/capability'
import type { Ed25519 } from '@leaf/entities/crypto'
import { signSpaceRecord, toProofWord } from '@leaf/entities/resolver/space-record'
import type { Leaf } from '@leaf/entities/api/leaf'
import { Embed, EncryptionKey, Name } from '@leaf/entities/leaf/well-known'
import type { Transport } from '@leaf/entities/sync/contract'

/** Only their public halves leave a device. */
export interface Card {
  readonly key: string
  readonly encryptionKey: string
}

/** Whose entity, and where; undefined: one's own. */
export interface Spot {
  readonly of?: string
  readonly path: readonly string[]
}

export type DeviceCall = readonly [method: string, ...args: readonly unknown[]]

const hexOf = (bytes: Uint8Array) => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], pair => Number.parseInt(pair, 16))

export async function createDevice(
  leaf: Leaf,
  ed25519: Ed25519,
  connect: (url: string) => Promise<Transport>,
) {
  const me = leaf.identities.list()[0] ?? (await leaf.identities.create())
  const space = leaf.space({ as: me })
  const at = ({ of, path }: Spot) =>
    of === undefined ? space.at(...path) : space.at({ publicKey: bytesOf(of) }, ...path)
  const areaOf = ({ of, path }: Spot) =>
    of === undefined ? space.area(...path) : space.area({ publicKey: bytesOf(of) }, ...path)
  return {
    card: async (): Promise<Card> => ({
      key: hexOf(me.publicKey),
      encryptionKey: hexOf(me.encryptionKey.publicKey),
    }),
    put: async (spot: Spot, name: string): Promise<void> =>
      void (await at(spot).edit(draft => draft.set(Name, name))),
    seal: async (spot: Spot, name: string, card: Card): Promise<void> => {
      const key = { kind: 'recipient', publicKey: bytesOf(card.encryptionKey) } as const
      await at(spot).edit(draft => draft.add(Name, name, { for: key }))
    },
    announce: async (): Promise<void> =>
      void (await at({ path: [] }).edit(draft =>
        draft.set(EncryptionKey, { x25519: me.encryptionKey.publicKey, notAfter: undefined }),
      )),
    /** Names that can be read, and how many components cannot. */
    get: async (spot: Spot): Promise<{ names: readonly string[]; locked: number } | null> => {
      const view = await at(spot).view()
      return view === undefined ? null : { names: view.all(Name).toSorted(), locked: view.locked.length }
    },
    /** Refers to an entity as it is now, and keeps that state. */
    embed: async (spot: Spot, target: Spot): Promise<void> => {
      const [link, view] = [await at(target).link({ snapshot: true }), await at(target).view()]
      await at(spot).edit(draft => {
        draft.set(Embed, link)
        if (view !== undefined) draft.pin(view)
      })
    },
    follow: async (spot: Spot): Promise<{ from: string; name: string | null } | null> => {
      const link = await at(spot).get(Embed)
      if (link === undefined) return null
      const found = await leaf.resolve(link)
      const view = 'view' in found ? found.view : undefined
      return { from: 'from' in found ? String(found.from) : '', name: view?.get(Name) ?? null }
    },
    remove: async (spot: Spot): Promise<void> => at(spot).delete(),
    delegate: async (to: string, mode: 'read' | 'write', path: readonly string[]): Promise<string> =>
      hexOf(encodeCapability(await space.delegate({ to: bytesOf(to), mode, under: path }))),
    accept: async (capability: string): Promise<void> =>
      leaf.addCapability(decodeCapability(bytesOf(capability))),
    sync: async (url: string, spots: readonly Spot[]) => {
      const transport = await connect(url.replace(/^http/, 'ws').concat('/entities/sync'))
      const serverName = new URL(url).host
      const { sent, received, served } = await leaf.sync(space, transport, {
        serverName,
        areas: spots.map(areaOf),
      }).done
      return { sent, received, served }
    },
    /** The proof that an account page takes. */
    prove: async (did: string): Promise<string> => {
      const says = { did, namespace: space.namespace, encryptionKey: undefined }
      return toProofWord(await signSpaceRecord(ed25519, me.keyPair, says))
    },
    close: () => leaf.close(),
  }
}

export type Device = Awaited<ReturnType<typeof createDevice>>

/** Answers a call that came as JSON. */
export async function answer(device: Device, [method, ...args]: DeviceCall): Promise<unknown> {
  const run: unknown = Reflect.get(device, method)
  if (typeof run !== 'function') throw new Error(`there is no ${method}`)
  return ((await Reflect.apply(run, device, [...args])) as unknown) ?? null
}
