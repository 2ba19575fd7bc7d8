/** The keys of accounts: made, sealed, and opened when something is to be signed. */
import { createBoundedMap } from '../../kernel/bounded-map.ts'
import type { Did } from '../../kernel/identity/types.ts'
import {
  type DidKey,
  generateSigningKey,
  type Sealer,
  type SigningKey,
  signingKeyFrom,
} from '../../kernel/keys.ts'
import type { Random } from '../../kernel/random.ts'
import type { ReadTx } from '../../kernel/storage/database.ts'
import { type Account, sealedKeys } from '../database/accounts.ts'
import { refuse } from '../xrpc/refuse.ts'

/** What an account row keeps of its keys. */
export interface StoredKeys {
  readonly signingKey: DidKey
  readonly signingKeySealed: Uint8Array
  readonly rotationKey: DidKey
  readonly rotationKeySealed: Uint8Array
}

export type RotationKey = Pick<StoredKeys, 'rotationKey' | 'rotationKeySealed'>

export interface KeyPair {
  /** Signs commits and service tokens. */
  readonly signing: SigningKey
  /** The server's own key for this account alone: signs changes to its DID. */
  readonly rotation: SigningKey
}

export interface AccountKeys {
  create(): KeyPair
  /** As they are stored; the DID is bound in, so that keys cannot be moved between rows. */
  seal(did: Did, keys: KeyPair): StoredKeys
  /** A fresh rotation key as it is stored. */
  createRotationKey(did: Did): RotationKey
  /** The account's signing key. Kept in memory for the accounts that wrote last. */
  signerFor(tx: ReadTx, account: Pick<Account, 'id' | 'did' | 'signingKey'>): Promise<SigningKey>
  /** A signing key from its sealed form, for an account that has no row yet. */
  openSigner(did: Did, sealed: Uint8Array): SigningKey
  /** The server's rotation key of an account. Rarely used, hence never kept. */
  rotationKeyFor(tx: ReadTx, account: Pick<Account, 'id' | 'did'>): Promise<SigningKey>
  /** Drops what is kept in memory of an account. */
  forget(accountId: number): void
}

export interface AccountKeysDependencies {
  readonly sealer: Sealer
  readonly random: Random
  /** How many signing keys are kept open. Default 4,096, about 1 MB. */
  readonly signersMax?: number
}

const signersMaxDefault = 4096

const signingContext = (did: Did) => `pds/signing-key/${did}`
const rotationContext = (did: Did) => `pds/rotation-key/${did}`

/** Keys of accounts, sealed with the house's sealing key. */
export function createAccountKeys(dependencies: AccountKeysDependencies): AccountKeys {
  const { sealer, random, signersMax = signersMaxDefault } = dependencies
  const signers = createBoundedMap<number, SigningKey>(signersMax)
  const openSigner = (did: Did, sealed: Uint8Array) =>
    signingKeyFrom(sealer.open(sealed, signingContext(did)))
  const sealRotation = (did: Did, key: SigningKey): RotationKey => ({
    rotationKey: key.didKey,
    rotationKeySealed: sealer.seal(key.secret, rotationContext(did)),
  })
  return {
    create: () => ({ signing: generateSigningKey(random), rotation: generateSigningKey(random) }),
    seal: (did, keys) => ({
      signingKey: keys.signing.didKey,
      signingKeySealed: sealer.seal(keys.signing.secret, signingContext(did)),
      ...sealRotation(did, keys.rotation),
    }),
    createRotationKey: did => sealRotation(did, generateSigningKey(random)),
    signerFor: async (tx, account) => {
      const kept = signers.get(account.id)
      // Another node may have changed the key: the row says which one holds.
      if (kept !== undefined && kept.didKey === account.signingKey) return kept
      const signer = openSigner(account.did, (await sealedOf(tx, account)).signingKeySealed)
      signers.set(account.id, signer)
      return signer
    },
    openSigner,
    rotationKeyFor: async (tx, account) => {
      const { rotationKeySealed } = await sealedOf(tx, account)
      return signingKeyFrom(sealer.open(rotationKeySealed, rotationContext(account.did)))
    },
    forget: accountId => signers.delete(accountId),
  }
}

async function sealedOf(tx: ReadTx, { id, did }: Pick<Account, 'id' | 'did'>) {
  const sealed = await sealedKeys(tx, id)
  if (sealed === undefined) throw refuse('RepoNotFound', `Could not find repo: ${did}`)
  return sealed
}
