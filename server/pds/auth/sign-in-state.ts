/**
 * What sign-ins under way remember. Each row stands under the hash of a secret: of the `state` parameter, of the
 * browser's cookie (a registration), or of the development provider's code.
 */
import { createHash } from 'node:crypto'
import type { LinkedIdentity } from './pending-account.ts'

/** How long a person may take at a provider. */
export const stateMs = 600_000
/** How long she may take to choose a handle. */
export const registrationMs = 3_600_000
/** How old the oldest row may be that still means something. */
export const oldestStateMs = Math.max(stateMs, registrationMs)

/** Gone to a provider, not come back yet. */
export interface FlowState {
  readonly kind: 'flow'
  readonly codeVerifier: string
  readonly nonce: string
  /** Hash of the browser's cookie. */
  readonly browser: string
  readonly returnTo: string
  /** The session that a provider is to be linked to; null: a sign-in. */
  readonly link: { readonly account: number; readonly sessionId: string } | null
}

/** Come back as somebody unknown: a handle is to be chosen. */
export interface RegistrationState {
  readonly kind: 'registration'
  readonly providerLabel: string
  readonly identity: LinkedIdentity
  readonly nameHint: string | null
  readonly returnTo: string
}

/** A code that the development provider gave out. */
export interface DevelopmentCode {
  readonly kind: 'development-code'
  readonly name: string
  readonly codeChallenge: string
  readonly redirectUri: string
}

/** What one row remembers. */
export type SignInState = FlowState | RegistrationState | DevelopmentCode

/** As it is stored. */
export function encodeState(state: SignInState): string {
  return JSON.stringify(state)
}

/** Reads what `encodeState` wrote, if it is of this kind. */
export function decodeState<Kind extends SignInState['kind']>(
  data: string,
  kind: Kind,
): Extract<SignInState, { readonly kind: Kind }> | undefined {
  const value: unknown = JSON.parse(data)
  const is = typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind
  // Written by encodeState alone; its kind is checked above.
  return is ? (value as Extract<SignInState, { readonly kind: Kind }>) : undefined
}

/** The key of a row, and what stands for a browser inside of one. Hex. */
export function stateKey(kind: SignInState['kind'] | 'browser', secret: string): string {
  return createHash('sha256').update(`${kind} ${secret}`).digest('hex')
}
