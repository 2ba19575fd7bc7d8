import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { MalformedError } from './errors.ts'

/** Lower-case hex of bytes. */
export function toHex(bytes: Uint8Array): string {
  return bytesToHex(bytes)
}

/** Whether `text` is `length` lower-case hex digits; any even number of them from 2 on when `length` is left out. */
export function isHex(text: string, length?: number): boolean {
  if (length === undefined ? text.length === 0 || text.length % 2 !== 0 : text.length !== length) return false
  return /^[0-9a-f]+$/.test(text)
}

/** The bytes of lower-case hex. Throws MalformedError for anything else, upper case included. */
export function fromHex(text: string, length?: number): Uint8Array {
  if (!isHex(text, length)) {
    throw new MalformedError(
      `expected ${length ?? 'an even number of'} lower-case hex digits, got ${text.length} characters`,
      0,
    )
  }
  return hexToBytes(text)
}
