/** Large things pass through Leaf without being held: the peak of its memory stays far below their size. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { it } from 'node:test'
import { onEveryEngine } from './support/engines.ts'
import { type Account, createAccount, post, sendOk } from './support/http.ts'
import type { Leaf } from './support/leaf.ts'

const mebibyte = 1024 * 1024
const blobMib = 256
/** What Leaf may grow by; to S3 parts of some MiB are under way several at a time. A blob held whole needs more. */
const growthMibMax = { sqlite: 64, postgres: 192 } as const

/** The highest resident size that the process ever had, in MiB. */
function peakMib(leaf: Leaf): number {
  const status = readFileSync(`/proc/${leaf.pid()}/status`, 'latin1')
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
}

/** `blobMib` mebibytes, none like the other. */
async function* blob(): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < blobMib; n += 1) {
    const part = Buffer.alloc(mebibyte, n)
    part.writeUInt32BE(n)
    yield part
  }
}

async function digest(parts: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const part of parts) hash.update(part)
  return hash.digest('hex')
}

onEveryEngine(
  'memory',
  (leaf, engine) => {
    const skip = process.platform === 'linux' ? false : 'only Linux tells the peak of a process'

    it(`a blob of ${blobMib} MiB comes in and goes out as a stream`, { skip }, async () => {
      const account: Account = await createAccount(leaf().url, 'bulky')
      const authorization = `Bearer ${account.accessJwt}`
      // What the first request of a kind loads is not counted.
      await sendOk(
        leaf().url,
        post('com.atproto.repo.uploadBlob', Buffer.from('small'), {
          token: account.accessJwt,
          headers: { 'content-type': 'text/plain' },
        }),
      )
      const before = peakMib(leaf())
      const uploaded = await fetch(`${leaf().url}/xrpc/com.atproto.repo.uploadBlob`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/octet-stream' },
        body: Readable.toWeb(Readable.from(blob())) as BodyInit,
        duplex: 'half',
      } as RequestInit)
      const { blob: file } = (await uploaded.json()) as { blob: { ref: { $link: string }; size: number } }
      assert.equal(file.size, blobMib * mebibyte)
      const record = { file }
      const body = { repo: account.did, collection: 'com.example.file', rkey: 'bulk', record }
      await sendOk(leaf().url, post('com.atproto.repo.putRecord', body, { token: account.accessJwt }))
      const query = `did=${account.did}&cid=${file.ref.$link}`
      const download = await fetch(`${leaf().url}/xrpc/com.atproto.sync.getBlob?${query}`)
      assert.ok(download.body !== null)
      assert.equal(await digest(download.body), await digest(blob()))
      const growth = peakMib(leaf()) - before
      assert.ok(growth < growthMibMax[engine], `the peak grew by ${Math.round(growth)} MiB`)
    })
  },
  { env: { PDS_MAX_BLOB_SIZE: String((blobMib + 1) * mebibyte) } },
)
