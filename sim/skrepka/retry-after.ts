/** A `Retry-After` in seconds, as milliseconds; undefined when it is absent or something else. */
export function parseRetryAfter(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : undefined
}
