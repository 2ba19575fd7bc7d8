import assert from 'node:assert/strict'
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
  blobSuite('S3', open)

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

  it('a wrong secret is told in a sentence that does not hold it', async () => {
    const store = await openBlobS3({ ...s3!, secret: 'wrong-secret', clock: systemClock })
    await assert.rejects(store.check(), error => {
      assert.match(String(error), /the blob store answered 403 SignatureDoesNotMatch to PUT leaf-check/)
      assert.doesNotMatch(String(error), /wrong-secret/)
      return true
    })
  })
})
