/** Whose a handle is, and what an identity is: our accounts first, then the outside. */
import { Refusal } from '../../kernel/errors.ts'
import { claimedHandleOf } from '../../kernel/identity/document.ts'
import { isDid } from '../../kernel/identity/did.ts'
import type { Did, DidDocument, Handle, IdentityResolver } from '../../kernel/identity/types.ts'
import type { Database } from '../../kernel/storage/database.ts'
import { accountByHandle } from '../database/accounts.ts'
import { refuse } from '../xrpc/refuse.ts'
import type { Handles } from './handles.ts'

export interface IdentityInfo {
  readonly did: Did
  /** `handle.invalid` when the handle and the document do not name each other. */
  readonly handle: string
  readonly didDoc: DidDocument
}

export interface Resolution {
  /** The DID of an active account, or what the outside says. Throws InvalidHandle, HandleNotFound or InvalidRequest. */
  resolveHandle(handle: string): Promise<Did>
  /** The document of a DID. `force` goes to its source. Throws DidNotFound. */
  resolveDid(did: string, options?: { readonly force?: boolean }): Promise<DidDocument>
  /** Document and verified handle of a DID or a handle. */
  resolveIdentity(identifier: string, options?: { readonly force?: boolean }): Promise<IdentityInfo>
  /** The DID of our active account with this handle (lower case); undefined when there is none. */
  localDid(handle: string): Promise<Did | undefined>
}

export interface ResolutionDependencies {
  readonly database: Pick<Database, 'read'>
  readonly handles: Pick<Handles, 'parse' | 'isOursToResolve'>
  readonly resolver: IdentityResolver
}

const notFound = 'Unable to resolve handle'

/** Resolution in the order database, our domains (nobody else knows them), outside. */
export function createResolution({ database, handles, resolver }: ResolutionDependencies): Resolution {
  const localDid = async (handle: string) => {
    const account = await database.read(tx => accountByHandle(tx, handle))
    return account?.status === 'active' ? account.did : undefined
  }
  const didOf = async (handle: Handle): Promise<Did | undefined> => {
    const local = await localDid(handle)
    if (local !== undefined || handles.isOursToResolve(handle)) return local
    return resolver.handle(handle)
  }
  const resolveHandle: Resolution['resolveHandle'] = async input => {
    const handle = handles.parse(input)
    const did = await didOf(handle)
    if (did !== undefined) return did
    throw refuse(handles.isOursToResolve(handle) ? 'HandleNotFound' : 'InvalidRequest', notFound)
  }
  const resolveDid: Resolution['resolveDid'] = async (input, options) => {
    const document = isDid(input) ? await resolver.document(input, options) : undefined
    if (document === undefined)
      throw new Refusal('invalid', `could not resolve DID: ${input}`, { name: 'DidNotFound' })
    return document
  }
  return {
    localDid,
    resolveHandle,
    resolveDid,
    resolveIdentity: async (identifier, options) => {
      const did = identifier.startsWith('did:') ? identifier : await resolveHandle(identifier)
      const didDoc = await resolveDid(did, options)
      const claimed = claimedHandleOf(didDoc)
      const verified = claimed !== undefined && (await didOf(claimed)) === didDoc.id
      return { did: didDoc.id, handle: verified ? claimed : 'handle.invalid', didDoc }
    },
  }
}
