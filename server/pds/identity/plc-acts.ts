/** Acts on the PLC operations of an account: sign what its owner asks for, submit, rotate keys. */
import {
  isRegularOperation,
  type RegularPlcOperation,
  signPlcOperation,
} from '../../kernel/identity/plc-operation.ts'
import type { Did, PlcClient } from '../../kernel/identity/types.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { type Account, accountByDid } from '../database/accounts.ts'
import { refuse } from '../xrpc/refuse.ts'
import { publishOperation } from './creation.ts'
import type { DidChange, DidChanges } from './did-changes.ts'
import type { AccountKeys } from './keys.ts'
import {
  assertKeepsAccountHere,
  checkRotationKeys,
  currentOperation,
  nextOperation,
  type PlcChanges,
  recommendedCredentials,
  type ServedHere,
} from './plc.ts'

export interface PlcActs {
  /**
   * An operation with these changes, signed with the server's rotation key, not submitted. `agree` is asked once nothing
   * else can fail and before anything is signed; it throws when the owner did not agree.
   */
  sign(did: Did, changes: PlcChanges, agree: () => Promise<void>): Promise<RegularPlcOperation>
  /** Submits what its owner or we signed, if the account can stay here with it, and announces the change. */
  submit(did: Did, operation: unknown): Promise<void>
  /** Gives the account a new server rotation key, or sets (null: removes) the person's own, above the server's. */
  rotateKeys(
    did: Did,
    wish: { readonly recoveryKey?: string | null; readonly serverKey?: boolean },
  ): Promise<void>
  /** What the DID should say while the account is here. */
  recommended(did: Did): Promise<ReturnType<typeof recommendedCredentials>>
}

export interface PlcActsDependencies extends ServedHere {
  readonly database: Database
  readonly keys: AccountKeys
  readonly plc: PlcClient
  readonly changes: DidChanges
}

/** The acts behind `signPlcOperation`, `submitPlcOperation` and the account page. */
export function createPlcActs(dependencies: PlcActsDependencies): PlcActs {
  const { database, keys, plc, changes } = dependencies
  const accountOf = async (did: Did) => {
    const account = await database.read(tx => accountByDid(tx, did))
    if (account === undefined) throw refuse('InvalidRequest', 'Account not found')
    return account
  }
  const plcAccountOf = async (did: Did) => {
    const account = await accountOf(did)
    if (!did.startsWith('did:plc:')) throw refuse('InvalidRequest', `expected a did:plc, got ${did}`)
    return account
  }
  const run = (account: Account, operation: RegularPlcOperation, more: RowChanges = {}) =>
    changes.run(account, { purpose: 'operation', operation, ...more }, () =>
      publishOperation(plc, account.did, operation),
    )
  return {
    sign: async (did, wished, agree) => {
      const account = await plcAccountOf(did)
      const unsigned = nextOperation(await plc.last(did), wished)
      const rotationKey = await database.read(tx => keys.rotationKeyFor(tx, account))
      await agree()
      return signPlcOperation(unsigned, rotationKey)
    },
    submit: async (did, operation) => {
      if (!isRegularOperation(operation)) throw refuse('InvalidRequest', 'Invalid operation')
      const account = await plcAccountOf(did)
      assertKeepsAccountHere(operation, account, dependencies)
      await run(account, operation)
    },
    rotateKeys: async (did, { recoveryKey, serverKey = false }) => {
      const account = await plcAccountOf(did)
      const last = await plc.last(did)
      const signer = await database.read(tx => keys.rotationKeyFor(tx, account))
      const rotation = serverKey ? keys.createRotationKey(did) : undefined
      const rotationKeys = rotatedKeys(currentOperation(last).rotationKeys, account, {
        recoveryKey: recoveryKey === undefined ? account.recoveryKey : recoveryKey,
        rotationKey: rotation?.rotationKey ?? account.rotationKey,
      })
      checkRotationKeys(rotationKeys)
      await run(account, signPlcOperation(nextOperation(last, { rotationKeys }), signer), {
        ...(recoveryKey === undefined ? {} : { recoveryKey }),
        ...(rotation === undefined ? {} : { rotation }),
      })
    },
    recommended: async did => recommendedCredentials(await accountOf(did), dependencies),
  }
}

type RowChanges = Omit<Extract<DidChange, { purpose: 'operation' }>, 'purpose' | 'operation'>
type OurKeys = Pick<Account, 'recoveryKey' | 'rotationKey'>

/** Keys that are not ours to know (another tool's, an old operator's) stay where they are. */
function rotatedKeys(now: readonly string[], before: OurKeys, after: OurKeys): readonly string[] {
  const kept = now
    .filter(one => one !== before.recoveryKey)
    .map(one => (one === before.rotationKey ? after.rotationKey : one))
  return after.recoveryKey === null ? kept : [...new Set([after.recoveryKey, ...kept])]
}
