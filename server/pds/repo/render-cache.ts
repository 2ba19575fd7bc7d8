/** Records as JSON text, by CID: the same few are asked for again and again. */
export interface RenderCache {
  get(key: string): string | undefined
  add(key: string, text: string): void
}

/** What an entry costs beside its text. */
const entryBytes = 160

/** Holds at most about `bytesMax` bytes; what was not asked for the longest time goes first. */
export function createRenderCache(bytesMax: number): RenderCache {
  const texts = new Map<string, string>()
  let bytes = 0
  // Texts beyond Latin-1 take two bytes a character; it is not known which are.
  const weight = (text: string) => entryBytes + text.length * 2
  const forget = (key: string, text: string) => {
    texts.delete(key)
    bytes -= weight(text)
  }
  return {
    get: key => {
      const text = texts.get(key)
      if (text === undefined) return undefined
      texts.delete(key)
      texts.set(key, text)
      return text
    },
    add: (key, text) => {
      if (weight(text) > bytesMax || texts.has(key)) return
      texts.set(key, text)
      bytes += weight(text)
      for (const [oldest, old] of texts) {
        if (bytes <= bytesMax) return
        forget(oldest, old)
      }
    },
  }
}
