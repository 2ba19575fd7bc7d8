/** What the session methods say about an account. */
import type { Did, DidDocument } from '../../../../kernel/identity/types.ts'
import type { Account } from '../../../database/accounts.ts'

/** The DID's document; undefined when it cannot be had now. */
export type DocumentOf = (did: Did) => Promise<DidDocument | undefined>

/** As clients know an account: `didDoc` tells them where its host is. */
export async function sessionView(account: Account, documentOf: DocumentOf) {
  return {
    did: account.did,
    didDoc: await documentOf(account.did),
    handle: account.handle ?? 'handle.invalid',
    email: account.email ?? undefined,
    emailConfirmed: account.emailConfirmedAt !== null,
    active: account.status === 'active',
    status: account.status === 'active' ? undefined : account.status,
  }
}
