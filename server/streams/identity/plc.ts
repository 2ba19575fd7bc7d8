/** Operations of streams' DIDs: what they say, and how they get into the directory. */
import { Refusal } from '../../kernel/errors.ts'
import {
  cidOfPlcOperation,
  didOfGenesis,
  isRegularOperation,
  isTombstone,
  type RegularPlcOperation,
  regularOperation,
  signPlcOperation,
} from '../../kernel/identity/plc-operation.ts'
import type { Did, PlcClient, PlcOperation } from '../../kernel/identity/types.ts'
import type { SigningKey } from '../../kernel/keys.ts'
import { forbidden } from '../stream/texts.ts'

const serviceName = 'leaf_server'
const handleScheme = 'leaf://'

/** The first operation of a stream's DID, and the DID that follows from it. One key is everything. */
export function genesisOf(
  key: SigningKey,
  endpoint: string,
): { readonly did: Did; readonly operation: RegularPlcOperation } {
  const operation = signPlcOperation(
    {
      type: 'plc_operation',
      rotationKeys: [key.didKey],
      verificationMethods: { [serviceName]: key.didKey },
      alsoKnownAs: [],
      services: { [serviceName]: { type: 'LeafServer', endpoint } },
      prev: null,
    },
    key,
  )
  return { did: didOfGenesis(operation), operation }
}

/** The operation after `last` that replaces every `leaf://` name by `handle`, or by none. */
export function handleOperation(
  last: { readonly cid: string; readonly operation: PlcOperation } | undefined,
  handle: string | null,
  key: SigningKey,
): RegularPlcOperation {
  if (last === undefined) {
    throw new Refusal(
      'upstream',
      'Cannot update DID handle: ould not find previous operation in operation log.',
    )
  }
  if (isTombstone(last.operation)) throw forbidden('The DID has been tombstoned')
  const current = regularOperation(last.operation)
  if (current === undefined) {
    throw new Refusal('upstream', 'The last operation of the DID in the directory is of an unknown type')
  }
  const others = current.alsoKnownAs.filter(name => !name.startsWith(handleScheme))
  return signPlcOperation(
    {
      type: 'plc_operation',
      rotationKeys: current.rotationKeys,
      verificationMethods: current.verificationMethods,
      alsoKnownAs: handle === null ? others : [...others, `${handleScheme}${handle}`],
      services: current.services,
      prev: last.cid,
    },
    key,
  )
}

/** An operation that was stored as JSON. */
export function storedOperation(json: string): RegularPlcOperation | undefined {
  const value: unknown = JSON.parse(json)
  return isRegularOperation(value) ? value : undefined
}

/**
 * Enters an operation. Safe to repeat: one that stands there already is done. Throws Refusal with upstream's text for
 * what the directory refuses.
 */
export async function publish(plc: PlcClient, did: Did, operation: PlcOperation): Promise<void> {
  try {
    await plc.submit(did, operation)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const stands = await standsThere(plc, did, operation).catch(() => false)
    if (!stands) throw told(error)
  }
}

/** Whether the operation is the DID's newest. Throws when the directory says nothing. */
export async function standsThere(plc: PlcClient, did: Did, operation: PlcOperation): Promise<boolean> {
  return (await plc.last(did))?.cid === cidOfPlcOperation(operation)
}

function told(error: Refusal): Refusal {
  return new Refusal(error.code, `PLC directory error: ${error.message}`, { cause: error })
}
