import { Refusal } from '../../server/kernel/errors.ts'
import { type BlobStore, clampRange } from '../../server/kernel/storage/blobs.ts'

/** A blob store in a map, which is its disk. */
export function createMemoryBlobs(disk: Map<string, Uint8Array>): BlobStore {
  return {
    put: async (key, body, { bytesMax }) => {
      const parts: Uint8Array[] = []
      let size = 0
      for await (const part of body) {
        size += part.length
        if (size > bytesMax) throw new Refusal('too-large', `a blob of more than ${bytesMax} bytes`)
        parts.push(part)
      }
      disk.set(key, Buffer.concat(parts))
      return { size }
    },
    move: async (from, to) => {
      const bytes = disk.get(from)
      if (bytes === undefined) throw new Refusal('missing', `no blob under ${from}`)
      disk.set(to, bytes)
      disk.delete(from)
    },
    get: async (key, range) => {
      const bytes = disk.get(key)
      if (bytes === undefined) return undefined
      const { start, end } = clampRange(range, bytes.length)
      const part = bytes.subarray(start, end)
      return {
        size: bytes.length,
        body: (async function* () {
          yield part
        })(),
      }
    },
    remove: async key => void disk.delete(key),
    removeAll: async prefix => {
      for (const key of disk.keys()) if (key.startsWith(prefix)) disk.delete(key)
    },
    list: async (prefix, { after = '', limit }) =>
      [...disk.keys()]
        .filter(key => key.startsWith(prefix) && key > after)
        .toSorted()
        .slice(0, limit),
    check: async () => undefined,
  }
}
