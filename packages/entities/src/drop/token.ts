/**
 * Tokens in drops, told by the token before them and by their entry. The encodings of delegations are not settled
 * upstream yet. https://willowprotocol.org/specs/encodings/index.html#encsec_EncodeMeadowcapAuthorisationTokenRelative
 */
import { tagOf } from '@leaf/codec/compact-u64'
import { MalformedError } from '@leaf/codec/errors'
import { type Capability, type Delegation, delegationsMax } from '../meadowcap/capability.ts'
import type { Token } from '../meadowcap/verify.ts'
import { type Area, encodeAreaInArea, fullArea, subspaceArea } from '../willow/area.ts'
import { type Entry, idBytes } from '../willow/entry.ts'
import { equalBytes } from '../willow/path.ts'
import { lengthOf, type WillowReader, type WillowWriter } from '../willow/wire.ts'
import { readPrivateArea, writePrivateArea } from './private-area.ts'

const signatureBytes = 64
const isOwned = 0x80

/** Which delegations a capability begins with as the one before it did; undefined: nothing is shared, it is of another root. */
function sharedWith(capability: Capability, before: Capability): number | undefined {
  const { initialAuthorisation } = capability
  const other = before.initialAuthorisation
  if ((initialAuthorisation === undefined) !== (other === undefined)) return undefined
  if (initialAuthorisation !== undefined && other !== undefined) {
    const same = equalBytes(capability.user, before.user) && equalBytes(initialAuthorisation, other)
    if (!same) return undefined
  }
  let shared = 0
  for (const [index, delegation] of capability.delegations.entries()) {
    const theirs = before.delegations[index]
    if (theirs === undefined || !equalDelegations(delegation, theirs)) break
    shared += 1
  }
  return shared
}

function equalDelegations(a: Delegation, b: Delegation): boolean {
  const encode = (area: Area) => encodeAreaInArea(area, fullArea)
  return (
    equalBytes(a.signature, b.signature) &&
    equalBytes(a.user, b.user) &&
    equalBytes(encode(a.area), encode(b.area))
  )
}

/** The token must authorise the entry. */
export function writeToken(writer: WillowWriter, token: Token, entry: Entry, before: Capability): void {
  const { capability, signature } = token
  const { initialAuthorisation, delegations } = capability
  const shared = sharedWith(capability, before)
  const sharedPlusOne = shared === undefined ? 0n : BigInt(shared + 1)
  const count = BigInt(delegations.length)
  writer.u8(
    (initialAuthorisation === undefined ? 0 : isOwned) | (tagOf(sharedPlusOne, 3) << 4) | tagOf(count, 4),
  )
  writer.compact(sharedPlusOne, 3)
  writer.compact(count, 4)
  if (initialAuthorisation !== undefined && shared === undefined) {
    writer.raw(capability.user)
    writer.raw(initialAuthorisation)
  }
  for (const [index, { area, user, signature: handover }] of delegations.entries()) {
    if (index < (shared ?? 0)) continue
    writePrivateArea(writer, area, delegations[index - 1]?.area ?? subspaceArea(entry.subspace), entry.path)
    writer.raw(user)
    writer.raw(handover)
  }
  writer.raw(signature)
}

/** Nothing of it is verified yet. Throws MalformedError. */
export function readToken(reader: WillowReader, entry: Entry, before: Capability): Token {
  const begin = reader.at
  const header = reader.u8()
  const owned = (header & isOwned) !== 0
  const sharedPlusOne = lengthOf(
    reader.compact((header >> 4) & 7, 3),
    before.delegations.length + 1,
    'delegations that are shared',
    begin,
  )
  const count = lengthOf(reader.compact(header & 15, 4), delegationsMax, 'delegations', begin)
  const shared = Math.max(sharedPlusOne - 1, 0)
  if (sharedPlusOne > 0 && owned !== (before.initialAuthorisation !== undefined))
    throw new MalformedError('expected nothing shared with a capability of the other kind', begin)
  if (shared > count) throw new MalformedError('expected to share no more delegations than there are', begin)
  const own = owned && sharedPlusOne === 0
  const user = own ? reader.raw(idBytes).slice() : owned ? before.user : entry.subspace
  const initialAuthorisation = own
    ? reader.raw(signatureBytes).slice()
    : owned
      ? before.initialAuthorisation
      : undefined
  const delegations = before.delegations.slice(0, shared)
  while (delegations.length < count) {
    const outer = delegations.at(-1)?.area ?? subspaceArea(entry.subspace)
    const area = readPrivateArea(reader, outer, entry.path)
    const to = reader.raw(idBytes).slice()
    delegations.push({ area, user: to, signature: reader.raw(signatureBytes).slice() })
  }
  const capability: Capability = {
    mode: 'write',
    namespace: entry.namespace,
    user,
    initialAuthorisation,
    delegations,
  }
  if ((sharedWith(capability, before) === undefined) !== (sharedPlusOne === 0))
    throw new MalformedError('expected to share exactly what is of the same root', begin)
  return { capability, signature: reader.raw(signatureBytes).slice() }
}
