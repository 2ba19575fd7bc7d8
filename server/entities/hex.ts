/** Bytes as lower-case hex digits, as keys and digests stand in addresses and settings. */

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** The 32 bytes of 64 hex digits, in either case; undefined for anything else. */
export function id32Of(text: string): Uint8Array | undefined {
  return /^[0-9a-f]{64}$/i.test(text) ? new Uint8Array(Buffer.from(text, 'hex')) : undefined
}
