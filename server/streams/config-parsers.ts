/** How the settings of streams are read that no other system has. */
import { list } from '../kernel/config.ts'
import { isDid } from '../kernel/identity/did.ts'
import type { Did } from '../kernel/identity/types.ts'

/** What one actor may do; undefined stands for no limit. */
export interface ActorLimits {
  readonly creates: number | undefined
  readonly subscribes: number | undefined
  readonly active: number | undefined
}

/** One DID. */
export function did(input: string): Did {
  if (!isDid(input)) throw new Error(`expected a did:plc or did:web, got "${input}"`)
  return input
}

/** DIDs, separated by commas. */
export const dids = (input: string): readonly Did[] => list(input).map(did)

const forms = 'did=creates/subscribes/active or did=off'

/** `did:plc:…=100/5000/5000,did:web:example.com=off`. */
export function actorLimits(input: string): ReadonlyMap<string, ActorLimits> {
  return new Map(
    list(input).map(one => {
      const [actor = '', limits = '', ...rest] = one.split('=')
      if (rest.length > 0) throw new Error(`expected ${forms}, got "${one}"`)
      return [did(actor), oneActor(limits, one)] as const
    }),
  )
}

function oneActor(limits: string, whole: string): ActorLimits {
  if (limits === 'off') return { creates: undefined, subscribes: undefined, active: undefined }
  const match = /^(\d{1,9})\/(\d{1,9})\/(\d{1,9})$/.exec(limits)
  if (match === null) throw new Error(`expected ${forms}, got "${whole}"`)
  const [creates, subscribes, active] = match.slice(1).map(digits => Math.max(1, Number(digits)))
  return { creates, subscribes, active }
}
