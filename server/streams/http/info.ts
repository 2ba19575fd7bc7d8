/** `GET /streams/<did>`: what a stream is. */
import { Refusal } from '../../kernel/errors.ts'
import { anonymous } from '../middleware/authenticate.ts'
import type { Streams } from '../stream/contract.ts'
import { jsonType, type Read, send } from './request.ts'

/** In JSON: `did`, `moduleCid`, `clientStamp`, `publicLog`; `head` for those who may read the log. */
export function createReadInfo(streams: Pick<Streams, 'info' | 'head' | 'mayReadLog'>) {
  return async (read: Read): Promise<void> => {
    const { stream, caller } = read
    const { moduleCid, clientStamp } = await streams.info(stream)
    const publicLog = await streams.mayReadLog(anonymous, stream)
    const mayRead = publicLog || (await streams.mayReadLog(caller, stream))
    const head = mayRead ? { head: await streams.head(stream) } : {}
    send(read, jsonType, JSON.stringify({ did: stream, moduleCid, clientStamp, publicLog, ...head }))
  }
}

/** For paths below a stream that mean nothing. */
export function nothingHere(): never {
  throw new Refusal('missing', 'expected events or queries/<name> below a stream')
}
