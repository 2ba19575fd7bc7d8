/** DIDs of the two methods that ATProto knows. https://atproto.com/specs/did */
import type { Did } from './types.ts'

const didMax = 2048
const plc = /^did:plc:[a-z2-7]{24}$/
const webHost = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/

/** Whether `text` is a did:plc, or a did:web of a whole host (no path; a port for localhost only). */
export function isDid(text: string): text is Did {
  return isPlcDid(text) || didWebUrl(text) !== undefined
}

/** Whether `text` is a did:plc. */
export function isPlcDid(text: string): text is `did:plc:${string}` {
  return plc.test(text)
}

/** Where the document of a did:web is; undefined when `text` is none that ATProto allows. `localhost` is over http. */
export function didWebUrl(text: string): string | undefined {
  if (text.length > didMax || !text.startsWith('did:web:')) return undefined
  const host = text.slice('did:web:'.length)
  const local = /^localhost(%3A([0-9]{1,5}))?$/i.exec(host)
  if (local !== null)
    return `http://localhost${local[2] === undefined ? '' : `:${local[2]}`}/.well-known/did.json`
  return webHost.test(host) ? `https://${host}/.well-known/did.json` : undefined
}
