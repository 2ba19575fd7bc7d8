/**
 * Passwords of accounts: scrypt, its parameters in the hash (`scrypt$15$8$1$salt$hash`), at most a few computed at once.
 */
import { scrypt, timingSafeEqual } from 'node:crypto'
import { Refusal } from '../../kernel/errors.ts'
import type { Random } from '../../kernel/random.ts'

/** A new password has at most this many characters. */
export const newPasswordCharsMax = 256
/** An old one is looked at up to here. */
export const oldPasswordCharsMax = 512

/** Each computation takes a thread of the pool and 128 · N · r bytes. */
const computedAtOnceMax = 2
const waitingMax = 64
const saltBytes = 16
const hashBytes = 32
/** Parameters of stored hashes are not trusted beyond this: 2^20 · 8 · 128 bytes are 1 GiB. */
const costMax = 20

/** Parameters of scrypt (RFC 7914). */
export interface ScryptCost {
  /** log2 of N. */
  readonly cost: number
  readonly blockSize: number
  readonly parallel: number
}

/** About 100 ms and 32 MiB. */
export const defaultCost: ScryptCost = { cost: 15, blockSize: 8, parallel: 1 }

/** Hashes and verifies passwords of accounts. */
export interface Passwords {
  /** The hash to be stored. Throws Refusal 'unavailable' when too many wait. */
  hash(password: string): Promise<string>
  /** Whether this is the password of the hash. No hash: takes as long, and is false. */
  verify(password: string, hash: string | null | undefined): Promise<boolean>
}

/** Hashes and verifies passwords. */
export function createPasswords(deps: { readonly random: Random; readonly cost?: ScryptCost }): Passwords {
  const cost = deps.cost ?? defaultCost
  const atOnce = createGate(computedAtOnceMax, waitingMax)
  const derive = (password: string, salt: Uint8Array, by: ScryptCost) =>
    atOnce(() => computeScrypt(password.normalize('NFKC'), salt, by))
  const nobodysSalt = deps.random.bytes(saltBytes)

  return {
    hash: async password => {
      const salt = deps.random.bytes(saltBytes)
      const hash = await derive(password, salt, cost)
      const parts = [cost.cost, cost.blockSize, cost.parallel, base64(salt), base64(hash)]
      return `scrypt$${parts.join('$')}`
    },
    verify: async (password, stored) => {
      const bounded = password.slice(0, oldPasswordCharsMax)
      const parsed = stored === null || stored === undefined ? undefined : parseHash(stored)
      if (parsed === undefined) {
        await derive(bounded, nobodysSalt, cost)
        return false
      }
      const hash = await derive(bounded, parsed.salt, parsed.cost)
      return timingSafeEqual(hash, parsed.hash) && bounded.length === password.length
    },
  }
}

function parseHash(stored: string): { cost: ScryptCost; salt: Uint8Array; hash: Uint8Array } | undefined {
  const [scheme, n, r, p, salt = '', hash = ''] = stored.split('$')
  const cost = { cost: Number(n), blockSize: Number(r), parallel: Number(p) }
  const sane = cost.cost >= 1 && cost.cost <= costMax && cost.blockSize === 8 && cost.parallel <= 4
  const bytes = Buffer.from(hash, 'base64url')
  if (scheme !== 'scrypt' || !sane || bytes.length !== hashBytes) return undefined
  return { cost, salt: Buffer.from(salt, 'base64url'), hash: bytes }
}

function computeScrypt(password: string, salt: Uint8Array, by: ScryptCost): Promise<Uint8Array> {
  const N = 2 ** by.cost
  const options = { N, r: by.blockSize, p: by.parallel, maxmem: 256 * N * by.blockSize }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hashBytes, options, (error, hash) =>
      error === null ? resolve(hash) : reject(error),
    )
  })
}

/** Lets `atOnce` functions run and `waiting` more wait; refuses the rest. */
function createGate(atOnce: number, waiting: number) {
  let running = 0
  const queue: (() => void)[] = []
  return async <T>(fn: () => Promise<T>): Promise<T> => {
    if (running >= atOnce) {
      if (queue.length >= waiting) {
        throw new Refusal('unavailable', 'too many sign-ins at once', { retryAfterMs: 5_000 })
      }
      await new Promise<void>(resolve => queue.push(resolve))
    } else {
      running += 1
    }
    try {
      return await fn()
    } finally {
      // The place is handed over, not given back, so that nobody slips in between.
      const next = queue.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')
