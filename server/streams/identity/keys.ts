/** Keys of streams: made, sealed, and opened when something is to be signed. */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import { generateSigningKey, type Sealer, type SigningKey, signingKeyFrom } from '../../kernel/keys.ts'
import type { Random } from '../../kernel/random.ts'
import type { ReadTx } from '../../kernel/storage/database.ts'
import { sealedKeyOf, type StreamRecord } from '../database/streams.ts'

export interface StreamKeys {
  create(): SigningKey
  /** As it is stored; the DID is bound in, so that a key cannot be moved between rows. */
  seal(did: string, key: SigningKey): Uint8Array
  open(did: string, sealed: Uint8Array): SigningKey
  /** The stream's key, kept in memory for the streams that were written last; undefined when it is not here. */
  signerOf(
    tx: ReadTx,
    stream: Pick<StreamRecord, 'id' | 'did' | 'signingKey'>,
  ): Promise<SigningKey | undefined>
  /** The same when it is in memory. */
  keptSignerOf(stream: Pick<StreamRecord, 'id'>): SigningKey | undefined
  forget(id: number): void
}

/** Keys that are kept open, about 1 MB. */
const signersMax = 4096

const context = (did: string) => `streams/signing-key/${did}`

export function createStreamKeys(deps: { readonly sealer: Sealer; readonly random: Random }): StreamKeys {
  const { sealer, random } = deps
  const signers = createBoundedMap<number, SigningKey>(signersMax)
  const open = (did: string, sealed: Uint8Array) => signingKeyFrom(sealer.open(sealed, context(did)))
  return {
    create: () => generateSigningKey(random),
    seal: (did, key) => sealer.seal(key.secret, context(did)),
    open,
    signerOf: async (tx, stream) => {
      const kept = signers.get(stream.id)
      if (kept !== undefined || stream.signingKey === null) return kept
      const sealed = await sealedKeyOf(tx, stream.id)
      if (sealed === undefined) return undefined
      const key = open(stream.did, sealed)
      signers.set(stream.id, key)
      return key
    },
    keptSignerOf: stream => signers.get(stream.id),
    forget: id => signers.delete(id),
  }
}
