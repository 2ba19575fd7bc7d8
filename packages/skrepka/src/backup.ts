/**
 * A key in a file, closed with a passphrase. Version 1 is JSON:
 *
 *     {"format": "skrepka-key", "version": 1, "key": <public key>, "words": <the same, readable>,
 *      "kdf": {"name": "scrypt", "logN": 17, "r": 8, "p": 1, "salt": <16 bytes>},
 *      "nonce": <24 bytes>, "sealed": <XChaCha20-Poly1305 of the 32-byte seed>}
 *
 * Bytes are hex. The passphrase is normalised (NFKC) UTF-8; the additional data are `skrepka-key-v1` 00 ‖ public key, so
 * that a file cannot be given another name. After opening, the seed is checked to make that key.
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { scryptAsync } from '@noble/hashes/scrypt.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import type { RandomBytes } from './blob.ts'
import { LimitError, MalformedError, SkrepkaError } from './errors.ts'
import { fromHex, toHex } from './hex.ts'
import { identityFromSeed } from './identity.ts'
import { countField, isObject, readJsonObject, textField } from './json.ts'
import { toWords } from './words.ts'

/** What opening costs: 128 MiB and about a second, for us and for each guess. */
export const backupLogN = 17
/** A file that asks for more than this (512 MiB) is not opened. */
const logNMax = 19
/** Characters of a passphrase; fewer are guessed too easily. */
export const passphraseLengthMin = 8
const passphraseLengthMax = 1024
const fileLengthMax = 8192
const scryptR = 8

/** Writes a backup of a seed. Throws LimitError for a passphrase that is too short or too long. */
export async function writeBackup(input: {
  readonly seed: Uint8Array
  readonly passphrase: string
  readonly random: RandomBytes
  /** Less for tests only. */
  readonly logN?: number
  /** Called with shares from 0 to 1. */
  readonly progress?: (share: number) => void
}): Promise<string> {
  const { seed, random, logN = backupLogN } = input
  if (input.passphrase.length < passphraseLengthMin) {
    throw new LimitError(
      'passphraseLengthMin',
      `expected a passphrase of at least ${passphraseLengthMin} characters, got fewer`,
      0,
    )
  }
  const { publicKey, key } = identityFromSeed(seed)
  const salt = random(16)
  const nonce = random(24)
  const secret = await derive(input.passphrase, { salt, logN, progress: input.progress })
  const sealed = xchacha20poly1305(secret, nonce, additionalData(publicKey)).encrypt(seed)
  const file = {
    format: 'skrepka-key',
    version: 1,
    key,
    words: toWords(publicKey),
    kdf: { name: 'scrypt', logN, r: scryptR, p: 1, salt: toHex(salt) },
    nonce: toHex(nonce),
    sealed: toHex(sealed),
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

/**
 * The seed of a backup. Rejects with SkrepkaError 'wrong-passphrase', with MalformedError when the text is no backup, with
 * LimitError when opening it would cost too much.
 */
export async function readBackup(input: {
  readonly text: string
  readonly passphrase: string
  readonly progress?: (share: number) => void
}): Promise<Uint8Array> {
  const { publicKey, kdf, nonce, sealed } = parsed(input.text)
  const secret = await derive(input.passphrase, { ...kdf, progress: input.progress })
  let seed: Uint8Array
  try {
    seed = xchacha20poly1305(secret, nonce, additionalData(publicKey)).decrypt(sealed)
  } catch (cause) {
    throw new SkrepkaError('wrong-passphrase', 'expected the passphrase of this key, got another', { cause })
  }
  if (identityFromSeed(seed).key !== toHex(publicKey))
    throw new MalformedError('expected the seed of the key that the file names', 0)
  return seed
}

/** The public key (64 hex digits) that a backup says it holds. Throws MalformedError. */
export function backupKey(text: string): string {
  return toHex(parsed(text).publicKey)
}

function parsed(text: string) {
  if (text.length > fileLengthMax)
    throw new LimitError(
      'fileLengthMax',
      `expected a key file of at most ${fileLengthMax} characters, got ${text.length}`,
      0,
    )
  const json = readJsonObject(text)
  if (json['format'] !== 'skrepka-key')
    throw new MalformedError('expected a Skrepka key file, got another', 0)
  if (json['version'] !== 1)
    throw new MalformedError(`expected a key file of version 1, got ${String(json['version'])}`, 0)
  const kdf = json['kdf']
  if (!isObject(kdf) || kdf['name'] !== 'scrypt' || kdf['r'] !== scryptR || kdf['p'] !== 1) {
    throw new MalformedError(`expected scrypt with r = ${scryptR} and p = 1`, 0)
  }
  const logN = countField(kdf, 'logN')
  if (logN < 1 || logN > logNMax)
    throw new LimitError('logNMax', `expected scrypt with logN of at most ${logNMax}, got ${logN}`, 0)
  return {
    publicKey: fromHex(textField(json, 'key', 64), 64),
    kdf: { logN, salt: fromHex(textField(kdf, 'salt', 32), 32) },
    nonce: fromHex(textField(json, 'nonce', 48), 48),
    sealed: fromHex(textField(json, 'sealed', 96), 96),
  }
}

function derive(
  passphrase: string,
  kdf: {
    readonly salt: Uint8Array
    readonly logN: number
    readonly progress: ((share: number) => void) | undefined
  },
): Promise<Uint8Array> {
  if (passphrase.length > passphraseLengthMax) {
    throw new LimitError(
      'passphraseLengthMax',
      `expected a passphrase of at most ${passphraseLengthMax} characters`,
      0,
    )
  }
  return scryptAsync(utf8ToBytes(passphrase.normalize('NFKC')), kdf.salt, {
    N: 2 ** kdf.logN,
    r: scryptR,
    p: 1,
    dkLen: 32,
    maxmem: 128 * scryptR * 2 ** logNMax + 1024 * 1024,
    ...(kdf.progress === undefined ? {} : { onProgress: kdf.progress }),
  })
}

function additionalData(publicKey: Uint8Array): Uint8Array {
  return concatBytes(utf8ToBytes('skrepka-key-v1\0'), publicKey)
}
