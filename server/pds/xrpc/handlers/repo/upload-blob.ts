import type { Did } from '../../../../kernel/identity/types.ts'
import type { Database } from '../../../../kernel/storage/database.ts'
import { accountByDid } from '../../../database/accounts.ts'
import type { Credentials } from '../../../auth/credentials.ts'
import type { Blobs } from '../../../repo/blobs.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'

/** `com.atproto.repo.uploadBlob`: also for a service to which the account gave a token (video). */
export function createUploadBlob(deps: {
  readonly blobs: Pick<Blobs, 'upload'>
  readonly database: Pick<Database, 'read'>
}): XrpcMethod<unknown, unknown> {
  return {
    nsid: 'com.atproto.repo.uploadBlob',
    type: 'procedure',
    auth: { need: 'session', also: ['deactivated'], service: true },
    rate: [{ class: 'upload' }],
    rawBody: true,
    handle: async ({ body, headers, credentials }) => {
      const claimedType = mimeTypeOf(headers['content-type'])
      const account = await accountOf(deps.database, credentials)
      const length = headers['content-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : 0
      const blob = await deps.blobs.upload({ ...account, body, claimedType, bytes: length })
      const { cid, mimeType, size } = blob
      return { json: { blob: { $type: 'blob', ref: { $link: cid }, mimeType, size } } }
    },
  }
}

async function accountOf(
  database: Pick<Database, 'read'>,
  credentials: Credentials,
): Promise<{ readonly account: number; readonly did: Did }> {
  if (credentials.kind === 'session') return { account: credentials.account, did: credentials.did }
  const { issuer } = credentials.kind === 'service' ? credentials : { issuer: undefined }
  const found = issuer === undefined ? undefined : await database.read(tx => accountByDid(tx, issuer))
  if (found === undefined) throw refuse('AuthMissing', 'Authentication Required')
  return { account: found.id, did: found.did }
}

const token = "[A-Za-z0-9!#$&^_.+*'`|~-]+"
const mimePattern = new RegExp(`^(${token}/${token})\\s*(?:;.*)?$`)

/** The type without its parameters. Throws InvalidRequest when there is none. */
function mimeTypeOf(header: string | string[] | undefined): string {
  const text = typeof header === 'string' ? header.trim() : ''
  if (text === '') {
    throw refuse('InvalidRequest', 'Request encoding (Content-Type) required but not provided')
  }
  const found = mimePattern.exec(text)?.[1]
  if (found === undefined || found.length > 128) throw refuse('InvalidRequest', 'Invalid Content-Type')
  return found.toLowerCase()
}
