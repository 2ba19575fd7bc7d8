/** DIDs, handles and their documents, as the kernel resolves them. */

export type Did = `did:${string}:${string}`
/** Lower case, without `@`. */
export type Handle = string & { readonly __handle: true }

export interface DidDocument {
  readonly id: Did
  readonly alsoKnownAs?: readonly string[]
  readonly verificationMethod?: readonly {
    readonly id: string
    readonly type: string
    readonly controller: string
    readonly publicKeyMultibase?: string
  }[]
  readonly service?: readonly {
    readonly id: string
    readonly type: string
    readonly serviceEndpoint: string
  }[]
}

export interface IdentityResolver {
  /** The document of a did:plc or did:web, cached (stale while it is fetched anew); `force` goes to the source. Undefined: there is none. */
  document(did: Did, options?: { readonly force?: boolean }): Promise<DidDocument | undefined>
  /** What the outside says about a handle: `/.well-known/atproto-did`, DNS TXT `_atproto.`. Undefined: nothing. */
  handle(handle: Handle): Promise<Did | undefined>
  /** Forgets what is cached about a DID. */
  forget(did: Did): void
}

/** What a did:plc says now (`/:did/data` of the directory). */
export interface PlcData {
  readonly did: Did
  readonly rotationKeys: readonly string[]
  readonly verificationMethods: Readonly<Record<string, string>>
  readonly alsoKnownAs: readonly string[]
  readonly services: Readonly<Record<string, { readonly type: string; readonly endpoint: string }>>
}

/** A signed operation as the directory takes it. */
export type PlcOperation = Readonly<Record<string, unknown>> & { readonly sig: string }

export interface PlcClient {
  /** Throws Refusal 'invalid' with the directory's reason, or 'upstream'. */
  submit(did: Did, operation: PlcOperation): Promise<void>
  /** Undefined when the directory does not know the DID. */
  data(did: Did): Promise<PlcData | undefined>
  /** The last operation and its CID: what the next one builds on. Undefined when unknown. */
  last(did: Did): Promise<{ readonly cid: string; readonly operation: PlcOperation } | undefined>
}
