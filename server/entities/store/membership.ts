/** Accounts and their subspaces: linked with a proof, emptied when the link or the account goes. */
import type { Ed25519 } from '@leaf/entities/crypto'
import { isSpaceProven, type SpaceRecord } from '@leaf/entities/resolver/space-record'
import type { EntryStore, SubspaceUsage } from '@leaf/entities/store/contract'
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import type { Logger } from '../../kernel/log.ts'
import type { Database } from '../../kernel/storage/database.ts'
import {
  deleteRemoved,
  type Member,
  markRemoved,
  markSubspaceRemoved,
  memberDids,
  memberOf,
  membersOfDid,
  putMember,
  removedSubspaces,
} from '../database/members.ts'
import { deleteStatementsOf } from '../database/public-areas.ts'
import type { Accounts } from '../dependencies.ts'
import { hexOf } from '../hex.ts'
import { type Keeping, membersChannel } from './keeping.ts'

/** Subspaces that one account may link: a new key now and then. */
export const linksMax = 4

/** A linked subspace, and what it takes here. */
export interface LinkedSubspace extends Member {
  readonly usage: SubspaceUsage
  readonly quota: SubspaceUsage
}

export interface Membership {
  /** Links a subspace with an account. Throws Refusal when the proof does not hold, or it is somebody else's. */
  link(record: SpaceRecord): Promise<void>
  /** Ends a link and removes what is stored of the subspace here. False: it was not linked. */
  unlink(did: string, subspace: Uint8Array): Promise<boolean>
  /** The subspaces of an account, the one that was linked last first. */
  linkedBy(did: string): Promise<readonly LinkedSubspace[]>
  /** Whose a subspace is; undefined: nobody's here. */
  ownerOf(subspace: Uint8Array): Promise<string | undefined>
  /** The account is gone: so is what it has here. */
  removeAccount(did: string): Promise<void>
  start(): void
  stop(): Promise<void>
  /** Finishes what was interrupted, and looks for accounts that are gone. Runs by itself from `start` on. */
  sweep(): Promise<void>
}

/** How often it is looked for accounts that are gone: what was missed by word is found by looking. */
const sweepMs = 900_000
const sweptAtOnce = 100

export interface MembershipOptions {
  readonly database: Database
  readonly store: EntryStore
  readonly keeping: Keeping
  readonly ed25519: Ed25519
  readonly accounts: Accounts | undefined
  readonly clock: Clock
  readonly log: Logger
}

export function createMembership(options: MembershipOptions): Membership {
  const { database, store, keeping, ed25519, accounts, clock, log } = options
  const cancels: (() => void)[] = []
  let sweeping: Promise<void> | undefined

  const empty = async (subspace: Uint8Array) => {
    for (const namespace of await store.namespaces()) await store.forget(namespace, subspace)
    await database.write(async tx => {
      await deleteStatementsOf(tx, subspace)
      await deleteRemoved(tx, subspace)
      tx.notify(membersChannel)
      tx.notify('entities:public')
    })
  }
  const emptyRemoved = async () => {
    for (const subspace of await removedSubspaces(database.direct, sweptAtOnce)) await empty(subspace)
  }
  const findGone = async () => {
    if (accounts === undefined) return
    for (let after = ''; ; ) {
      const dids = await memberDids(database.direct, after, sweptAtOnce)
      for (const did of dids) if (!(await accounts.exists(did))) await mark(did)
      const last = dids.at(-1)
      if (last === undefined || dids.length < sweptAtOnce) return
      after = last
    }
  }
  const mark = (did: string) =>
    database.write(async tx => {
      await markRemoved(tx, did, clock.now())
      tx.notify(membersChannel)
    })
  const sweep = () =>
    (sweeping ??= findGone()
      .then(emptyRemoved)
      .catch((error: unknown) =>
        log.warn({ error }, 'subspaces of accounts that are gone could not be emptied: tried again later'),
      )
      .finally(() => {
        sweeping = undefined
      }))

  const usageOf = async ({ namespace, subspace }: Member): Promise<SubspaceUsage> => {
    // Pages begin after a subspace: the one before it in order.
    const page = await store.subspaces(namespace, before(subspace), 1)
    const [found] = page
    return found !== undefined && Buffer.compare(found.subspace, subspace) === 0
      ? { entries: found.entries, bytes: found.bytes }
      : { entries: 0, bytes: 0 }
  }

  const removeAccount = async (did: string) => {
    await mark(did)
    await emptyRemoved()
  }
  if (accounts !== undefined) {
    cancels.push(
      accounts.onRemoved(did => {
        removeAccount(did).catch((error: unknown) =>
          log.warn({ error, did }, 'what a deleted account had could not be removed: tried again later'),
        )
      }),
    )
  }

  return {
    link: async record => {
      const { did, subspace, namespace } = record
      if (!keeping.isNamespaceKept(namespace))
        throw new Refusal('invalid', `expected a namespace that is kept here, got ${hexOf(namespace)}`)
      if (!(await isSpaceProven(ed25519, record)))
        throw new Refusal(
          'invalid',
          'expected a proof that was made for this account, by the key of the subspace',
        )
      await database.write(
        async tx => {
          const known = await membersOfDid(tx, did, linksMax + 1)
          const isKnown = known.some(one => Buffer.compare(one.subspace, subspace) === 0)
          if (!isKnown && known.length >= linksMax)
            throw new Refusal(
              'limited',
              `expected at most ${linksMax} subspaces of one account: unlink one first`,
            )
          if (!(await putMember(tx, { did, subspace, namespace, linkedAt: clock.now() })))
            throw new Refusal('conflict', 'this subspace is linked with another account, or is being emptied')
          tx.notify(membersChannel)
        },
        { locks: [`entities:member:${did}`] },
      )
    },
    unlink: async (did, subspace) => {
      const ended = await database.write(async tx => {
        tx.notify(membersChannel)
        return markSubspaceRemoved(tx, { did, subspace }, clock.now())
      })
      if (ended) await empty(subspace)
      return ended
    },
    linkedBy: async did => {
      const members = await membersOfDid(database.direct, did, linksMax)
      return Promise.all(
        members.map(async member => ({
          ...member,
          usage: await usageOf(member),
          quota: await keeping.quotaOf(member.subspace),
        })),
      )
    },
    ownerOf: async subspace => (await memberOf(database.direct, subspace))?.did,
    removeAccount,
    start: () => {
      void sweep()
      cancels.push(clock.every(sweepMs, () => void sweep()))
    },
    stop: async () => {
      for (const cancel of cancels) cancel()
      await sweeping
    },
    sweep,
  }
}

/** The greatest 32 bytes below some; undefined: there are none. */
function before(subspace: Uint8Array): Uint8Array | undefined {
  const bytes = subspace.slice()
  for (let at = bytes.length - 1; at >= 0; at--) {
    const byte = bytes[at] ?? 0
    if (byte > 0) {
      bytes[at] = byte - 1
      return bytes.fill(0xff, at + 1)
    }
  }
  return undefined
}
