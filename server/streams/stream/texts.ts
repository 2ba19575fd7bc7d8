/** Sentences of refusals. Upstream's where it has one: clients may know them, slips included. */
import { Refusal } from '../../kernel/errors.ts'

export const noSuchStream = (did: string) => new Refusal('missing', `Stream not found: ${did}`)
export const streamDeleted = (did: string) => new Refusal('missing', `Stream was deleted: ${did}`)
export const streamFrozen = () =>
  new Refusal('forbidden', 'The stream is frozen: it can be read, and nothing can be added')
export const streamElsewhere = (address: string) =>
  new Refusal('unavailable', `The stream is served by another node: ${address}`, { retryAfterMs: 5000 })

export const unauthenticated = (text: string) => new Refusal('unauthenticated', text)
export const forbidden = (text: string) => new Refusal('forbidden', text)
