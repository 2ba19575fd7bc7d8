import { Refusal } from '../../../kernel/errors.ts'
import type { StreamDid } from '../../host/contract.ts'
import type { Streams } from '../../stream/contract.ts'
import { answer, type Method, signedIn } from '../method.ts'

const pageMax = 1000
/** What the whole list may have: it is one answer. */
const streamsMax = 100_000

/** `admin/list_streams`: for the server itself, that is, who has the unsafe token. */
export function createAdminListStreams(deps: {
  readonly streams: Pick<Streams, 'list'>
  readonly serverDid: string
}): Method {
  return async ({ caller }) => {
    signedIn(caller, 'Authentication required')
    if (caller.did !== deps.serverDid)
      throw new Refusal('forbidden', 'Only the server admin can list all DIDs')
    const streams: { readonly did: StreamDid }[] = []
    for (;;) {
      const after = streams.at(-1)?.did
      const page = await deps.streams.list({ limit: pageMax, ...(after === undefined ? {} : { after }) })
      for (const { did } of page) streams.push({ did })
      if (page.length < pageMax || streams.length >= streamsMax) return answer({ streams })
    }
  }
}
