/** JSON and text over HTTPS, within bounds; `fetch` is handed in. */
export type Fetch = (
  url: string,
  init: { readonly signal: AbortSignal; readonly redirect: 'error' },
) => Promise<Response>

export interface Web {
  /** Undefined: there is nothing (404 and 410), or not what was expected. Throws when nobody answered. */
  json(url: string): Promise<unknown>
  text(url: string): Promise<string | undefined>
}

const answerBytesMax = 256 * 1024
const timeoutMs = 5_000

/** Redirects are not followed: an identifier must not be answered by another host. */
export function createWeb(fetch: Fetch): Web {
  const text = async (url: string): Promise<string | undefined> => {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' })
    if (response.status >= 500 || response.status === 429)
      throw new Error(`expected an answer of ${new URL(url).host}, got status ${response.status}`)
    if (!response.ok || response.body === null) return undefined
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of readAll(response.body)) {
      length += chunk.length
      if (length > answerBytesMax) throw new Error(`expected at most ${answerBytesMax} bytes`)
      chunks.push(chunk)
    }
    const decoder = new TextDecoder()
    return chunks.map(chunk => decoder.decode(chunk, { stream: true })).join('') + decoder.decode()
  }
  return {
    text,
    json: async url => {
      const body = await text(url)
      try {
        return body === undefined ? undefined : (JSON.parse(body) as unknown)
      } catch {
        // What is no JSON is not what was expected.
        return undefined
      }
    },
  }
}

/** Not every browser can iterate over a body. */
async function* readAll(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel()
  }
}
