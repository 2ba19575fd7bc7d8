import { MalformedError } from './errors.ts'

/** How many bytes become characters at once: arguments of one call. */
const chunkBytes = 0x6000

/** Base64 with padding, as JSON payloads carry bytes. */
export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    binary += String.fromCharCode(...bytes.subarray(at, at + chunkBytes))
  }
  return btoa(binary)
}

/** The bytes of base64. Throws MalformedError. */
export function fromBase64(text: string): Uint8Array {
  let binary: string
  try {
    binary = atob(text)
  } catch {
    throw new MalformedError('expected base64', 0)
  }
  return Uint8Array.from(binary, character => character.charCodeAt(0))
}
