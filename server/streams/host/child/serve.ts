/** One host: answers requests one at a time, everything synchronous. */
import { decodeDrisl, type DrislMap, encodeDrisl } from '@leaf/codec/drisl'
import { asMap, asText } from '@leaf/streams/fields'
import { faultOfFiles, messageOf, ModuleError, Moved } from './errors.ts'
import { Behind, createKept, Need } from './kept.ts'
import { fileOperations, type Operations, type Reply, rowOperations } from './operations.ts'
import { readTarget } from './requests.ts'

export interface HostSettings {
  readonly openMax: number
  readonly fileBytesMax: number
  readonly rowsMax: number
  readonly answerBytesMax: number
}

/** Answers frames. `monotonic` is the clock of budgets. */
export function createHost(
  settings: HostSettings,
  monotonic: () => number,
): (frame: Uint8Array) => Uint8Array | undefined {
  const { fileBytesMax, rowsMax, answerBytesMax: bytesMax } = settings
  const kept = createKept(settings)
  const operations: Operations = {
    ...fileOperations(kept, fileBytesMax),
    ...rowOperations(kept, { rowsMax, bytesMax }, monotonic),
  }

  const answer = (request: DrislMap): Reply => {
    const op = asText(request['op'], 'op')
    try {
      const run = operations[op]
      if (run === undefined) throw new Error(`no operation ${op}`)
      return { kind: 'done', ...run(request) }
    } catch (error) {
      if (error instanceof Need) return { kind: 'need', need: error.need }
      if (error instanceof Moved) return { kind: 'need', need: 'open' }
      if (error instanceof Behind) return { kind: 'behind', at: { ...error.at } }
      const fault = faultOfFiles(error)
      if (fault === undefined)
        return { kind: 'error', text: messageOf(error), isOwn: !(error instanceof ModuleError) }
      if (request['target'] !== undefined) kept.close(readTarget(request).key)
      return { kind: 'need', need: fault }
    }
  }

  return frame => {
    const request = asMap(decodeDrisl(frame), 'request')
    const reply = answer(request)
    // Nobody waits for these: what comes next on the pipe is done after them.
    return isOneWay(request['op']) ? undefined : encodeDrisl({ ...reply, open: kept.openCount() })
  }
}

const isOneWay = (op: unknown) => op === 'commit' || op === 'abort'
