import type { Did, DidDocument } from '../../../../kernel/identity/types.ts'
import type { Reading } from '../../../repo/reading.ts'
import type { XrpcMethod } from '../../method.ts'
import { refuse } from '../../refuse.ts'

export interface DescribeRepoDependencies {
  readonly reading: Pick<Reading, 'collections'>
  /** The DID's document; undefined when there is none. */
  readonly documentOf: (did: Did) => Promise<DidDocument | undefined>
}

/** What stands for a handle that is none any more. */
const invalidHandle = 'handle.invalid'

/** com.atproto.repo.describeRepo */
export function createDescribeRepo(deps: DescribeRepoDependencies): XrpcMethod<{ readonly repo: string }> {
  return {
    nsid: 'com.atproto.repo.describeRepo',
    type: 'query',
    auth: { need: 'nothing' },
    handle: async ({ params }) => {
      const { account, collections } = await deps.reading.collections(params.repo)
      const { did, handle } = account
      const didDoc = await deps.documentOf(did)
      if (didDoc === undefined) throw refuse('InvalidRequest', `Could not resolve DID: ${did}`)
      const claimed = didDoc.alsoKnownAs?.find(name => name.startsWith('at://'))?.slice('at://'.length)
      const handleIsCorrect = handle !== null && claimed === handle
      return { json: { handle: handle ?? invalidHandle, did, didDoc, collections, handleIsCorrect } }
    },
  }
}
