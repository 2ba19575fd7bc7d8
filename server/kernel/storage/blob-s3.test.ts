import assert from 'node:assert/strict'
import { createHmac, hash } from 'node:crypto'
import { type IncomingMessage, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { type TestS3, startS3 } from '../../test/support/s3.ts'
import { createManualClock, systemClock } from '../clock.ts'
import { Refusal } from '../errors.ts'
import { openBlobS3 } from './blob-s3.ts'
import { blobSuite, inChunks, pattern } from './blob-suite.ts'
import { partBytes } from './s3-upload.ts'

describe('S3', () => {
  let s3: TestS3 | undefined
  before(async () => {
    s3 = await startS3()
  })
  after(() => s3?.stop())
  const open = async () => {
    const store = await openBlobS3({ ...s3!, clock: systemClock })
    await store.removeAll('')
    return store
  }
  blobSuite('S3', open, { flatOrder: true })

  it('a longer body is sent in parts, never more than three at a time in memory', async () => {
    const asked: string[] = []
    let sending = 0
    let sendingMost = 0
    const store = await openBlobS3({
      ...s3!,
      clock: systemClock,
      fetch: async (input, init) => {
        const request = input as Request
        asked.push(`${request.method}${new URL(request.url).search.replace(/uploadId=[^&]*/, 'uploadId')}`)
        sending += 1
        sendingMost = Math.max(sendingMost, sending)
        try {
          return await fetch(input, init)
        } finally {
          sending -= 1
        }
      },
    })
    await store.put('long', inChunks(pattern(partBytes * 3 + 1), 65_536), { bytesMax: 2 ** 30 })
    assert.deepEqual(asked.toSorted(), [
      'POST?uploadId',
      'POST?uploads=',
      ...[1, 2, 3, 4].map(part => `PUT?partNumber=${part}&uploadId`),
    ])
    assert.ok(sendingMost <= 3, `${sendingMost} requests at a time`)
    asked.length = 0
    await store.put('short', inChunks(pattern(1000), 100), { bytesMax: 1000 })
    assert.deepEqual(asked, ['PUT'])
  })

  it('a store that is out of order for a moment is asked again; for longer, it is unavailable', async () => {
    const clock = createManualClock()
    let failures = 2
    const store = await openBlobS3({
      ...s3!,
      clock,
      fetch: async (input, init) => {
        if (failures > 0) {
          failures -= 1
          setImmediate(() => clock.advance(10_000))
          return failures % 2 === 0
            ? new Response('<Code>SlowDown</Code>', { status: 503 })
            : Promise.reject(new Error('reset'))
        }
        return fetch(input, init)
      },
    })
    await store.put('a', inChunks(pattern(10), 10), { bytesMax: 10 })
    failures = 100
    await assert.rejects(store.get('a'), error => error instanceof Refusal && error.code === 'unavailable')
  })

  it('every request is signed as AWS says (Signature Version 4), and a wrong secret is told without it', async () => {
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      const right = request.headers.authorization === expectedAuthorization(request, 'right-secret')
      response.writeHead(right ? 200 : 403, { etag: '"tag"' })
      response.end(right ? '' : '<Error><Code>SignatureDoesNotMatch</Code></Error>')
      request.resume()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const settings = { ...s3!, endpoint, keyId: 'KEY', region: 'eu-central-1', clock: systemClock }
    try {
      const store = await openBlobS3({ ...settings, secret: 'right-secret' })
      await store.put('did:plc:abc/blob.1', inChunks(pattern(10), 10), { bytesMax: 10 })
      await store.get('did:plc:abc/blob.1', { start: 0, end: 5 })
      await store.list('did:plc:abc/', { after: 'did:plc:abc/blob.1', limit: 3 })
      assert.deepEqual(asked, [
        'PUT /leaf-blobs/did:plc:abc/blob.1',
        'GET /leaf-blobs/did:plc:abc/blob.1',
        'GET /leaf-blobs/?list-type=2&prefix=did%3Aplc%3Aabc%2F&max-keys=3&start-after=did%3Aplc%3Aabc%2Fblob.1',
      ])
      const wrong = await openBlobS3({ ...settings, secret: 'wrong-secret' })
      await assert.rejects(wrong.check(), error => {
        assert.match(String(error), /the blob store answered 403 SignatureDoesNotMatch to PUT leaf-check/)
        assert.doesNotMatch(String(error), /wrong-secret/)
        return true
      })
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})

/** The Authorization header that AWS's documentation makes of a request: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function expectedAuthorization(request: IncomingMessage, secret: string): string {
  const signedHeaders = /SignedHeaders=([^,]*)/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  const url = new URL(request.url ?? '', 'http://host')
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const canonical = [
    request.method,
    url.pathname
      .split('/')
      .map(part => encode(decodeURIComponent(part)))
      .join('/'),
    [...url.searchParams]
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .toSorted()
      .join('&'),
    ...signedHeaders.split(';').map(name => `${name}:${String(request.headers[name]).trim()}`),
    '',
    signedHeaders,
    request.headers['x-amz-content-sha256'],
  ].join('\n')
  const time = String(request.headers['x-amz-date'])
  const scope = `${time.slice(0, 8)}/eu-central-1/s3/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', time, scope, hash('sha256', canonical)].join('\n')
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`)
  const signature = hmac(key, toSign).toString('hex')
  return `AWS4-HMAC-SHA256 Credential=KEY/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`
}
