/**
 * What is public here: areas that their owner let the server's key read, and said so in a statement that is signed. The
 * signature is over a hash with a label of its own, so that it is nothing else anywhere.
 */
import { william3 } from '@leaf/codec/william3'
import { type Ed25519, verifyStrict } from '@leaf/entities/crypto'
import {
  type Capability,
  decodeCapability,
  encodeCapability,
  grantedArea,
  receiverOf,
} from '@leaf/entities/meadowcap/capability'
import type { Verifier } from '@leaf/entities/meadowcap/verify'
import {
  type Area,
  areaIncludes,
  areaIncludesArea,
  encodeAreaInArea,
  fullArea,
} from '@leaf/entities/willow/area'
import type { Entry } from '@leaf/entities/willow/entry'
import { equalBytes } from '@leaf/entities/willow/path'
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { countStatements, publicCapabilities, putStatement } from '../database/public-areas.ts'
import { hexOf } from '../hex.ts'
import type { Keeping } from './keeping.ts'

/** The owner's word on one area. */
export interface PublicWish {
  readonly capability: Capability
  readonly isPublic: boolean
  /** Milliseconds since 1970, by the owner's clock. */
  readonly statedAt: number
  /** Of the capability's first user, over `publicMessage`. */
  readonly signature: Uint8Array
}

export interface PublicAreas {
  /** Keeps the owner's word. Throws Refusal. */
  state(wish: PublicWish): Promise<void>
  isPublicEntry(entry: Pick<Entry, 'namespace' | 'subspace' | 'path' | 'timestamp'>): Promise<boolean>
  isPublicArea(request: { readonly namespace: Uint8Array; readonly area: Area }): Promise<boolean>
  /** What is public in a subspace. */
  areasOf(namespace: Uint8Array, subspace: Uint8Array | undefined): Promise<readonly Area[]>
  stop(): void
}

/** Statements about one subspace. */
export const statementsMax = 64
/** How far the owner's clock may be off. */
const skewMs = 600_000
/** Subspaces whose public areas are remembered, and for how long at most. */
const rememberedMax = 20_000
const rememberedMs = 60_000
const publicChannel = 'entities:public'

const label = 'leaf entities public v1\0'

/** The 32 bytes that the owner signs. */
export function publicMessage(
  serverName: string,
  { capability, isPublic, statedAt }: Omit<PublicWish, 'signature'>,
): Uint8Array {
  const at = Buffer.alloc(8)
  at.writeBigUInt64BE(BigInt(statedAt))
  return william3(
    Buffer.concat([
      Buffer.from(`${label}${serverName}\0`),
      Uint8Array.of(isPublic ? 1 : 0),
      at,
      encodeCapability(capability),
    ]),
  )
}

export interface PublicAreasOptions {
  readonly database: Database
  readonly verifier: Verifier
  readonly ed25519: Ed25519
  readonly keeping: Keeping
  readonly serverName: string
  readonly serverKey: Uint8Array
  readonly clock: Clock
}

export function createPublicAreas(options: PublicAreasOptions): PublicAreas {
  const { database, clock } = options
  const remembered = createBoundedMap<string, { readonly areas: readonly Area[]; readonly untilMs: number }>(
    rememberedMax,
  )
  const stop = database.listen(publicChannel, () => remembered.clear())

  const areasOf = async (namespace: Uint8Array, subspace: Uint8Array | undefined) => {
    const name = hexOf(namespace) + (subspace === undefined ? '' : hexOf(subspace))
    const nowMs = clock.monotonic()
    const known = remembered.get(name)
    if (known !== undefined && known.untilMs > nowMs) return known.areas
    const rows = await publicCapabilities(database.direct, { namespace, subspace }, statementsMax * 2)
    const areas = rows.map(row => grantedArea(decodeCapability(row)))
    remembered.set(name, { areas, untilMs: nowMs + rememberedMs })
    return areas
  }

  return {
    state: async wish => {
      await assertStatement(wish, options)
      const { capability, isPublic, statedAt } = wish
      const area = grantedArea(capability)
      const { namespace } = capability
      const subspace = area.subspace ?? new Uint8Array()
      const outcome = await database.write(
        async tx => {
          const areaHash = william3(encodeAreaInArea(area, fullArea))
          const statement = { namespace, subspace, area: areaHash, isPublic, statedAt }
          if (!(await putStatement(tx, { ...statement, capability: encodeCapability(capability) })))
            return 'older'
          if ((await countStatements(tx, statement)) > statementsMax)
            throw new Refusal('limited', `expected at most ${statementsMax} statements about one subspace`)
          tx.notify(publicChannel)
          return 'kept'
        },
        { locks: [`entities:public:${hexOf(subspace)}`] },
      )
      remembered.clear()
      if (outcome === 'older') throw new Refusal('conflict', 'a later statement about this area is here')
    },
    isPublicEntry: async entry =>
      (await areasOf(entry.namespace, entry.subspace)).some(area => areaIncludes(area, entry)),
    isPublicArea: async ({ namespace, area }) =>
      (await areasOf(namespace, area.subspace)).some(one => areaIncludesArea(one, area)),
    areasOf,
    stop,
  }
}

async function assertStatement(wish: PublicWish, options: PublicAreasOptions): Promise<void> {
  const { capability, statedAt, signature } = wish
  const { serverKey, verifier, ed25519, serverName, clock, keeping } = options
  if (capability.mode !== 'read' || !equalBytes(receiverOf(capability), serverKey))
    throw new Refusal('invalid', 'expected a read capability for the key of this server')
  if (capability.delegations.length !== 1)
    throw new Refusal('invalid', 'expected a capability straight from its owner')
  const isKept =
    keeping.isNamespaceKept(capability.namespace) && (await keeping.quotaOf(capability.user)).entries > 0
  if (!isKept) throw new Refusal('forbidden', 'expected a subspace that is kept here')
  if (!Number.isSafeInteger(statedAt) || Math.abs(statedAt - clock.now()) > skewMs)
    throw new Refusal('invalid', 'expected a statement of now, by a clock that is right')
  const fault = await verifier.capabilityFault(capability)
  if (fault !== undefined)
    throw new Refusal('forbidden', `expected a capability that holds, got one with ${fault}`)
  const message = publicMessage(serverName, wish)
  if (!(await verifyStrict(ed25519, capability.user, message, signature)))
    throw new Refusal('forbidden', 'expected the statement to be signed by the owner')
}
