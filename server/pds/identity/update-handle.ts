/** Gives an account another handle. */
import { claimedHandleOf } from '../../kernel/identity/document.ts'
import { signPlcOperation } from '../../kernel/identity/plc-operation.ts'
import type { Did, Handle, IdentityResolver, PlcClient } from '../../kernel/identity/types.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { type Account, accountByDid } from '../database/accounts.ts'
import { refuse } from '../xrpc/refuse.ts'
import { publishOperation } from './creation.ts'
import type { DidChanges } from './did-changes.ts'
import type { Handles } from './handles.ts'
import type { AccountKeys } from './keys.ts'
import { currentOperation, nextOperation, withHandle } from './plc.ts'

/**
 * `handle` as it was typed; gives it normalised. Under our domains our rules hold (`allowReserved` for the operator);
 * a foreign one must resolve to the DID. Throws the reference's names: InvalidHandle, HandleNotAvailable, InvalidRequest.
 */
export type UpdateHandle = (
  did: Did,
  handle: string,
  options?: { readonly allowReserved?: boolean },
) => Promise<Handle>

export interface UpdateHandleDependencies {
  readonly database: Database
  readonly handles: Handles
  readonly keys: AccountKeys
  readonly plc: PlcClient
  readonly resolver: IdentityResolver
  readonly changes: DidChanges
}

/** The act behind `updateHandle`, the account page and the operator's command. */
export function createUpdateHandle(dependencies: UpdateHandleDependencies): UpdateHandle {
  const { database, handles, resolver, changes } = dependencies
  return async (did, input, options = {}) => {
    const account = await database.read(tx => accountByDid(tx, did))
    if (account === undefined) throw refuse('InvalidRequest', 'Account not found')
    const handle = handles.forUpdate(input, options)
    if (!handles.isOurs(handle) && (await resolver.handle(handle)) !== did) {
      throw refuse('InvalidRequest', 'External handle did not resolve to DID')
    }
    await changes.run(account, { purpose: 'handle', handle }, () => publish(account, handle, dependencies))
    return handle
  }
}

async function publish(
  account: Account,
  handle: Handle,
  { database, keys, plc, resolver }: UpdateHandleDependencies,
): Promise<void> {
  const { did } = account
  if (!did.startsWith('did:plc:')) {
    // Its owner alone can change such a document.
    const document = await resolver.document(did, { force: true })
    if (document === undefined || claimedHandleOf(document) !== handle) {
      throw refuse('InvalidRequest', 'DID is not properly configured for handle')
    }
    return
  }
  const last = await plc.last(did)
  const { alsoKnownAs, rotationKeys } = currentOperation(last)
  const changed = withHandle(alsoKnownAs, handle)
  // It says so already: only the network is told once more.
  if (changed.every((uri, at) => uri === alsoKnownAs[at])) return
  if (!rotationKeys.includes(account.rotationKey)) {
    throw refuse('InvalidRequest', "Rotation keys do not include server's rotation key")
  }
  const rotationKey = await database.read(tx => keys.rotationKeyFor(tx, account))
  const operation = signPlcOperation(nextOperation(last, { alsoKnownAs: changed }), rotationKey)
  await publishOperation(plc, did, operation)
}
