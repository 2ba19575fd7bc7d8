/** Lexicon documents, as far as validation looks at them. https://atproto.com/specs/lexicon */

export interface LexiconDocument {
  readonly id: string
  readonly defs: Readonly<Record<string, LexiconDefinition>>
}

/** What may stand under a name of `defs`. */
export type LexiconDefinition = LexiconMethod | LexiconRecord | LexiconType

export interface LexiconMethod {
  readonly type: 'query' | 'procedure' | 'subscription'
  readonly parameters?: LexiconParams
  readonly input?: LexiconBody
  readonly output?: LexiconBody
}

export interface LexiconBody {
  readonly encoding: string
  readonly schema?: LexiconType
}

export interface LexiconRecord {
  readonly type: 'record'
  /** `tid`, `nsid`, `any`, `literal:self`. */
  readonly key?: string
  readonly record: LexiconObject
}

export interface LexiconParams {
  readonly type: 'params'
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, LexiconType>>
}

export interface LexiconObject {
  readonly type: 'object'
  readonly required?: readonly string[]
  readonly nullable?: readonly string[]
  readonly properties?: Readonly<Record<string, LexiconType>>
}

export interface LexiconArray {
  readonly type: 'array'
  readonly items: LexiconType
  readonly minLength?: number
  readonly maxLength?: number
}

export interface LexiconString {
  readonly type: 'string'
  readonly format?: string
  /** In bytes of UTF-8. */
  readonly minLength?: number
  readonly maxLength?: number
  readonly minGraphemes?: number
  readonly maxGraphemes?: number
  readonly enum?: readonly string[]
  readonly const?: string
  readonly default?: string
}

export interface LexiconInteger {
  readonly type: 'integer'
  readonly minimum?: number
  readonly maximum?: number
  readonly enum?: readonly number[]
  readonly const?: number
  readonly default?: number
}

export interface LexiconBoolean {
  readonly type: 'boolean'
  readonly const?: boolean
  readonly default?: boolean
}

export interface LexiconBytes {
  readonly type: 'bytes'
  readonly minLength?: number
  readonly maxLength?: number
}

export interface LexiconBlob {
  readonly type: 'blob'
  readonly accept?: readonly string[]
  readonly maxSize?: number
}

export interface LexiconRef {
  readonly type: 'ref'
  readonly ref: string
}

export interface LexiconUnion {
  readonly type: 'union'
  readonly refs: readonly string[]
  readonly closed?: boolean
}

export type LexiconType =
  | LexiconObject
  | LexiconArray
  | LexiconString
  | LexiconInteger
  | LexiconBoolean
  | LexiconBytes
  | LexiconBlob
  | LexiconRef
  | LexiconUnion
  | { readonly type: 'cid-link' | 'unknown' | 'token' | 'null' }
