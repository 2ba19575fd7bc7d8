/** `GET /entities/payload/<digest>`: bytes that some entry names which the caller may see. */
import { Refusal } from '../../kernel/errors.ts'
import { id32Of } from '../hex.ts'
import type { Reading, Viewer } from '../store/reading.ts'
import { type Exchange, isSame } from './exchange.ts'
import { imageTypeOf } from './image-type.ts'

const prefix = '/entities/payload/'

export function createReadPayload(options: {
  readonly reading: Reading
  readonly viewerOf: (exchange: Exchange) => Promise<Viewer>
}) {
  return async (exchange: Exchange): Promise<void> => {
    const { request, response, path } = exchange
    const text = path.slice(prefix.length)
    const digest = id32Of(text)
    const bytes =
      digest === undefined
        ? undefined
        : await options.reading.payload(digest, await options.viewerOf(exchange))
    if (bytes === undefined)
      throw new Refusal('missing', 'there is no payload with this digest here, or it is not public')
    const etag = `"${text.toLowerCase()}"`
    const image = imageTypeOf(bytes)
    response.setHeader('etag', etag)
    // The bytes of a digest never change, but whether they are public may.
    response.setHeader('cache-control', 'no-cache')
    response.setHeader('vary', 'authorization, cookie')
    // Whatever the bytes are, they are never a page of this site.
    response.setHeader('content-security-policy', "default-src 'none'; sandbox")
    response.setHeader('cross-origin-resource-policy', 'cross-origin')
    if (isSame(request.headers['if-none-match'], etag)) {
      response.writeHead(304).end()
      return
    }
    response.writeHead(200, {
      'content-type': image ?? 'application/octet-stream',
      'content-length': bytes.length,
      ...(image === undefined
        ? { 'content-disposition': `attachment; filename="${text.slice(0, 16)}.bin"` }
        : {}),
    })
    response.end(request.method === 'HEAD' ? undefined : bytes)
  }
}
