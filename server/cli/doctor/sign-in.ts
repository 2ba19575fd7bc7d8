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
  const findings: Finding[] = []
  for (const [name, id, secret] of [
    ['GitHub', settings.githubClientId, settings.githubClientSecret],
    ['Google', settings.googleClientId, settings.googleClientSecret],
  ] as const) {
    if ((id === undefined) !== (secret === undefined)) {
      findings.push(
        bad(`Sign-in with ${name} needs its client id and its client secret; one of them is missing.`),
      )
    }
  }
  if (configured.length > 0) findings.push(good(`People sign in with ${configured.join(', ')}.`))
  else if (settings.signUp === 'providers') {
    findings.push(
      bad(
        'Only people who come through a sign-in provider may sign up (PDS_SIGN_UP), but none is configured.',
      ),
    )
  } else findings.push(warning('No sign-in provider is configured: people can only use passwords.'))
  return findings
}
