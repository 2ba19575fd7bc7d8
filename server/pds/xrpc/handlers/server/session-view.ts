/** What the session methods say about an account. */
import { Refusal } from '../../../../kernel/errors.ts'
import type { Did, DidDocument } from '../../../../kernel/identity/types.ts'
import type { Account } from '../../../database/accounts.ts'

/** The DID's document; undefined when there is none. May throw a Refusal when it cannot be had now. */
export type DocumentOf = (did: Did) => Promise<DidDocument | undefined>

/** As clients know an account: `didDoc` tells them where its host is. */
export async function sessionView(account: Account, documentOf: DocumentOf) {
  return {
    did: account.did,
    didDoc: await documentIfAny(account.did, documentOf),
    handle: account.handle ?? 'handle.invalid',
    email: account.email ?? undefined,
    emailConfirmed: account.emailConfirmedAt !== null,
    active: account.status === 'active',
    status: account.status === 'active' ? undefined : account.status,
  }
}

/** A session does not depend on the directory's answer: clients do without the document. */
export async function documentIfAny(did: Did, documentOf: DocumentOf): Promise<DidDocument | undefined> {
  try {
    return await documentOf(did)
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}
