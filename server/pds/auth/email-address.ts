import { refuse } from '../xrpc/refuse.ts'

/** RFC 5321 §4.5.3.1: a path has at most 256 octets with its brackets. */
const addressCharsMax = 254

/** An e-mail address in lower case. Throws InvalidRequest for what is none. */
export function normalizeEmail(text: string): string {
  const address = text.trim().toLowerCase()
  if (!isEmail(address)) {
    throw refuse('InvalidRequest', 'This email address is not supported, please use a different email.')
  }
  return address
}

/** Whether this looks like an address that mail can go to. */
export function isEmail(address: string): boolean {
  return (
    address.length <= addressCharsMax &&
    /^[^\s@"<>(),:;\\[\]\p{Cc}]{1,64}@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/u.test(address)
  )
}
