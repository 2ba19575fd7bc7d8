import type { IncomingMessage } from 'node:http'
import { Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import type { Clock } from '../clock.ts'
import { Refusal } from '../errors.ts'

export interface ReadBodyOptions {
  /** Of the body as it is after decompression. */
  readonly bytesMax: number
  /** For the whole body to arrive. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/**
 * The whole body, decompressed. Throws Refusal 'too-large' (before reading anything when `Content-Length` says so
 * already), 'unsupported-media' for an unknown `Content-Encoding`, 'invalid' when the body is not what its encoding
 * says, when it ends early, or when it does not arrive in time.
 */
export async function readBody(request: IncomingMessage, options: ReadBodyOptions): Promise<Buffer> {
  const { bytesMax } = options
  if (isEncoded(request)) return await collect(decodedBody(request), request, options)
  // A compressed length says nothing about the size that counts.
  const length = request.headers['content-length']
  if (length !== undefined && Number(length) > bytesMax) throw tooLarge(bytesMax)
  return await collect(request, request, options)
}

/**
 * The body as a stream, decompressed, not bounded: whoever reads it counts. Ends with a Refusal 'invalid' when the
 * body is not what its encoding says. Throws Refusal 'unsupported-media' for an unknown `Content-Encoding`.
 */
export function decodedBody(request: IncomingMessage): Readable {
  // The encodings are listed in the order in which they were applied.
  const decoders = encodingsOf(request).toReversed().map(decoderOf)
  let body: Readable = request
  for (const decoder of decoders) body = chain(body, decoder)
  return body === request ? request : Readable.from(refusing(body), { objectMode: false })
}

/** Encodings on top of one another that are taken off at most. */
const encodingsMax = 2

function encodingsOf(request: IncomingMessage): string[] {
  const encodings = (request.headers['content-encoding'] ?? '')
    .split(',')
    .map(encoding => encoding.trim().toLowerCase())
    .filter(encoding => encoding !== '' && encoding !== 'identity')
  if (encodings.length > encodingsMax) {
    throw new Refusal(
      'unsupported-media',
      `expected at most ${encodingsMax} content encodings, got ${encodings.length}`,
    )
  }
  return encodings
}

function isEncoded(request: IncomingMessage): boolean {
  const encoding = request.headers['content-encoding']
  return encoding !== undefined && encoding !== '' && encoding !== 'identity'
}

function decoderOf(encoding: string): Transform {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress()
    default:
      throw new Refusal(
        'unsupported-media',
        `expected content encoding gzip, deflate, br or zstd, got "${encoding}"`,
      )
  }
}

/** Unlike `pipeline`, leaves the source whole when the decoder fails: an answer has to go out on the same connection. */
function chain(source: Readable, decoder: Transform): Readable {
  source.once('error', error => decoder.destroy(error))
  source.once('close', () => {
    if (!source.readableEnded) decoder.destroy(endedEarly())
  })
  return source.pipe(decoder)
}

/** What zlib says about the bytes is the sender's fault, not ours. */
async function* refusing(body: Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) yield chunk
  } catch (error) {
    if (error instanceof Refusal || !(error instanceof Error)) throw error
    throw new Refusal('invalid', 'the body is not what its content encoding says', { cause: error })
  }
}

function collect(body: Readable, request: IncomingMessage, options: ReadBodyOptions): Promise<Buffer> {
  const { bytesMax, timeoutMs, clock } = options
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const settle = () => {
      cancel()
      body.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
    }
    const fail = (error: Error) => {
      settle()
      // What else arrives is dropped; the answer says that the connection closes.
      if (body !== request) {
        body.on('error', () => undefined)
        request.unpipe()
        body.destroy()
      }
      reject(error)
    }
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (size > bytesMax) fail(tooLarge(bytesMax))
      else chunks.push(chunk)
    }
    const onEnd = () => {
      settle()
      const [only] = chunks
      resolve(only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, size))
    }
    const onError = (error: Error) => fail(error instanceof Refusal ? error : endedEarly(error))
    const onClose = () => fail(endedEarly())
    const cancel = clock.after(timeoutMs, () =>
      fail(new Refusal('invalid', `expected the whole body within ${timeoutMs} ms, got ${size} bytes`)),
    )
    body.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
  })
}

function tooLarge(bytesMax: number): Refusal {
  return new Refusal('too-large', `expected at most ${bytesMax} bytes`)
}

function endedEarly(cause?: Error): Refusal {
  return new Refusal('invalid', 'the body ended early', { cause })
}
