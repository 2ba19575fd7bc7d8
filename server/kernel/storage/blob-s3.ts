import { hash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { Refusal } from '../errors.ts'
import { type BlobBody, type BlobStore, isBlobKey } from './blobs.ts'
import { type S3Client, type S3ClientOptions, S3Error, createS3Client } from './s3-client.ts'
import { sizeOf, uploadToS3 } from './s3-upload.ts'

/** S3's own bound for a page of keys and for one removal of many. */
const keysMax = 1000

/** After this long a body that nobody began to read is given up. */
const unreadMsMax = 30_000

/** Where `check` writes. */
const checkKey = 'leaf-check'

/** A blob store in a bucket of S3, or of anything that speaks like it. Asks for nothing until it is used. */
export async function openBlobS3(options: S3ClientOptions): Promise<BlobStore> {
  const client = createS3Client(options)
  const { clock } = options

  const remove = async (key: string): Promise<void> => {
    const response = await ignoreMissing(client.send({ method: 'DELETE', key: checked(key) }))
    await response?.body?.cancel()
  }
  const put: BlobStore['put'] = async (key, body, { bytesMax }) =>
    uploadToS3(client, checked(key), body, bytesMax)

  return {
    put,
    move: async (from, to) => {
      checked(to)
      // Nothing in a key needs to be escaped.
      const source = `/${options.bucket}/${checked(from)}`
      try {
        await client.sendForText({ method: 'PUT', key: to, headers: { 'x-amz-copy-source': source } })
      } catch (error) {
        if (!(error instanceof S3Error && error.status === 404)) throw error
        throw new Refusal('missing', 'there is no such blob', { cause: error })
      }
      await remove(from)
    },
    get: (key, range) => readObject(client, clock, checked(key), range),
    remove,
    removeAll: async prefix => {
      checkPrefix(prefix)
      for (;;) {
        const keys = await listKeys(client, prefix, '', keysMax)
        if (keys.length === 0) return
        await removeMany(client, keys)
      }
    },
    list: async (prefix, { after = '', limit }) => {
      checkPrefix(prefix)
      return listKeys(client, prefix, after, limit)
    },
    check: async () => {
      await uploadToS3(client, checkKey, oneByte(), 1)
      await remove(checkKey)
    },
  }
}

function checked(key: string): string {
  if (!isBlobKey(key)) throw new Error(`not a blob key: ${JSON.stringify(key.slice(0, 200))}`)
  return key
}

function checkPrefix(prefix: string): void {
  if (prefix === '' || (prefix.endsWith('/') && isBlobKey(prefix.slice(0, -1)))) return
  throw new Error(`not a blob prefix: ${JSON.stringify(prefix.slice(0, 200))}`)
}

async function ignoreMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof S3Error && error.status === 404) return undefined
    throw error
  }
}

async function readObject(
  client: S3Client,
  clock: Clock,
  key: string,
  range: { readonly start: number; readonly end: number } | undefined,
): Promise<BlobBody | undefined> {
  const start = Math.max(0, range?.start ?? 0)
  if (range !== undefined && range.end <= start) return nothingOf(await sizeOf(client, key))
  const headers = range === undefined ? {} : { range: `bytes=${start}-${range.end - 1}` }
  let response: Response
  try {
    response = await client.send({ method: 'GET', key, headers })
  } catch (error) {
    if (error instanceof S3Error && error.status === 404) return undefined
    if (error instanceof S3Error && error.status === 416) return nothingOf(await sizeOf(client, key))
    throw error
  }
  const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
  const size = Number(total ?? response.headers.get('content-length'))
  return { size, body: oneReading(response, clock) }
}

function nothingOf(size: number | undefined): BlobBody | undefined {
  return size === undefined ? undefined : { size, body: noBytes() }
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

async function* oneByte(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1)
}

/** The body of an answer, whose connection is given up when nobody begins to read it. */
function oneReading(response: Response, clock: Clock): AsyncIterable<Uint8Array> {
  const cancel = clock.after(unreadMsMax, () => void response.body?.cancel().catch(() => undefined))
  async function* read(): AsyncGenerator<Uint8Array> {
    cancel()
    for await (const chunk of response.body ?? []) yield chunk
  }
  return read()
}

async function listKeys(client: S3Client, prefix: string, after: string, limit: number): Promise<string[]> {
  const keys: string[] = []
  let token: string | undefined
  while (keys.length < limit) {
    const page = await client.sendForText({
      method: 'GET',
      key: '',
      query: {
        'list-type': '2',
        prefix,
        'max-keys': String(Math.min(limit - keys.length, keysMax)),
        ...(token === undefined
          ? after === ''
            ? {}
            : { 'start-after': after }
          : { 'continuation-token': token }),
      },
    })
    // What stands in the bucket besides our keys is not ours.
    for (const [, key] of page.matchAll(/<Key>([^<]*)<\/Key>/g))
      if (key !== undefined && isBlobKey(key)) keys.push(key)
    token = /<NextContinuationToken>([^<]+)<\/NextContinuationToken>/.exec(page)?.[1]
    if (token === undefined) break
  }
  return keys
}

async function removeMany(client: S3Client, keys: readonly string[]): Promise<void> {
  const entries = keys.map(key => `<Object><Key>${key}</Key></Object>`).join('')
  const body = new TextEncoder().encode(`<Delete><Quiet>true</Quiet>${entries}</Delete>`)
  const digest = hash('md5', body, 'base64')
  await client.sendForText({
    method: 'POST',
    key: '',
    query: { delete: '' },
    headers: { 'content-md5': digest, 'content-type': 'application/xml' },
    body,
  })
}
