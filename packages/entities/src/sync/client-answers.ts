/** Answers of the server, for the part of a client that waits for them. */
import type { readHello, Since } from './frames.ts'
import type { Link } from './link.ts'
import { createMailbox, type Mailbox } from './mailbox.ts'
import type { ReadRangeFrame } from './range-frames.ts'

type AnyHello = ReturnType<typeof readHello>

export interface ClientAnswers {
  /** Each waits for the next one, and throws why the connection has ended. */
  hello(): Promise<AnyHello>
  served(): Promise<readonly boolean[]>
  since(): Promise<Since>
  ranges(): Promise<ReadRangeFrame>
  /** What has come. Throws SyncError when more comes than was asked for. */
  readonly put: {
    hello(hello: AnyHello): void
    served(served: readonly boolean[]): void
    since(since: Since): void
    ranges(frame: ReadRangeFrame): void
  }
  fail(error: unknown): void
}

/** Frames of one answer that wait to be looked at. */
const rangesMax = 64

export function createClientAnswers(link: Link): ClientAnswers {
  const hellos = createMailbox<AnyHello>(1)
  const served = createMailbox<readonly boolean[]>(1)
  const sinces = createMailbox<Since>(1)
  const ranges = createMailbox<ReadRangeFrame>(rangesMax)
  const expected = <T>(box: Mailbox<T>) => link.expect(box.take())
  return {
    hello: () => expected(hellos),
    served: () => expected(served),
    since: () => expected(sinces),
    ranges: () => expected(ranges),
    put: { hello: hellos.put, served: served.put, since: sinces.put, ranges: ranges.put },
    fail: error => {
      for (const box of [hellos, served, sinces, ranges]) box.fail(error)
    },
  }
}
