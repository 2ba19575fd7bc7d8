/**
 * Changes to a DID: a pending row, the call to the directory, and a second transaction that makes the change ours. When
 * it is cut off between, `settle` asks the directory what became of it.
 */
import type { Clock } from '../../kernel/clock.ts'
import { Refusal } from '../../kernel/errors.ts'
import { claimedHandleOf } from '../../kernel/identity/document.ts'
import { isObject } from '../../kernel/identity/json.ts'
import {
  cidOfPlcOperation,
  isRegularOperation,
  type RegularPlcOperation,
  regularOperation,
} from '../../kernel/identity/plc-operation.ts'
import type { Did, Handle, IdentityResolver, PlcClient } from '../../kernel/identity/types.ts'
import type { Database, Tx } from '../../kernel/storage/database.ts'
import { type Account, accountById, setHandle } from '../database/accounts.ts'
import {
  deletePendingOperation,
  handleLock,
  insertPendingOperation,
  type PendingOperation,
  pendingOperationOf,
  setRecoveryKey,
  setRotationKey,
} from '../database/identity.ts'
import { repoLocks, type Sequencer } from '../sync/events.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { Handles } from './handles.ts'
import type { RotationKey } from './keys.ts'

export type DidChange =
  | { readonly purpose: 'handle'; readonly handle: Handle }
  | {
      readonly purpose: 'operation'
      readonly operation: RegularPlcOperation
      /** What the account's row takes over once the operation stands. */
      readonly recoveryKey?: string | null
      readonly rotation?: RotationKey
    }

export interface DidChanges {
  /** Runs `publish` between the two transactions. A Refusal 'invalid' of it undoes; any other error leaves it to `settle`. */
  run(account: Account, change: DidChange, publish: () => Promise<void>): Promise<void>
  /** Finishes a change that was cut off, or undoes it, by what the directory says. Throws while it says nothing. */
  settle(pending: PendingOperation): Promise<'finished' | 'undone'>
}

export interface DidChangesDependencies {
  readonly database: Database
  readonly clock: Pick<Clock, 'now'>
  readonly plc: Pick<PlcClient, 'last'>
  readonly resolver: Pick<IdentityResolver, 'document' | 'forget'>
  readonly sequencer: Pick<Sequencer, 'identity'>
  readonly handles: Pick<Handles, 'requireFree'>
}

/** Changes to the DIDs of accounts. */
export function createDidChanges(dependencies: DidChangesDependencies): DidChanges {
  const { database, resolver } = dependencies
  const finish = async (account: Pick<Account, 'id' | 'did'>, id: number, change: DidChange) => {
    const done = await database.write(
      async tx => {
        if (!(await deletePendingOperation(tx, id))) return false
        await apply(tx, account, change, dependencies.sequencer)
        return true
      },
      { locks: repoLocks(account.did) },
    )
    resolver.forget(account.did)
    return done
  }
  const undo = (id: number) => database.write(tx => deletePendingOperation(tx, id))
  return {
    run: async (account, change, publish) => {
      const id = await begin(account, change, dependencies)
      try {
        await publish()
      } catch (error) {
        if (error instanceof Refusal && error.code === 'invalid') await undo(id)
        throw error
      }
      if (!(await finish(account, id, change))) {
        throw new Refusal(
          'unavailable',
          'the change took too long and was settled elsewhere; look again in a minute',
        )
      }
    },
    settle: async pending => {
      const account = await database.read(tx => accountById(tx, pending.account))
      const change = decodeChange(pending)
      if (account !== undefined && (await stands(account.did, change, dependencies))) {
        await finish(account, pending.id, change)
        return 'finished'
      }
      await undo(pending.id)
      return 'undone'
    },
  }
}

/** Notes the change; one at a time for each account. Gives the row's id. */
function begin(account: Account, change: DidChange, dependencies: DidChangesDependencies): Promise<number> {
  const createdAt = dependencies.clock.now()
  const { purpose } = change
  const locks = [`identity:${account.did}`, ...(purpose === 'handle' ? [handleLock(change.handle)] : [])]
  return dependencies.database.write(
    async tx => {
      if ((await pendingOperationOf(tx, account.id)) !== undefined) {
        throw refuse(
          'InvalidRequest',
          'another change of this identity is under way; try again in two minutes',
        )
      }
      if (purpose === 'handle') await dependencies.handles.requireFree(tx, change.handle, account.id)
      return insertPendingOperation(tx, {
        account: account.id,
        purpose,
        data: encodeChange(change),
        createdAt,
      })
    },
    { locks },
  )
}

async function apply(
  tx: Tx,
  { id, did }: Pick<Account, 'id' | 'did'>,
  change: DidChange,
  sequencer: Pick<Sequencer, 'identity'>,
): Promise<void> {
  if (change.purpose === 'handle') {
    await setHandle(tx, id, change.handle)
    await sequencer.identity(tx, { did, handle: change.handle })
    return
  }
  if (change.recoveryKey !== undefined) await setRecoveryKey(tx, id, change.recoveryKey)
  if (change.rotation !== undefined) await setRotationKey(tx, id, change.rotation)
  await sequencer.identity(tx, { did })
}

/** Whether the world sees the change already. */
async function stands(
  did: Did,
  change: DidChange,
  { plc, resolver }: Pick<DidChangesDependencies, 'plc' | 'resolver'>,
): Promise<boolean> {
  if (!did.startsWith('did:plc:')) {
    const document = await resolver.document(did, { force: true })
    return (
      change.purpose === 'handle' && document !== undefined && claimedHandleOf(document) === change.handle
    )
  }
  const last = await plc.last(did)
  if (last === undefined) return false
  if (change.purpose === 'operation') return last.cid === cidOfPlcOperation(change.operation)
  const current = regularOperation(last.operation)
  return current !== undefined && claimedHandleOf(current) === change.handle
}

function encodeChange(change: DidChange): string {
  if (change.purpose === 'handle') return JSON.stringify({ handle: change.handle })
  const { operation, recoveryKey, rotation } = change
  const sealed = rotation && Buffer.from(rotation.rotationKeySealed).toString('base64')
  return JSON.stringify({
    operation,
    recoveryKey,
    rotationKey: rotation?.rotationKey,
    rotationKeySealed: sealed,
  })
}

/** What `encodeChange` wrote into this database. */
function decodeChange({ purpose, data }: PendingOperation): DidChange {
  const value: unknown = JSON.parse(data)
  const fields = isObject(value) ? value : {}
  const { handle, operation, recoveryKey, rotationKey, rotationKeySealed } = fields
  if (purpose === 'handle' && typeof handle === 'string') return { purpose, handle: handle as Handle }
  if (purpose !== 'operation' || !isRegularOperation(operation)) {
    throw new Error(`a pending change of the purpose ${purpose} cannot be read`)
  }
  const rotation =
    typeof rotationKey === 'string' &&
    rotationKey.startsWith('did:key:') &&
    typeof rotationKeySealed === 'string'
      ? {
          rotationKey: rotationKey as RotationKey['rotationKey'],
          rotationKeySealed: new Uint8Array(Buffer.from(rotationKeySealed, 'base64')),
        }
      : undefined
  return {
    purpose,
    operation,
    ...(typeof recoveryKey === 'string' || recoveryKey === null ? { recoveryKey } : {}),
    ...(rotation === undefined ? {} : { rotation }),
  }
}
