/** People with DIDs, for the tests of this room. */
import { generateSigningKey, type SigningKey } from '../keys.ts'
import { systemRandom } from '../random.ts'
import {
  cidOfPlcOperation,
  didOfGenesis,
  signPlcOperation,
  type UnsignedPlcOperation,
} from './plc-operation.ts'
import type { Did, PlcOperation } from './types.ts'

export const newKey = () => generateSigningKey(systemRandom)

export interface Person {
  readonly did: Did
  readonly signing: SigningKey
  /** In falling priority. */
  readonly rotation: readonly SigningKey[]
  readonly genesis: ReturnType<typeof signPlcOperation>
}

export function newPerson(handle: string): Person {
  const signing = newKey()
  const server = newKey()
  const rotation = [newKey(), server]
  const genesis = signPlcOperation(unsigned(handle, signing, rotation, null), server)
  return { did: didOfGenesis(genesis), signing, rotation, genesis }
}

export function unsigned(
  handle: string,
  signing: SigningKey,
  rotation: readonly SigningKey[],
  prev: string | null,
): UnsignedPlcOperation {
  return {
    type: 'plc_operation',
    rotationKeys: rotation.map(({ didKey }) => didKey),
    verificationMethods: { atproto: signing.didKey },
    alsoKnownAs: [`at://${handle}`],
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'http://localhost:3334' } },
    prev,
  }
}

export const update = (person: Person, handle: string, prev: PlcOperation, by: SigningKey) =>
  signPlcOperation(unsigned(handle, person.signing, person.rotation, cidOfPlcOperation(prev)), by)
