/** Places in addresses: `<namespace>/<subspace>/<path>`. */
import type { EntityPath } from '@leaf/entities/leaf/entity-path'
import type { Database } from '../../kernel/storage/database.ts'
import { Refusal } from '../../kernel/errors.ts'
import { communalNamespace } from '../config.ts'
import { membersOfDid } from '../database/members.ts'
import { id32Of } from '../hex.ts'
import { readPathText } from '../path-text.ts'

export interface AddressedPlace {
  readonly namespace: Uint8Array
  /** Undefined: the whole namespace is meant. */
  readonly subspace: Uint8Array | undefined
  readonly path: EntityPath
}

/** A namespace: 64 hex digits, or `communal`. Throws Refusal `missing`. */
export function readNamespace(text: string): Uint8Array {
  const namespace = id32Of(text === 'communal' ? communalNamespace : text)
  if (namespace === undefined)
    throw new Refusal('missing', 'expected a namespace: 64 hex digits, or communal')
  return namespace
}

/**
 * The place in the rest of an address, without the slash in front. A subspace is 64 hex digits, or the DID of an account
 * here that has linked it. Throws Refusal.
 */
export async function readPlace(database: Pick<Database, 'direct'>, rest: string): Promise<AddressedPlace> {
  const [namespaceText = '', subspaceText = '', ...path] = rest.split('/')
  const namespace = readNamespace(namespaceText)
  if (subspaceText === '') return { namespace, subspace: undefined, path: [] }
  return {
    namespace,
    subspace: await readSubspace(database, subspaceText),
    path: readPathText(path.join('/')),
  }
}

async function readSubspace(database: Pick<Database, 'direct'>, text: string): Promise<Uint8Array> {
  const named = text.replaceAll(/%3a/gi, ':')
  if (named.startsWith('did:')) {
    const [member] = await membersOfDid(database.direct, named, 1)
    if (member === undefined)
      throw new Refusal('missing', 'no account here with this DID has linked a subspace')
    return member.subspace
  }
  const subspace = id32Of(named)
  if (subspace === undefined) throw new Refusal('missing', 'expected a subspace: 64 hex digits, or a DID')
  return subspace
}
