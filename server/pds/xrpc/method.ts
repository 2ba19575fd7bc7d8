/** What an XRPC method is, as its handler file declares it. The dispatcher (`server.ts`) does the rest. */
import type { Readable } from 'node:stream'
import type { RequestContext } from '../../kernel/http/route.ts'
import type { AuthRule, Credentials } from '../auth/credentials.ts'

/** The rate classes of the seed; each is configured, and costs points. */
export type RateClass = 'standard' | 'write' | 'auth' | 'upload' | 'read'

/**
 * Params and Input are what the lexicon says of them: the dispatcher has validated both against the lexicon document of
 * `nsid` (defaults filled in) before `handle` runs.
 */
export interface XrpcMethod<Params = unknown, Input = unknown> {
  readonly nsid: string
  readonly type: 'query' | 'procedure'
  readonly auth: AuthRule
  /** The classes that are charged before `handle`, beside the global one. */
  readonly rate?: readonly RateCharge<Input>[]
  /** Procedures with a JSON body: how many bytes at most (default `PDS_JSON_BODY_MAX`). */
  readonly jsonBytesMax?: number
  /** Procedures whose body is read by the handler itself from `call.body`. */
  readonly rawBody?: boolean
  readonly handle: (call: XrpcCall<Params, Input>) => Promise<XrpcReply>
}

export interface RateCharge<Input> {
  readonly class: RateClass
  /** Default 1. */
  readonly points?: (input: Input) => number
  /** Default: the account's DID, else the address. */
  readonly key?: (input: Input, address: string) => string
}

export interface XrpcCall<Params, Input> {
  readonly params: Params
  readonly input: Input
  /** The raw body, for `rawBody` methods. Decompressed already; not yet bounded. */
  readonly body: Readable
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly credentials: Credentials
  readonly context: RequestContext
}

/** Nothing (200 with an empty body), JSON, JSON that is rendered already, bytes, or a stream. */
export type XrpcReply =
  | undefined
  | { readonly json: unknown; readonly headers?: Readonly<Record<string, string>> }
  | { readonly jsonText: string; readonly headers?: Readonly<Record<string, string>> }
  | {
      readonly bytes: Uint8Array
      readonly contentType: string
      readonly headers?: Readonly<Record<string, string>>
    }
  | {
      readonly stream: AsyncIterable<Uint8Array>
      readonly contentType: string
      readonly headers?: Readonly<Record<string, string>>
    }
