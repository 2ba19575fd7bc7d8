import type { Imports } from '../../../repo/import.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'

/** com.atproto.repo.importRepo */
export function createImportRepo(deps: {
  readonly imports: Pick<Imports, 'run'>
  readonly importBytesMax: number
}): XrpcMethod<unknown, unknown> {
  const { imports, importBytesMax } = deps
  return {
    nsid: 'com.atproto.repo.importRepo',
    type: 'procedure',
    auth: { need: 'session', scope: 'full', also: ['deactivated'] },
    rate: [{ class: 'upload' }],
    rawBody: true,
    handle: async ({ body, headers, credentials }) => {
      if (credentials.kind !== 'session') throw refuse('AuthMissing', 'Authentication Required')
      if (Number(headers['content-length'] ?? 0) > importBytesMax) {
        throw refuse('PayloadTooLarge', `a repository may have ${importBytesMax} bytes`)
      }
      await imports.run(credentials.account, body)
      return undefined
    },
  }
}
