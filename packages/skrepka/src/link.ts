/** How a person's address is written down: `skrepka://<key>@<relay>[,<relay>…]`. */
import { MalformedError } from './errors.ts'
import { fromHex, isHex, toHex } from './hex.ts'
import { isIdentityKey } from './identity.ts'
import { fromWords } from './words.ts'

/** Where somebody can be written to. */
export interface Address {
  /** 64 lower-case hex digits. */
  readonly key: string
  /** Names of relays where the mailbox is (`host` or `host:port`); may be empty. */
  readonly relays: readonly string[]
}

/** Relays that an address names. */
export const addressRelaysMax = 5
/** Characters of a relay's name. */
export const relayNameLengthMax = 128
/** Characters of what a person pasted that are looked at. */
const inputLengthMax = 2048

/** The link of an address. */
export function toLink({ key, relays }: Address): string {
  return `skrepka://${key}${relays.length === 0 ? '' : `@${relays.slice(0, addressRelaysMax).join(',')}`}`
}

/**
 * Reads an address as people pass it on: a `skrepka://` link, a page's address with such a link after `#`, 64 hex digits,
 * or 16 words. Throws MalformedError that says what is wrong.
 */
export function readAddress(text: string): Address {
  if (text.length > inputLengthMax)
    throw new MalformedError(`expected an address, got ${text.length} characters`, 0)
  const link = /skrepka(?::|%3A)(?:\/\/|%2F%2F)([^\s#]+)/i.exec(text)?.[1]
  const [who = '', where = ''] = (link === undefined ? text.trim() : decoded(link)).split('@', 2)
  const key = keyOf(who)
  if (!isIdentityKey(fromHex(key, 64)))
    throw new MalformedError('expected the key of a person, got one that nobody can own', 0)
  const relays = where
    .replace(/\/+$/, '')
    .split(',')
    .filter(name => name !== '')
    .slice(0, addressRelaysMax)
    .map(name => relayName(name))
  return { key, relays: [...new Set(relays)] }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function keyOf(text: string): string {
  const plain = text.trim()
  const hex = plain.replaceAll(/\s/g, '').toLowerCase()
  if (isHex(hex, 64)) return hex
  const base64 = /^[A-Za-z0-9_-]{43}$/.test(plain) ? base64UrlKey(plain) : undefined
  return base64 ?? toHex(fromWords(plain))
}

/** Older links carry the key as base64url. */
function base64UrlKey(text: string): string {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return toHex(Uint8Array.from(binary, character => character.charCodeAt(0)))
}

/** A relay's name in its one spelling: lower case, no dot at its end. Throws MalformedError. */
export function relayName(text: string): string {
  const name = text
    .trim()
    .toLowerCase()
    .replace(/\.+(?=$|:)/, '')
  if (name.length > relayNameLengthMax || !/^[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?$/.test(name)) {
    throw new MalformedError(`expected a relay's name (relay.example), got "${text.slice(0, 40)}"`, 0)
  }
  return name
}

/** Where the relay of that name answers: https, but http on this machine. */
export function relayUrl(name: string): string {
  const host = name.replace(/:\d+$/, '')
  const local = host === 'localhost' || host.endsWith('.localhost') || /^127(?:\.\d+){3}$/.test(host)
  return `${local ? 'http' : 'https'}://${name}`
}
