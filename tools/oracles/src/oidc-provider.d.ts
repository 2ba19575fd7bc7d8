/** The little of `oidc-provider` that `oidc.ts` uses; the package brings no types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  interface Interaction {
    readonly prompt: { readonly name: string; readonly details: Record<string, unknown> }
    readonly params: Readonly<Record<string, string>>
    readonly session?: { readonly accountId: string }
    readonly grantId?: string
  }

  interface Grant {
    addOIDCScope(scope: string): void
    addOIDCClaims(claims: readonly string[]): void
    save(): Promise<string>
  }

  interface Policy extends Array<unknown> {
    add(prompt: unknown, index: number): void
  }

  export const interactionPolicy: {
    base(): Policy
    readonly Prompt: new (options: { name: string; requestable: boolean }) => unknown
  }

  export default class Provider {
    constructor(issuer: string, configuration: object)
    readonly Grant: new (properties: {
      accountId: string
      clientId: string
    }) => Grant
    readonly Client: { readonly prototype: { redirectUriAllowed(uri: string): boolean } }
    proxy: boolean
    callback(): (request: IncomingMessage, response: ServerResponse) => void
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: object,
      options: { mergeWithLastSubmission: boolean },
    ): Promise<void>
    on(event: string, listener: (...args: any[]) => void): this
  }
}
