/** New identities: keys, the first PLC operation and the DID that follows from it; and keys for a DID that moves in. */
import { Refusal } from '../../kernel/errors.ts'
import { parseDidKey } from '../../kernel/did-key.ts'
import {
  cidOfPlcOperation,
  didOfGenesis,
  type RegularPlcOperation,
  signPlcOperation,
} from '../../kernel/identity/plc-operation.ts'
import type { Did, IdentityResolver, PlcClient, PlcOperation } from '../../kernel/identity/types.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { AccountKeys, StoredKeys } from './keys.ts'

export interface PreparedIdentity extends StoredKeys {
  readonly did: Did
  /** The signed first operation, to be handed to `publishIdentity`. */
  readonly operation: RegularPlcOperation
}

export interface IdentityCreation {
  /**
   * A new DID with its keys. Nothing is called: store it as pending, then publish. `handle` is normalised,
   * `recoveryKey` a did:key of the person's own that stands above the server's. Throws InvalidRequest for a bad one.
   */
  prepareIdentity(request: { readonly handle: string; readonly recoveryKey?: string }): PreparedIdentity
  /** Enters the DID into the directory. Safe to repeat: an operation that stands there already is done. */
  publishIdentity(did: Did, operation: PlcOperation): Promise<void>
  /** Whether the directory knows the DID: what to ask about a creation that was interrupted. */
  isPublished(did: Did): Promise<boolean>
  /** Fresh keys for a DID that exists already and moves in: its owner enters them by a PLC operation of his own. */
  prepareKeys(did: Did): StoredKeys
  /** Throws when a DID that wants to move in does not exist, or is of a method that we do not know. */
  validateExistingDid(did: Did): Promise<void>
}

export interface IdentityCreationDependencies {
  readonly keys: AccountKeys
  readonly plc: PlcClient
  readonly resolver: Pick<IdentityResolver, 'document'>
  /** Where this server is found, without a trailing slash: the DID's `atproto_pds` endpoint. */
  readonly publicUrl: string
  /** The operator's offline rotation key. */
  readonly operatorKey: string | undefined
}

/** Acts that make identities. */
export function createIdentityCreation(dependencies: IdentityCreationDependencies): IdentityCreation {
  const { keys, plc, resolver, publicUrl, operatorKey } = dependencies
  return {
    prepareIdentity: ({ handle, recoveryKey }) => {
      if (recoveryKey !== undefined && parseDidKey(recoveryKey) === undefined) {
        throw refuse('InvalidRequest', 'recoveryKey must be a did:key of a secp256k1 or P-256 key')
      }
      const pair = keys.create()
      const operation = signPlcOperation(
        {
          type: 'plc_operation',
          rotationKeys: rotationKeysOf({ recoveryKey, operatorKey, serverKey: pair.rotation.didKey }),
          verificationMethods: { atproto: pair.signing.didKey },
          alsoKnownAs: [`at://${handle}`],
          services: { atproto_pds: pdsService(publicUrl) },
          prev: null,
        },
        pair.rotation,
      )
      const did = didOfGenesis(operation)
      return { did, operation, ...keys.seal(did, pair) }
    },
    publishIdentity: (did, operation) => publishOperation(plc, did, operation),
    isPublished: async did => (await plc.last(did)) !== undefined,
    prepareKeys: did => keys.seal(did, keys.create()),
    validateExistingDid: async did => {
      if (!/^did:(plc|web):/.test(did)) {
        throw refuse('InvalidRequest', `expected a did:plc or did:web, got ${did}`)
      }
      const document = await resolver.document(did, { force: true })
      if (document === undefined) throw refuse('UnresolvableDid', `could not resolve DID: ${did}`)
    },
  }
}

/** Falling priority: who stands first can undo what the ones after it signed. No key twice. */
export function rotationKeysOf(of: {
  readonly recoveryKey: string | null | undefined
  readonly operatorKey: string | undefined
  readonly serverKey: string
}): readonly string[] {
  const given = [of.recoveryKey, of.operatorKey, of.serverKey]
  return [...new Set(given.filter(item => item !== undefined && item !== null))]
}

/** The service entry that says that a DID's repository is here. */
export function pdsService(publicUrl: string): { readonly type: string; readonly endpoint: string } {
  return { type: 'AtprotoPersonalDataServer', endpoint: publicUrl }
}

/**
 * Hands an operation to the directory. When that fails, the directory is asked whether the operation stands there all
 * the same: an answer may have been lost, or this may be the second attempt.
 */
export async function publishOperation(plc: PlcClient, did: Did, operation: PlcOperation): Promise<void> {
  try {
    await plc.submit(did, operation)
  } catch (error) {
    if (!(error instanceof Refusal) || !(await stands(plc, did, operation))) throw error
  }
}

async function stands(plc: PlcClient, did: Did, operation: PlcOperation): Promise<boolean> {
  try {
    return (await plc.last(did))?.cid === cidOfPlcOperation(operation)
  } catch (error) {
    // The first error says more than that the directory is still unreachable.
    if (error instanceof Refusal) return false
    throw error
  }
}
