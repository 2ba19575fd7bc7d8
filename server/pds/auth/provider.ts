/** What a sign-in provider is to the flow. */

/** Who somebody is at a provider. */
export interface ProviderPerson {
  /** The provider's own unchanging id: GitHub's number, OIDC's `sub`. Never an e-mail address. */
  readonly id: string
  /** What the person recognises: a login, a name, an address. */
  readonly label: string
  readonly email: { readonly address: string; readonly verified: boolean } | undefined
  /** Something a handle may be made of. */
  readonly nameHint: string | undefined
}

/** What goes along to the provider. */
export interface BeginRequest {
  readonly state: string
  readonly nonce: string
  /** PKCE, S256. */
  readonly codeChallenge: string
  readonly redirectUri: string
}

/** What came back from the provider, and what was kept meanwhile. */
export interface FinishRequest {
  readonly code: string
  readonly codeVerifier: string
  readonly nonce: string
  readonly redirectUri: string
  /** RFC 9207's `iss` of the callback, where the provider sends one. */
  readonly issuer: string | undefined
}

/** A way in through somebody else's accounts. */
export interface SignInProvider {
  /** In routes and in `pds_identities.provider`: `github`. */
  readonly id: string
  readonly label: string
  /** Where the browser is sent. Throws SignInFault. */
  begin(request: BeginRequest): Promise<string>
  /** Exchanges the code and says who it was. Throws SignInFault. */
  finish(request: FinishRequest): Promise<ProviderPerson>
}
