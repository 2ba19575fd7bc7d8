/** What a transaction must have to itself between nodes. */
import type { WriteOptions } from '../../kernel/storage/database.ts'
import type { KeyHex } from '../contract.ts'

/** The locks of these keys' mailboxes, as the mailboxes themselves take them. */
export function locksOf(keys: readonly KeyHex[]): WriteOptions {
  return { locks: [...new Set(keys)].map(key => `skrepka:${key}`) }
}
