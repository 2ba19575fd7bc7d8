import { Refusal } from '../errors.ts'
import { type S3Client, S3Error } from './s3-client.ts'

/** What is uploaded at a time; S3 takes no smaller part than 5 MiB, but for the last. */
export const partBytes = 5 * 1024 * 1024

/** Parts that are under way; with the one that is being filled that is what an upload holds in memory. */
const partsInFlightMax = 2

/** S3's own bound. */
const partsMax = 10_000

/** Streams a body to `key`: a small one with one request, a longer one in parts. After a failure nothing of it is there. */
export async function uploadToS3(
  client: S3Client,
  key: string,
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<{ readonly size: number }> {
  let size = 0
  let upload: Multipart | undefined
  try {
    for await (const part of parts(body, bytesMax)) {
      size += part.bytes.length
      if (upload === undefined && part.isLast) {
        const response = await client.send({ method: 'PUT', key, body: part.bytes })
        await response.body?.cancel()
        return { size }
      }
      upload ??= await beginMultipart(client, key)
      await upload.add(part.bytes)
    }
    await upload?.complete(size)
    return { size }
  } catch (error) {
    await upload?.abort()
    throw error
  }
}

interface Part {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly isLast: boolean
}

/** Cuts a body into parts; an empty body is one empty part. */
async function* parts(body: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<Part> {
  let chunks: Uint8Array[] = []
  let held = 0
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > bytesMax) throw new Refusal('too-large', `a blob may have ${bytesMax} bytes`)
    chunks.push(chunk)
    held += chunk.length
    while (held > partBytes) {
      const all = joined(chunks, held)
      yield { bytes: all.slice(0, partBytes), isLast: false }
      chunks = [all.subarray(partBytes)]
      held -= partBytes
    }
  }
  yield { bytes: joined(chunks, held), isLast: true }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(length)
  let position = 0
  for (const chunk of chunks) {
    all.set(chunk, position)
    position += chunk.length
  }
  return all
}

interface Multipart {
  /** Begins to send a part; waits only while too many are under way. */
  add(bytes: Uint8Array<ArrayBuffer>): Promise<void>
  complete(size: number): Promise<void>
  abort(): Promise<void>
}

async function beginMultipart(client: S3Client, key: string): Promise<Multipart> {
  const begun = await client.sendForText({ method: 'POST', key, query: { uploads: '' } })
  const uploadId = /<UploadId>([^<]{1,1024})<\/UploadId>/.exec(begun)?.[1]
  if (uploadId === undefined) throw new Error('the blob store began an upload without an id')
  const tags: Promise<string>[] = []

  const sendPart = async (partNumber: number, bytes: Uint8Array<ArrayBuffer>): Promise<string> => {
    const response = await client.send({
      method: 'PUT',
      key,
      query: { partNumber: String(partNumber), uploadId },
      body: bytes,
    })
    await response.body?.cancel()
    const tag = response.headers.get('etag')
    if (tag === null) throw new Error('the blob store took a part without naming it')
    return tag
  }

  return {
    add: async bytes => {
      if (tags.length >= partsMax) throw new Refusal('too-large', `a blob may have ${partsMax} parts`)
      const oldest = tags.at(-partsInFlightMax)
      const sent = sendPart(tags.length + 1, bytes)
      // Awaited later; until then a failure is nobody's surprise.
      sent.catch(() => undefined)
      tags.push(sent)
      await oldest
    },
    complete: async size => {
      const entries = (await Promise.all(tags)).map(
        (tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escapeXml(tag)}</ETag></Part>`,
      )
      const body = new TextEncoder().encode(
        `<CompleteMultipartUpload>${entries.join('')}</CompleteMultipartUpload>`,
      )
      try {
        await client.sendForText({ method: 'POST', key, query: { uploadId }, body })
      } catch (error) {
        // Asked a second time, S3 no longer knows an upload that it completed the first time.
        if (!(error instanceof S3Error && error.status === 404 && (await sizeOf(client, key)) === size))
          throw error
      }
    },
    abort: async () => {
      await Promise.allSettled(tags)
      try {
        await client.send({ method: 'DELETE', key, query: { uploadId } })
      } catch {
        // What stays is parts that nobody sees; the bucket's lifecycle rule for unfinished uploads removes them.
      }
    },
  }
}

/** Bytes under `key`, or undefined. */
export async function sizeOf(client: S3Client, key: string): Promise<number | undefined> {
  try {
    const response = await client.send({ method: 'HEAD', key })
    return Number(response.headers.get('content-length'))
  } catch (error) {
    if (error instanceof S3Error && error.status === 404) return undefined
    throw error
  }
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
