import { hash } from 'node:crypto'
import { AwsClient } from 'aws4fetch'
import type { Clock } from '../clock.ts'
import { Refusal } from '../errors.ts'

/** Where the bucket is and who we are to it. */
export interface S3Settings {
  readonly bucket: string
  /** Absent: AWS's for the region. */
  readonly endpoint: string | undefined
  readonly region: string
  readonly keyId: string
  readonly secret: string
  /** Whether the bucket stands in the path instead of the host name. */
  readonly pathStyle: boolean
}

/** Signed requests to one bucket, tried again where that can help. */
export interface S3Client {
  /** Sends a request; `key` '' is the bucket itself. Throws S3Error for what S3 refuses, Refusal 'unavailable' when it does not answer. */
  send(request: S3Request): Promise<Response>
  /** Sends a request and reads the answer's text, in which an error may stand even under 200. */
  sendForText(request: S3Request): Promise<string>
}

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer>
}

/** S3 said no. */
export class S3Error extends Error {
  override readonly name = 'S3Error'
  readonly status: number
  /** S3's own name for it (`NoSuchKey`), or ''. */
  readonly s3Code: string

  constructor(status: number, s3Code: string, what: string) {
    super(`the blob store answered ${status}${s3Code === '' ? '' : ` ${s3Code}`} to ${what}`)
    this.status = status
    this.s3Code = s3Code
  }
}

export interface S3ClientOptions extends S3Settings {
  readonly clock: Clock
  /** For tests; absent: the platform's. The endpoint is the operator's, so no guard against inner addresses. */
  readonly fetch?: typeof globalThis.fetch
}

/** How often a request is sent, with pauses between that double. */
const attemptsMax = 4
const firstPauseMs = 200

/** How long S3 may take until its answer begins. */
const answerMsMax = 60_000

/** Of an answer that is read as text: a page of 1,000 keys is far below. */
const textBytesMax = 4 * 1024 * 1024

export function createS3Client(options: S3ClientOptions): S3Client {
  const { clock, keyId, secret, region } = options
  const fetch = options.fetch ?? globalThis.fetch
  const signer = new AwsClient({ accessKeyId: keyId, secretAccessKey: secret, service: 's3', region })
  const base = bucketUrl(options)

  const once = async (request: S3Request): Promise<Response> => {
    const { method, key, query = {}, headers = {}, body } = request
    const url = new URL(`${base}/${key}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const signed = await signer.sign(url.href, {
      method,
      headers: { ...headers, 'x-amz-content-sha256': hash('sha256', body ?? '') },
      ...(body === undefined ? {} : { body }),
    })
    const controller = new AbortController()
    const cancel = clock.after(answerMsMax, () =>
      controller.abort(new Error(`no answer within ${answerMsMax} ms`)),
    )
    try {
      return await fetch(signed, { signal: controller.signal, redirect: 'manual' })
    } finally {
      cancel()
    }
  }

  const send = async (request: S3Request): Promise<Response> => {
    const what = `${request.method} ${request.key === '' ? 'its bucket' : request.key}`
    let cause: unknown
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      if (attempt > 0) await pause(clock, firstPauseMs * 2 ** (attempt - 1))
      try {
        const response = await once(request)
        if (response.ok) return response
        const error = new S3Error(response.status, codeIn(await boundedText(response)), what)
        if (response.status < 500 && response.status !== 429) throw error
        cause = error
      } catch (error) {
        if (error instanceof S3Error) throw error
        cause = error
      }
    }
    throw new Refusal('unavailable', `the blob store does not take ${what}`, { retryAfterMs: 5000, cause })
  }

  return {
    send,
    sendForText: async request => {
      const text = await boundedText(await send(request))
      if (/<Error>/.test(text)) throw new S3Error(200, codeIn(text), `${request.method} ${request.key}`)
      return text
    },
  }
}

function bucketUrl({ bucket, endpoint, region, pathStyle }: S3Settings): string {
  const url = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`)
  const path = url.pathname.replace(/\/+$/, '')
  if (pathStyle) return `${url.origin}${path}/${bucket}`
  return `${url.protocol}//${bucket}.${url.host}${path}`
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > textBytesMax)
      throw new Error(`an answer of the blob store has more than ${textBytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function codeIn(xml: string): string {
  return /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(xml)?.[1] ?? ''
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise(resolve => clock.after(ms, resolve))
}
