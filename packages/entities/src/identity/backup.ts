/**
 * An identity in a file, closed with a passphrase. Version 1 is JSON:
 *
 *     {"format": "leaf-identity", "version": 1, "subspace": <public key>,
 *      "kdf": {"name": "scrypt", "logN": 17, "r": 8, "p": 1, "salt": <16 bytes>},
 *      "nonce": <24 bytes>, "sealed": <XChaCha20-Poly1305 of what is kept>}
 *
 * Bytes are hexadecimal digits. What is kept is Borsh of { seed: [u8; 32], keys: Vec<Vec<u8>>, capabilities: Vec<Vec<u8>> }.
 * The passphrase is UTF-8 after NFKC; the additional data are `leaf-identity-v1` 00 ‖ public key.
 */
import { type Infer, decodeBorsh, encodeBorsh } from '@leaf/codec/borsh/codec'
import { s } from '@leaf/codec/borsh/build'
import { MalformedError } from '@leaf/codec/errors'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { scryptAsync } from '@noble/hashes/scrypt.js'
import { LeafError } from '../api/errors.ts'
import { fromHex, toHex } from '../api/text.ts'
import type { Ed25519 } from '../crypto.ts'
import { join } from '../store/keys.ts'
import { equalBytes } from '../willow/path.ts'

const kept = s.struct({
  seed: s.fixedBytes(32),
  keys: s.vector(s.bytes()),
  capabilities: s.vector(s.bytes()),
})
/** A seed, keys that open components, and capabilities that were given to this identity, as bytes. */
export type KeptIdentity = Infer<typeof kept>

/** What opening costs: 128 MiB and about a second, for us and for each guess. */
const logNDefault = 17
/** A file that asks for more than this (512 MiB) is not opened. */
const logNMax = 19
const scryptR = 8
/** Characters of a passphrase; fewer are guessed too easily. */
export const passphraseLengthMin = 8
const passphraseLengthMax = 1024
const fileLengthMax = 4 * 1024 * 1024
const text = new TextEncoder()

export interface BackupOptions {
  readonly identity: KeptIdentity
  readonly publicKey: Uint8Array
  readonly passphrase: string
  readonly random: (length: number) => Uint8Array
  /** Called with shares from 0 to 1. */
  readonly progress?: (share: number) => void
  /** Less for tests only. */
  readonly logN?: number
}

/** The file's text. Throws LeafError `WrongPassphrase` for one that is too short or too long. */
export async function writeBackup(options: BackupOptions): Promise<string> {
  const { identity, publicKey, passphrase, random, logN = logNDefault } = options
  if (passphrase.length < passphraseLengthMin || passphrase.length > passphraseLengthMax)
    throw new LeafError(
      'WrongPassphrase',
      `expected a passphrase of ${passphraseLengthMin} to ${passphraseLengthMax} characters`,
    )
  const salt = random(16)
  const nonce = random(24)
  const key = await derive(passphrase, { salt, logN, progress: options.progress })
  const sealed = xchacha20poly1305(key, nonce, additional(publicKey)).encrypt(encodeBorsh(kept, identity))
  const file = {
    format: 'leaf-identity',
    version: 1,
    subspace: toHex(publicKey),
    kdf: { name: 'scrypt', logN, r: scryptR, p: 1, salt: toHex(salt) },
    nonce: toHex(nonce),
    sealed: toHex(sealed),
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

/** What a file keeps. Throws LeafError `BadFile`, `WrongPassphrase`. */
export async function readBackup(
  ed25519: Ed25519,
  file: string,
  passphrase: string,
  progress?: (share: number) => void,
): Promise<KeptIdentity> {
  const { publicKey, salt, logN, nonce, sealed } = parsed(file)
  if (passphrase.length > passphraseLengthMax)
    throw new LeafError('WrongPassphrase', 'expected the passphrase of this file, got another')
  const key = await derive(passphrase, { salt, logN, progress })
  let plain: Uint8Array
  try {
    plain = xchacha20poly1305(key, nonce, additional(publicKey)).decrypt(sealed)
  } catch (cause) {
    throw new LeafError('WrongPassphrase', 'expected the passphrase of this file, got another', cause)
  }
  const identity = decoded(plain)
  if (!equalBytes(await ed25519.publicKeyOf(identity.seed), publicKey))
    throw new LeafError('BadFile', 'expected the seed of the key that the file names')
  return identity
}

function decoded(plain: Uint8Array): KeptIdentity {
  try {
    return decodeBorsh(kept, plain)
  } catch (error) {
    if (error instanceof MalformedError)
      throw new LeafError('BadFile', 'expected an identity in the file, got something else', error)
    throw error
  }
}

/** The subspace that a file is of, without opening it. Throws LeafError `BadFile`. */
export function subspaceOfBackup(file: string): Uint8Array {
  return parsed(file).publicKey
}

function parsed(file: string) {
  const bad = (message: string, cause?: unknown) => new LeafError('BadFile', message, cause)
  if (file.length > fileLengthMax) throw bad(`expected at most ${fileLengthMax} characters`)
  const json = objectOf(parseJson(file))
  if (json?.['format'] !== 'leaf-identity') throw bad('expected a file of a Leaf identity, got another')
  if (json['version'] !== 1) throw bad(`expected a file of version 1, got ${String(json['version'])}`)
  const kdf = objectOf(json['kdf'])
  if (kdf?.['name'] !== 'scrypt' || kdf['r'] !== scryptR || kdf['p'] !== 1)
    throw bad(`expected scrypt with r = ${scryptR} and p = 1`)
  const { logN } = kdf as { readonly logN?: unknown }
  if (typeof logN !== 'number' || !Number.isInteger(logN) || logN < 1 || logN > logNMax)
    throw bad(`expected scrypt with logN from 1 to ${logNMax}`)
  const bytesOf = (value: unknown, what: string, length?: number) => {
    const bytes = typeof value === 'string' ? fromHex(value) : undefined
    if (bytes === undefined || (length !== undefined && bytes.length !== length))
      throw bad(`expected ${what} in hexadecimal digits`)
    return bytes
  }
  return {
    publicKey: bytesOf(json['subspace'], 'a public key', 32),
    salt: bytesOf(kdf['salt'], 'a salt', 16),
    logN,
    nonce: bytesOf(json['nonce'], 'a nonce', 24),
    sealed: bytesOf(json['sealed'], 'sealed bytes'),
  }
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(file) as unknown
  } catch (cause) {
    throw new LeafError('BadFile', 'expected JSON, got something else', cause)
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? { ...value } : undefined
}

function derive(
  passphrase: string,
  kdf: {
    readonly salt: Uint8Array
    readonly logN: number
    readonly progress: ((share: number) => void) | undefined
  },
): Promise<Uint8Array> {
  return scryptAsync(text.encode(passphrase.normalize('NFKC')), kdf.salt, {
    N: 2 ** kdf.logN,
    r: scryptR,
    p: 1,
    dkLen: 32,
    maxmem: 128 * scryptR * 2 ** logNMax + 1024 * 1024,
    ...(kdf.progress === undefined ? {} : { onProgress: kdf.progress }),
  })
}

function additional(publicKey: Uint8Array): Uint8Array {
  return join(text.encode('leaf-identity-v1\0'), publicKey)
}
