/** Whether a DID, as the world sees it, names this server and this account's keys: what activation depends on. */
import { atprotoKeyOf, pdsEndpointOf } from '../../kernel/identity/document.ts'
import type { IdentityResolver, PlcClient } from '../../kernel/identity/types.ts'
import type { Account } from '../database/accounts.ts'
import { refuse } from '../xrpc/refuse.ts'

export type AssertServedHere = (account: Pick<Account, 'did' | 'signingKey' | 'rotationKey'>) => Promise<void>

export interface ServedHereDependencies {
  readonly plc: Pick<PlcClient, 'data'>
  readonly resolver: Pick<IdentityResolver, 'document'>
  /** Where this server is found, without a trailing slash. */
  readonly publicUrl: string
}

/** Gives a function that throws InvalidRequest with what is wrong. The source is asked, never a cache. */
export function createAssertServedHere(dependencies: ServedHereDependencies): AssertServedHere {
  return async account => {
    const { endpoint, signingKey, rotationKeys } = await factsOf(account.did, dependencies)
    if (rotationKeys !== undefined && !rotationKeys.includes(account.rotationKey)) {
      throw refuse('InvalidRequest', 'Server rotation key not included in PLC DID data')
    }
    if (endpoint !== dependencies.publicUrl) {
      throw refuse(
        'InvalidRequest',
        'DID document atproto_pds service endpoint does not match PDS public url',
      )
    }
    if (signingKey !== account.signingKey) {
      throw refuse('InvalidRequest', 'DID document verification method does not match expected signing key')
    }
  }
}

interface Facts {
  readonly endpoint: string | undefined
  readonly signingKey: string | undefined
  /** Absent for a DID without such keys. */
  readonly rotationKeys?: readonly string[]
}

async function factsOf(did: Account['did'], { plc, resolver }: ServedHereDependencies): Promise<Facts> {
  if (did.startsWith('did:plc:')) {
    const data = await plc.data(did)
    if (data === undefined) throw refuse('InvalidRequest', 'Could not resolve DID')
    const endpoint = data.services['atproto_pds']?.endpoint
    return { endpoint, signingKey: data.verificationMethods['atproto'], rotationKeys: data.rotationKeys }
  }
  const document = await resolver.document(did, { force: true })
  if (document === undefined) throw refuse('InvalidRequest', 'Could not resolve DID')
  return { endpoint: pdsEndpointOf(document), signingKey: atprotoKeyOf(document) }
}
