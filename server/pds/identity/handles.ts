/** Which handles there are to be had here. https://atproto.com/specs/handle */
import { InvalidHandleError, isValidTld, normalizeAndEnsureValidHandle } from '@atproto/syntax'
import { Refusal } from '../../kernel/errors.ts'
import type { Handle } from '../../kernel/identity/types.ts'
import type { Database, ReadTx } from '../../kernel/storage/database.ts'
import { isHandleHeld } from '../database/identity.ts'
import { refuse } from '../xrpc/refuse.ts'
import { reservedNames } from './reserved.ts'

export interface HandleSettings {
  /** The service's domains, without a leading dot; the first is offered first. */
  readonly domains: readonly string[]
  /** `.test` handles are for development only. */
  readonly development: boolean
  /** Names that the operator reserves beside our own list. */
  readonly reserved: readonly string[]
}

export type HandleAvailability =
  | { readonly available: true; readonly handle: Handle }
  /** `message` is a sentence for the person who chooses. */
  | { readonly available: false; readonly message: string }

export interface Handles {
  readonly domains: readonly string[]
  /** Lower case, of the specification's syntax; may be of a domain that nobody can have. Throws InvalidHandle. */
  parse(input: string): Handle
  /** Whether it ends in one of our domains. */
  isOurs(handle: string): boolean
  /** Whether it ends in one of our domains, or is one. Nobody else can say whose such a handle is. */
  isOursToResolve(handle: string): boolean
  /** A normalised handle that a new account may have. Throws InvalidHandle, HandleNotAvailable or UnsupportedDomain. */
  forNewAccount(input: string): Handle
  /** A normalised handle that is allowed under our domains or is of a foreign one. Throws InvalidHandle, HandleNotAvailable. */
  forUpdate(input: string, options?: { readonly allowReserved?: boolean }): Handle
  /** Throws HandleNotAvailable when another account has it or is about to. */
  requireFree(tx: ReadTx, handle: Handle, exceptAccount?: number): Promise<void>
  /** For the live check on the page where a handle is chosen. Never throws for what a person can type. */
  availability(input: string): Promise<HandleAvailability>
}

export interface HandlesDependencies {
  readonly settings: HandleSettings
  readonly database: Pick<Database, 'read'>
}

const nameMin = 3
const nameMax = 18

/** The rules for handles of this server. */
export function createHandles({ settings, database }: HandlesDependencies): Handles {
  const { domains, development } = settings
  const reserved = new Set([...reservedNames, ...settings.reserved.map(name => name.toLowerCase())])
  const suffixes = domains.map(domain => `.${domain}`)
  const isOurs = (handle: string) => suffixes.some(suffix => handle.endsWith(suffix))

  const normalize = (input: string): Handle => {
    const handle = parse(input)
    const testing = handle.endsWith('.test') && !development
    if (testing || !isValidTld(handle)) {
      throw refuse('InvalidHandle', 'Handle TLD is invalid or disallowed')
    }
    return handle
  }
  const forUpdate: Handles['forUpdate'] = (input, { allowReserved = false } = {}) => {
    const handle = normalize(input)
    // The longest domain counts, so that example.com and people.example.com can be offered side by side.
    const suffix = suffixes.filter(one => handle.endsWith(one)).toSorted((a, b) => b.length - a.length)[0]
    if (suffix !== undefined) checkName(handle.slice(0, -suffix.length), allowReserved ? new Set() : reserved)
    return handle
  }
  const forNewAccount = (input: string): Handle => {
    const handle = forUpdate(input)
    if (!isOurs(handle)) throw refuse('UnsupportedDomain', 'Not a supported handle domain')
    return handle
  }
  const requireFree: Handles['requireFree'] = async (tx, handle, exceptAccount) => {
    if (await isHandleHeld(tx, handle, exceptAccount)) {
      throw refuse('HandleNotAvailable', `Handle already taken: ${handle}`)
    }
  }
  return {
    domains,
    parse,
    isOurs,
    isOursToResolve: handle => isOurs(handle) || domains.includes(handle),
    forNewAccount,
    forUpdate,
    requireFree,
    availability: async input => {
      try {
        const handle = forNewAccount(input.trim())
        await database.read(tx => requireFree(tx, handle))
        return { available: true, handle }
      } catch (error) {
        if (error instanceof Refusal && error.code === 'invalid') {
          return { available: false, message: sentences.get(error.message) ?? error.message }
        }
        throw error
      }
    },
  }
}

/** Our errors' words on the wire are the reference's; on a page they are for people. */
const sentences = new Map([
  ['Handle too short', `Choose at least ${nameMin} characters.`],
  ['Handle too long', `Choose at most ${nameMax} characters.`],
  ['Reserved handle', 'This name is reserved.'],
  ['Invalid characters in handle', 'Use letters, digits and hyphens; no dots.'],
  ['Not a supported handle domain', 'Handles under this domain are not given out here.'],
])

/** `InvalidHandle` in the reference's words. */
function parse(input: string): Handle {
  try {
    return normalizeAndEnsureValidHandle(input) as string as Handle // checked by the specification's own library
  } catch (error) {
    if (error instanceof InvalidHandleError) throw refuse('InvalidHandle', error.message)
    throw error
  }
}

function checkName(name: string, reserved: ReadonlySet<string>): void {
  if (name.includes('.')) throw refuse('InvalidHandle', 'Invalid characters in handle')
  if (name.length < nameMin) throw refuse('InvalidHandle', 'Handle too short')
  if (name.length > nameMax) throw refuse('InvalidHandle', 'Handle too long')
  if (reserved.has(name)) throw refuse('HandleNotAvailable', 'Reserved handle')
}
