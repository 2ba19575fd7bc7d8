/** Whether this names a server that service tokens can be for: a DID that ATProto knows, or a service of one (`did:…#id`). */
export function isAtprotoAudience(text: string): boolean {
  const [did = '', fragment, ...rest] = text.split('#')
  if (rest.length > 0 || (fragment !== undefined && !/^[A-Za-z0-9._~!$&'()*+,;=:@/?%-]+$/.test(fragment))) {
    return false
  }
  if (did.startsWith('did:plc:')) return /^did:plc:[a-z2-7]{24}$/.test(did)
  // ATProto's did:web has no path. https://atproto.com/specs/did
  return /^did:web:([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$|^did:web:localhost(%3A\d{1,5})?$/i.test(
    did,
  )
}
