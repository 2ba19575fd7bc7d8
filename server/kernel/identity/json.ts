/** Shapes of decoded JSON, checked where it comes in. */

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}

/** A map whose values are all text. */
export function isStringMap(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && isStrings(Object.values(value))
}

/** The `services` of PLC data: `{ atproto_pds: { type, endpoint } }`. */
export function isServiceMap(
  value: unknown,
): value is Readonly<Record<string, { readonly type: string; readonly endpoint: string }>> {
  return isObject(value) && Object.values(value).every(isService)
}

function isService(value: unknown): boolean {
  return isObject(value) && typeof value['type'] === 'string' && typeof value['endpoint'] === 'string'
}
