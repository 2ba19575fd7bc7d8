/**
 * The pages of sign-in, as models. Whoever renders them (the web room) is handed in; each function gives a whole HTML
 * document. Every form posts its `csrf` field back and works without script.
 */

/** A way in that a page offers. `GET start` begins it (with `?return_to=`). */
export interface ProviderLink {
  readonly id: string
  readonly label: string
  /** `/pds/auth/github` */
  readonly start: string
}

/** A sentence above the form. */
export interface Notice {
  readonly kind: 'good' | 'bad'
  readonly text: string
}

/** `GET /sign-in`. The password form posts `identifier`, `password`, `return_to`, `csrf` to `action`. */
export interface SignInModel {
  readonly providers: readonly ProviderLink[]
  /** Where the person wanted to go: a path of this server. */
  readonly returnTo: string
  readonly passwordAllowed: boolean
  /** Whether somebody without an account gets one here. */
  readonly signUp: 'open' | 'invite' | 'providers' | 'closed'
  readonly identifier: string
  readonly notice: Notice | undefined
  readonly action: string
  readonly csrf: string
}

/**
 * `GET /pds/auth/create`: a first sign-in. Posts `name`, `domain`, `use_email` (a checkbox, `on`), `invite_code` (where
 * one is needed) and `csrf` to `action`. `GET /pds/auth/available?handle=` answers `{ available, message? }`.
 */
export interface ChooseHandleModel {
  /** Where the person comes from, in words: GitHub. */
  readonly provider: string
  /** How she is called there. */
  readonly label: string
  /** Without a leading dot; the first is offered first. */
  readonly domains: readonly string[]
  /** What she typed, else a free suggestion, else empty. */
  readonly name: string
  readonly domain: string
  readonly email: { readonly address: string; readonly verified: boolean; readonly use: boolean } | undefined
  readonly inviteRequired: boolean
  readonly inviteCode: string
  /** What was wrong with what she typed. */
  readonly fault: string | undefined
  readonly action: string
  readonly csrf: string
}

/**
 * `GET /pds/auth/dev/authorize`: the development provider's own page. Posts `fields` (hidden), `name` and `csrf` to
 * `action`.
 */
export interface DevelopmentAuthorizeModel {
  readonly fields: Readonly<Record<string, string>>
  readonly name: string
  readonly fault: string | undefined
  readonly action: string
  readonly csrf: string
}

/**
 * Leads on to a provider after a form was posted: `<meta http-equiv="refresh" content="0;url=…">` and a link. A plain
 * redirect would be stopped by the `form-action` policy of the page that the form was on.
 */
export interface ForwardModel {
  readonly href: string
  /** Where it leads, in words: GitHub. */
  readonly label: string
}

/** Something did not work: what happened, that nothing was lost, what to do. */
export interface ProblemModel {
  readonly title: string
  readonly what: string
  readonly next: string
  /** Where the next step is. */
  readonly link: { readonly href: string; readonly label: string }
}

/** Renders each page of sign-in as a whole HTML document. */
export interface AuthPages {
  signIn(model: SignInModel): string
  chooseHandle(model: ChooseHandleModel): string
  developmentAuthorize(model: DevelopmentAuthorizeModel): string
  forward(model: ForwardModel): string
  problem(model: ProblemModel): string
}
