/** Keys: sealing at rest, secp256k1 and P-256 signatures, did:key. */

/** Seals secrets with AES-256-GCM under a key derived by HKDF-SHA256 from the sealing secret; a fresh 12-byte IV each. */
export interface Sealer {
  /** `version(1) ‖ iv(12) ‖ ciphertext ‖ tag(16)`. `context` is bound in as additional data (`pds/signing-key/did:plc:…`). */
  seal(plain: Uint8Array, context: string): Uint8Array
  /** Throws Corruption when the bytes were not sealed by this secret for this context. */
  open(sealed: Uint8Array, context: string): Uint8Array
}

/** `did:key:z…` of a secp256k1 or P-256 public key. */
export type DidKey = `did:key:${string}`

/** A secp256k1 key pair. `secret` is 32 bytes and never leaves sealed storage in the clear. */
export interface SigningKey {
  readonly secret: Uint8Array
  readonly didKey: DidKey
  /** 64 bytes, r ‖ s, low S, deterministic (RFC 6979), over SHA-256 of `bytes`. Synchronous, native. */
  sign(bytes: Uint8Array): Uint8Array
}
