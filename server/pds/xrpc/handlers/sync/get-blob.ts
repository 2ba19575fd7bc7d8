import type { Database } from '../../../../kernel/storage/database.ts'
import type { Blobs } from '../../../repo/blobs.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'
import { readableAccount } from './readable.ts'

interface Params {
  readonly did: string
  readonly cid: string
}

/** com.atproto.sync.getBlob. What it serves came from anybody: no browser may run it. */
export function createGetBlob(deps: {
  readonly database: Pick<Database, 'read'>
  readonly blobs: Pick<Blobs, 'open'>
}): XrpcMethod<Params> {
  return {
    nsid: 'com.atproto.sync.getBlob',
    type: 'query',
    auth: { need: 'optional' },
    handle: async ({ params: { did, cid }, credentials }) => {
      const account = await deps.database.read(tx => readableAccount(tx, did, credentials))
      const blob = await deps.blobs.open(account.id, cid)
      if (blob === undefined) throw refuse('BlobNotFound', 'Blob not found')
      return {
        stream: blob.body,
        contentType: blob.mimeType,
        headers: {
          'content-length': String(blob.size),
          'x-content-type-options': 'nosniff',
          'content-disposition': `attachment; filename="${cid}"`,
          'content-security-policy': "default-src 'none'; sandbox",
        },
      }
    },
  }
}
