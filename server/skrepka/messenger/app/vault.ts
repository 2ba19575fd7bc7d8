/**
 * The key in this browser. Its seed exists while the key is made or brought back, and is then given into the browser's
 * keeping, from which no script can read it; what can be taken elsewhere is the backup, closed by the passphrase. Browsers
 * without Ed25519 keep the seed itself.
 */
import { readBackup, writeBackup } from '@leaf/skrepka/backup'
import { type Identity, identityFromSeed } from '@leaf/skrepka/identity'
import type { Store } from '@leaf/skrepka/store'
import { importSubtleKeys, subtleIdentity } from '@leaf/skrepka/subtle-identity'
import { random } from './platform.ts'

const collection = 'vault'

/** The key that this browser has; undefined for none. */
export async function openVault(store: Store): Promise<Identity | undefined> {
  const kept = await store.get(collection, 'key')
  if (typeof kept !== 'object' || kept === null) return undefined
  if ('seed' in kept && kept.seed instanceof Uint8Array) return identityFromSeed(kept.seed)
  if (!('publicKey' in kept && 'signing' in kept && 'agreement' in kept)) return undefined
  const { publicKey, signing, agreement } = kept
  if (!(publicKey instanceof Uint8Array && signing instanceof CryptoKey && agreement instanceof CryptoKey))
    return undefined
  return subtleIdentity(crypto.subtle, { publicKey, signing, agreement })
}

/** Makes a key and its backup. */
export async function makeKey(store: Store, passphrase: string): Promise<void> {
  const seed = random(32)
  await keep(store, seed, await writeBackup({ seed, passphrase, random }))
}

/** Brings back the key of a backup. Rejects as `readBackup` does. */
export async function restoreKey(store: Store, text: string, passphrase: string): Promise<void> {
  await keep(store, await readBackup({ text, passphrase }), text)
}

async function keep(store: Store, seed: Uint8Array, backup: string): Promise<void> {
  const keys = isSecureContext ? await importSubtleKeys(crypto.subtle, seed) : undefined
  await store.write([
    { collection, key: 'key', value: keys ?? { seed } },
    { collection, key: 'backup', value: backup },
  ])
  seed.fill(0)
}

/** The text of the backup file. */
export async function backupText(store: Store): Promise<string> {
  const text = await store.get(collection, 'backup')
  return typeof text === 'string' ? text : ''
}
