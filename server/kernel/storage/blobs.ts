/** The blob store port: bytes under a key, on disk or in S3. Its contract is written as tests in `blob-suite.ts`. */
export interface BlobStore {
  /**
   * Streams `body` under `key`, durable when it resolves; replaces what was there. Never holds more than a part
   * (some MiB) in memory. If `body` fails, or yields more than `bytesMax`, nothing remains and it throws.
   */
  put(
    key: string,
    body: AsyncIterable<Uint8Array>,
    options: { readonly bytesMax: number },
  ): Promise<{ readonly size: number }>
  /** Moves what stands under `from` to `to` (replacing); throws Refusal 'missing' when there is nothing. */
  move(from: string, to: string): Promise<void>
  /** The bytes under `key`, or undefined. `range` is inclusive start, exclusive end. */
  get(key: string, range?: { readonly start: number; readonly end: number }): Promise<BlobBody | undefined>
  /** Removes `key`; nothing happens when there is none. */
  remove(key: string): Promise<void>
  /** Removes everything whose key begins with `prefix` (which ends in `/`). */
  removeAll(prefix: string): Promise<void>
  /** Keys that begin with `prefix`, ascending by bytes, after `after`, at most `limit`. */
  list(prefix: string, options: { readonly after?: string; readonly limit: number }): Promise<string[]>
  /** Throws when the store cannot be reached or written; for readiness and `leaf doctor`. */
  check(): Promise<void>
}

export interface BlobBody {
  /** Bytes of the whole blob, also when `body` is a range of it. */
  readonly size: number
  /** To be read once, or not at all: then nothing is held open. */
  readonly body: AsyncIterable<Uint8Array>
}

/** What of a blob of `size` bytes a range asks for: 0 <= start <= end <= size. */
export function clampRange(
  range: { readonly start: number; readonly end: number } | undefined,
  size: number,
): { readonly start: number; readonly end: number } {
  const end = Math.max(0, Math.min(range?.end ?? size, size))
  return { start: Math.max(0, Math.min(range?.start ?? 0, end)), end }
}

/** Keys are `segment/segment/…`: 1 to 8 segments of `[A-Za-z0-9._:-]{1,128}`, none of them `.` or `..`. */
export function isBlobKey(key: string): boolean {
  const segments = key.split('/')
  return (
    segments.length <= 8 &&
    segments.every(segment => /^[A-Za-z0-9._:-]{1,128}$/.test(segment) && segment !== '.' && segment !== '..')
  )
}
