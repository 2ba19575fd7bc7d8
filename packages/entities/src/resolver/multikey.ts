/** Ed25519 keys as DIDs write them: `z`, then base58 of `ed 01` and the key. */
const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const prefix = [0xed, 0x01]
/** 34 bytes give 46 to 48 characters with the `z`. */
const lengthMax = 64

/** The key of 32 bytes; undefined: it is something else, or of another curve. */
export function ed25519OfMultikey(text: string): Uint8Array | undefined {
  const bytes = text.startsWith('z') && text.length <= lengthMax ? base58(text.slice(1)) : undefined
  if (bytes?.length !== 34 || bytes[0] !== prefix[0] || bytes[1] !== prefix[1]) return undefined
  return bytes.slice(2)
}

/** A key as a multikey. */
export function multikeyOf(key: Uint8Array): string {
  let value = BigInt(
    `0x${Array.from([...prefix, ...key], byte => byte.toString(16).padStart(2, '0')).join('')}`,
  )
  let text = ''
  for (; value > 0n; value /= 58n) text = `${alphabet[Number(value % 58n)]}${text}`
  return `z${text}`
}

function base58(text: string): Uint8Array | undefined {
  let value = 0n
  for (const char of text) {
    const digit = alphabet.indexOf(char)
    if (digit < 0) return undefined
    value = value * 58n + BigInt(digit)
  }
  const zeros = text.length - text.replace(/^1+/, '').length
  const bytes: number[] = []
  for (; value > 0n; value >>= 8n) bytes.unshift(Number(value & 255n))
  return Uint8Array.from([...Array.from({ length: zeros }, () => 0), ...bytes])
}
