/** What changes to a did:plc say, and what they must say for an account to be served here. No calls. */
import { parseDidKey } from '../../kernel/did-key.ts'
import { isServiceMap, isStringMap } from '../../kernel/identity/json.ts'
import {
  isTombstone,
  type RegularPlcOperation,
  regularOperation,
  type UnsignedPlcOperation,
} from '../../kernel/identity/plc-operation.ts'
import type { PlcOperation } from '../../kernel/identity/types.ts'
import type { Account } from '../database/accounts.ts'
import { refuse } from '../xrpc/refuse.ts'
import { pdsService, rotationKeysOf } from './creation.ts'

/** The newest operation of a DID in the directory. */
export interface LastOperation {
  readonly cid: string
  readonly operation: PlcOperation
}

/** What is to be different; what is absent stays. */
export type PlcChanges = Partial<
  Pick<UnsignedPlcOperation, 'rotationKeys' | 'alsoKnownAs' | 'verificationMethods' | 'services'>
>

/** The newest operation in today's form. Throws InvalidRequest when the DID was given up, or is unknown. */
export function currentOperation(last: LastOperation | undefined): RegularPlcOperation {
  if (last === undefined) throw refuse('InvalidRequest', 'the PLC directory does not know this DID')
  if (isTombstone(last.operation)) throw refuse('InvalidRequest', 'Did is tombstoned')
  const current = regularOperation(last.operation)
  if (current === undefined)
    throw refuse('InvalidRequest', 'the last PLC operation of this DID is of an unknown type')
  return current
}

/** The operation that follows `last` with some things changed, to be signed. */
export function nextOperation(last: LastOperation | undefined, changes: PlcChanges): UnsignedPlcOperation {
  const { rotationKeys, alsoKnownAs, verificationMethods, services } = currentOperation(last)
  return {
    type: 'plc_operation',
    rotationKeys: changes.rotationKeys ?? rotationKeys,
    verificationMethods: changes.verificationMethods ?? verificationMethods,
    alsoKnownAs: changes.alsoKnownAs ?? alsoKnownAs,
    services: changes.services ?? services,
    prev: last?.cid ?? null,
  }
}

/** The names of a DID with its handle, the first `at://`, replaced; other names stay where they are. */
export function withHandle(alsoKnownAs: readonly string[], handle: string): readonly string[] {
  const at = alsoKnownAs.findIndex(uri => uri.startsWith('at://'))
  return at < 0 ? [`at://${handle}`, ...alsoKnownAs] : alsoKnownAs.with(at, `at://${handle}`)
}

const rotationKeysMax = 5

/** What a client asks to be signed, checked as the directory will. Throws InvalidRequest. */
export function decodeChanges(input: {
  readonly rotationKeys?: readonly string[]
  readonly alsoKnownAs?: readonly string[]
  readonly verificationMethods?: unknown
  readonly services?: unknown
}): PlcChanges {
  const { rotationKeys, alsoKnownAs, verificationMethods, services } = input
  if (rotationKeys !== undefined) checkRotationKeys(rotationKeys)
  if (verificationMethods !== undefined) {
    if (!isStringMap(verificationMethods)) {
      throw refuse('InvalidRequest', 'verificationMethods must be a map of names to did:keys')
    }
    Object.values(verificationMethods).forEach(checkKey)
  }
  if (services !== undefined && !isServiceMap(services)) {
    throw refuse('InvalidRequest', 'services must be a map of names to { type, endpoint }')
  }
  return {
    ...(rotationKeys === undefined ? {} : { rotationKeys }),
    ...(alsoKnownAs === undefined ? {} : { alsoKnownAs }),
    ...(verificationMethods === undefined ? {} : { verificationMethods }),
    ...(services === undefined ? {} : { services }),
  }
}

/** Throws InvalidRequest unless there are 1 to 5 did:keys that we know, none twice. */
export function checkRotationKeys(rotationKeys: readonly string[]): void {
  if (rotationKeys.length < 1 || rotationKeys.length > rotationKeysMax) {
    throw refuse(
      'InvalidRequest',
      `expected 1 to ${rotationKeysMax} rotation keys, got ${rotationKeys.length}`,
    )
  }
  if (new Set(rotationKeys).size < rotationKeys.length) {
    throw refuse('InvalidRequest', 'a rotation key is listed twice')
  }
  rotationKeys.forEach(checkKey)
}

function checkKey(text: string): void {
  if (parseDidKey(text) === undefined) {
    throw refuse(
      'InvalidRequest',
      `expected a did:key of a secp256k1 or P-256 key, got ${text.slice(0, 100)}`,
    )
  }
}

export interface ServedHere {
  /** Where this server is found, without a trailing slash. */
  readonly publicUrl: string
  /** The operator's offline rotation key. */
  readonly operatorKey: string | undefined
}

export type IdentityOfAccount = Pick<Account, 'handle' | 'signingKey' | 'rotationKey' | 'recoveryKey'>

/** What the DID of an account should say while the account is here. */
export function recommendedCredentials(account: IdentityOfAccount, { publicUrl, operatorKey }: ServedHere) {
  const { handle, recoveryKey, rotationKey: serverKey } = account
  return {
    ...(handle === null ? {} : { alsoKnownAs: [`at://${handle}`] }),
    verificationMethods: { atproto: account.signingKey },
    rotationKeys: rotationKeysOf({ recoveryKey, operatorKey, serverKey }),
    services: { atproto_pds: pdsService(publicUrl) },
  }
}

/** Throws InvalidRequest for an operation after which this server could not serve the account. */
export function assertKeepsAccountHere(
  operation: RegularPlcOperation,
  account: IdentityOfAccount,
  { publicUrl }: Pick<ServedHere, 'publicUrl'>,
): void {
  const pds = operation.services['atproto_pds']
  if (!operation.rotationKeys.includes(account.rotationKey)) {
    throw refuse('InvalidRequest', "Rotation keys do not include server's rotation key")
  }
  if (pds?.type !== 'AtprotoPersonalDataServer') {
    throw refuse('InvalidRequest', 'Incorrect type on atproto_pds service')
  }
  if (pds.endpoint !== publicUrl) {
    throw refuse('InvalidRequest', 'Incorrect endpoint on atproto_pds service')
  }
  if (operation.verificationMethods['atproto'] !== account.signingKey) {
    throw refuse('InvalidRequest', 'Incorrect signing key')
  }
  if (account.handle !== null && operation.alsoKnownAs[0] !== `at://${account.handle}`) {
    throw refuse('InvalidRequest', 'Incorrect handle in alsoKnownAs')
  }
}
