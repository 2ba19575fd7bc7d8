/** How much an owner may have, and how much she has. */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Database, ReadTx } from '../../kernel/storage/database.ts'
import { countPending } from '../database/pending.ts'
import { putQuota, quotaRow, usedBy } from '../database/quotas.ts'
import type { Quota } from './contract.ts'

export interface Quotas {
  of(owner: string): Promise<{ readonly quota: Quota; readonly used: Quota }>
  set(owner: string, quota: Quota | undefined): Promise<void>
  /** Throws Refusal `forbidden` when the owner has no room for so many bytes more. */
  checkBytes(owner: string, bytes: number): Promise<void>
  /** Notes bytes that were stored. */
  added(owner: string, bytes: number): void
  /** Throws Refusal `forbidden` when the owner may have no further stream, those on their way counted. */
  checkStreams(tx: ReadTx, owner: string): Promise<void>
  forget(owner: string): void
}

/** Owners whose use is remembered. */
const ownersMax = 10_000
/** How long: other nodes add to it, too. */
const rememberMs = 30_000

interface Known {
  readonly quota: Quota
  bytes: number
  readonly untilMs: number
}

export function createQuotas(deps: {
  readonly database: Pick<Database, 'read' | 'write'>
  readonly clock: Clock
  readonly fallback: Quota
}): Quotas {
  const { database, clock, fallback } = deps
  const known = createBoundedMap<string, Known>(ownersMax)

  const quotaIn = async (tx: ReadTx, owner: string) => ({
    quota: (await quotaRow(tx, owner)) ?? fallback,
    used: await usedBy(tx, owner),
  })
  const of = (owner: string) => database.read(tx => quotaIn(tx, owner))
  /** One look for all who ask meanwhile, who then go on in the order in which they asked. */
  const looking = new Map<string, Promise<Known>>()
  const look = async (owner: string): Promise<Known> => {
    const { quota, used } = await of(owner)
    const fresh = { quota, bytes: used.bytes, untilMs: clock.monotonic() + rememberMs }
    known.set(owner, fresh)
    return fresh
  }
  const knownOf = async (owner: string): Promise<Known> => {
    const there = known.get(owner)
    if (there !== undefined && clock.monotonic() < there.untilMs) return there
    const under = looking.get(owner) ?? look(owner).finally(() => looking.delete(owner))
    looking.set(owner, under)
    return under
  }

  return {
    of,
    set: async (owner, quota) => {
      await database.write(tx => putQuota(tx, owner, quota))
      known.delete(owner)
    },
    checkBytes: async (owner, bytes) => {
      const { quota, bytes: used } = await knownOf(owner)
      if (used + bytes > quota.bytes) {
        throw new Refusal(
          'forbidden',
          `The stream's owner may store ${quota.bytes} bytes, and has ${used}: ${bytes} more do not fit`,
        )
      }
    },
    added: (owner, bytes) => {
      const there = known.get(owner)
      if (there !== undefined) there.bytes += bytes
    },
    checkStreams: async (tx, owner) => {
      const { quota, used } = await quotaIn(tx, owner)
      const streams = used.streams + (await countPending(tx, owner))
      if (streams >= quota.streams) {
        throw new Refusal('forbidden', `You may have ${quota.streams} streams, and have ${streams}`)
      }
    },
    forget: owner => known.delete(owner),
  }
}
