/** The fields of request bodies, read and refused as the seed's runtime does. */
import { answerError, WireFault } from './answers.ts'

export type Fields = Readonly<Record<string, unknown>>

/** A body as an object. What is JSON but no object has no fields. */
export function fieldsOf(body: Uint8Array): Fields {
  let value: unknown
  try {
    value = JSON.parse(textOf(body))
  } catch {
    throw new WireFault(answerError(400, 'invalid JSON body: expected JSON'))
  }
  return isFields(value) ? value : {}
}

/** UTF-8, as far as it is; what is not cannot be the value of any field that is checked. */
export function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Refuses a body in which one of these is missing, in this order, before anything else of it is looked at. */
export function requireFields(fields: Fields, names: readonly string[]): void {
  const missing = names.find(name => own(fields, name) === undefined)
  if (missing !== undefined) throw new WireFault(answerError(400, `missing required body field '${missing}'`))
}

/** A field of its own: `constructor` is none. */
export function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

function refinementFault(name: string, type: string): WireFault {
  return new WireFault(
    answerError(400, `validation error: field '${name}' does not satisfy '${type}' constraint`),
  )
}

/** Lower-case hex of exactly so many digits. */
export function hexField(
  fields: Fields,
  name: string,
  kind: { readonly type: string; readonly length: number },
): string {
  const value = own(fields, name)
  if (!isHex(value, kind.length)) throw refinementFault(name, kind.type)
  return value
}

export function isHex(value: unknown, length: number): value is string {
  return typeof value === 'string' && value.length === length && isLowerHex(value)
}

/** Whether there is nothing but lower-case hex digits in a text. */
export function isLowerHex(text: string): boolean {
  return /^[0-9a-f]+$/.test(text) && text.length % 2 === 0
}

export const publicKeyHex = { type: 'PubkeyHex', length: 64 }
export const signatureHex = { type: 'SignatureHex', length: 128 }

export function textField(fields: Fields, name: string): string {
  const value = own(fields, name)
  if (typeof value !== 'string') throw refinementFault(name, 'Text')
  return value
}

/** Undefined when it is absent. */
export function optionalFlag(fields: Fields, name: string): boolean | undefined {
  const value = own(fields, name)
  if (value !== undefined && typeof value !== 'boolean') throw refinementFault(name, 'Bool')
  return value
}

export function integerField(fields: Fields, name: string): number {
  const value = own(fields, name)
  if (typeof value !== 'number' || !Number.isInteger(value)) throw refinementFault(name, 'Timestamp')
  return value
}
