/** What can go wrong on the way through a provider, each with its page: what happened, that nothing was lost, what to do. */
import type { ProblemModel } from './pages.ts'

/** Each has a page of its own. */
export type SignInFaultKind =
  | 'stale' // the state is unknown, used, too old, or another browser's
  | 'cancelled' // the person said no
  | 'unreachable' // the provider failed, or did not answer
  | 'limited' // the provider wants us to come back later
  | 'expired-code' // the code was spent or too old
  | 'misconfigured' // the provider does not know this server, or its answer is not what it should be
  | 'untrusted' // an answer whose signature, issuer, audience or nonce is wrong
  | 'other-account' // the identity belongs to somebody else's account
  | 'signed-out' // a link was begun by a session that is over
  | 'unfinished' // the creation of the account is still under way
  | 'takendown' // the account was taken down

/** A sign-in that did not work. The message is for the log; the page speaks by `kind`. */
export class SignInFault extends Error {
  override readonly name = 'SignInFault'
  readonly kind: SignInFaultKind
  /** The provider, in words. */
  readonly provider: string
  constructor(kind: SignInFaultKind, provider: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.provider = provider
  }
}

interface Words {
  readonly status: number
  readonly title: string
  readonly what: string
  readonly next: string
}

/** The page of a fault, and its HTTP status. */
export function faultPage(fault: SignInFault): { readonly status: number; readonly model: ProblemModel } {
  const { status, ...text } = words[fault.kind](fault.provider)
  const link =
    fault.kind === 'other-account'
      ? { href: '/account', label: 'To your account' }
      : { href: '/sign-in', label: 'To the sign-in page' }
  return { status, model: { ...text, link } }
}

const words: Readonly<Record<SignInFaultKind, (provider: string) => Words>> = {
  stale: () => ({
    status: 400,
    title: 'This sign-in is over',
    what: 'It took longer than ten minutes, was used already, or began in another browser. Nothing was changed.',
    next: 'Please begin again.',
  }),
  cancelled: provider => ({
    status: 400,
    title: 'You did not sign in',
    what: `${provider} says that you cancelled. Nothing was changed.`,
    next: 'You can try again, or choose another way in.',
  }),
  unreachable: provider => ({
    status: 502,
    title: `${provider} does not answer`,
    what: `${provider} could not be reached, or failed on its side. Nothing was changed here.`,
    next: 'Please try again in a minute, or choose another way in.',
  }),
  limited: provider => ({
    status: 503,
    title: `${provider} is busy`,
    what: `${provider} has had too many questions from this server. Nothing was changed.`,
    next: 'Please try again later, or choose another way in.',
  }),
  'expired-code': provider => ({
    status: 400,
    title: 'This sign-in is over',
    what: `${provider} no longer knows this sign-in: it was used already, or took too long. Nothing was changed.`,
    next: 'Please begin again.',
  }),
  misconfigured: provider => ({
    status: 502,
    title: `Signing in with ${provider} is not set up rightly`,
    what: `${provider} and this server do not agree about each other. Nothing was changed.`,
    next: 'Whoever runs this server finds the reason in its log. Please choose another way in.',
  }),
  untrusted: provider => ({
    status: 502,
    title: 'This answer cannot be trusted',
    what: `What came from ${provider} did not prove who you are, so you were not signed in. Nothing was changed.`,
    next: 'Please begin again.',
  }),
  'other-account': provider => ({
    status: 400,
    title: 'This sign-in belongs to another account',
    what: `Your ${provider} sign-in is linked to another account on this server. Nothing was changed.`,
    next: 'Sign in with it and unlink it there first, if that account is yours.',
  }),
  'signed-out': provider => ({
    status: 400,
    title: 'You are no longer signed in',
    what: `Your session ended before ${provider} was linked. Nothing was changed.`,
    next: 'Please sign in, and link it again.',
  }),
  unfinished: provider => ({
    status: 503,
    title: 'Your account is being made',
    what: 'The directory of identities has not answered yet. Your handle is kept for you, and nothing is lost.',
    next: `Please sign in with ${provider} again in a minute or two: the account is there then, or you choose anew.`,
  }),
  takendown: () => ({
    status: 403,
    title: 'This account was taken down',
    what: 'The people who run this server have taken the account down. Nothing was deleted.',
    next: 'Please write to them.',
  }),
}
