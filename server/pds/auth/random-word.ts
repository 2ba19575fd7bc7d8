import type { Random } from '../../kernel/random.ts'

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** `count` random characters of lower-case base32: five bits each. */
export function randomBase32(random: Random, count: number): string {
  // 256 is a multiple of 32, so every character is as likely as any other.
  return Array.from(random.bytes(count), byte => alphabet.charAt(byte % alphabet.length)).join('')
}

/** `xxxxx-xxxxx`, as mailed tokens and invite codes are written. */
export function randomWord(random: Random): string {
  const word = randomBase32(random, 10)
  return `${word.slice(0, 5)}-${word.slice(5)}`
}
