/** Looking into JSON that somebody else wrote. */
import { MalformedError } from './errors.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a value is an object with names, not an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object that UTF-8 bytes or a text say. Throws MalformedError. */
export function readJsonObject(source: Uint8Array | string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(
      typeof source === 'string' ? source : new TextDecoder('utf-8', { fatal: true }).decode(source),
    )
  } catch {
    throw new MalformedError('expected JSON in UTF-8', 0)
  }
  if (!isObject(value)) throw new MalformedError('expected a JSON object', 0)
  return value
}

/** A text of at most `lengthMax` characters; `otherwise` when the field is absent or null. Throws MalformedError. */
export function textField(object: JsonObject, name: string, lengthMax: number, otherwise?: string): string {
  const value = object[name] ?? otherwise
  if (typeof value !== 'string' || value.length > lengthMax) {
    throw new MalformedError(`expected ${name} to be a text of at most ${lengthMax} characters`, 0)
  }
  return value
}

/** A whole number from 0 on; `otherwise` when the field is absent or null. Throws MalformedError. */
export function countField(object: JsonObject, name: string, otherwise?: number): number {
  const value = object[name] ?? otherwise
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new MalformedError(`expected ${name} to be a whole number`, 0)
  }
  return value
}

/** Texts, at most `countMax`, each of at most `lengthMax` characters. Throws MalformedError. */
export function textsField(
  object: JsonObject,
  name: string,
  countMax: number,
  lengthMax: number,
): readonly string[] {
  const value = object[name]
  const fits =
    Array.isArray(value) &&
    value.length <= countMax &&
    value.every((one): one is string => typeof one === 'string' && one.length <= lengthMax)
  if (!fits)
    throw new MalformedError(
      `expected ${name} to be at most ${countMax} texts of at most ${lengthMax} characters`,
      0,
    )
  return value
}
