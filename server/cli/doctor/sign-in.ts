import type { PdsSettings } from '../../pds/config.ts'
import { type Finding, findingsOf } from './finding.ts'

export interface Callback {
  /** `GitHub`. */
  readonly provider: string
  /** The address to register there. */
  readonly url: string
  /** Whether a client id is configured. */
  readonly configured: boolean
}

/** What to register at sign-in providers. */
export function callbacksOf(settings: PdsSettings, publicUrl: string): readonly Callback[] {
  const callback = (provider: string, id: string, configured: boolean): Callback => ({
    provider,
    url: `${publicUrl}/pds/auth/${id}/callback`,
    configured,
  })
  return [
    callback('GitHub', 'github', settings.githubClientId !== undefined),
    callback('Google', 'google', settings.googleClientId !== undefined),
    ...settings.oidcProviders.map(({ id, label }) => callback(label, id, true)),
  ]
}

/** Whether anybody can get in at all. */
export function examineSignIn(settings: PdsSettings, callbacks: readonly Callback[]): Finding[] {
  const { good, warning, bad } = findingsOf('sign-in')
  const configured = callbacks.filter(callback => callback.configured).map(callback => callback.provider)
  if (configured.length > 0) return [good(`People sign in with ${configured.join(', ')}.`)]
  if (settings.signUp !== 'providers') {
    return [warning('No sign-in provider is configured: people can only use passwords.')]
  }
  return [
    bad('Only people who come through a sign-in provider may sign up (PDS_SIGN_UP), but none is configured.'),
  ]
}
