/** Who may create an account: one policy for every way in. */
import { refuse } from '../xrpc/refuse.ts'

/** Anyone; holders of a code; who comes through a configured provider; nobody. */
export type SignUp = 'open' | 'invite' | 'providers' | 'closed'

/** How somebody comes to an account: the plain endpoint, a sign-in provider, or a DID that moves here. */
export type WayIn = 'password' | 'provider' | 'migration'

/** Who may create an account. */
export interface SignUpPolicy {
  readonly signUp: SignUp
  /** Whether an existing DID may move here. */
  readonly migrationIn: boolean
}

/** Throws unless this way in stands open; whether an invite code is used up by it. */
export function assertMaySignUp(
  policy: SignUpPolicy,
  way: WayIn,
  inviteCode: string | undefined,
): { readonly takesInvite: boolean } {
  const { signUp } = policy
  if (way === 'migration' && !policy.migrationIn) {
    throw refuse('InvalidRequest', 'this server takes in no existing accounts')
  }
  if (signUp === 'closed' && way !== 'migration') {
    throw refuse('InvalidRequest', 'this server takes no new accounts')
  }
  if (signUp === 'providers' && way === 'password') {
    throw refuse(
      'InvalidRequest',
      'new accounts are made on this server’s sign-in page, through one of its sign-in providers',
    )
  }
  if (signUp !== 'invite') return { takesInvite: false }
  if (inviteCode === undefined || inviteCode === '')
    throw refuse('InvalidInviteCode', 'No invite code provided')
  return { takesInvite: true }
}
