/** Bodies, whole, within bounds: of each, of all together, and of the time that they may take. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../kernel/clock.ts'
import type { RelayAnswer } from '../contract.ts'
import { answerError, answerLater, answerTooLarge } from './answers.ts'

/** A body, or why there is none. */
export type ReadBody =
  | { readonly bytes: Buffer; readonly release: () => void }
  | { readonly refused: RelayAnswer }

export interface BodyReader {
  /** Reads a body of at most `bytesMax`. What was read counts as in flight until it is released. */
  read(request: IncomingMessage, bytesMax: number): Promise<ReadBody>
  /** Bytes that are being read or stored. */
  inFlight(): number
  stop(): void
}

/** A sender has this long before it is looked at, and is then held to the rate. */
const graceMs = 10_000
/** Bytes that must have come for each second. */
const bytesPerSecondMin = 2048
/** How often slow senders are looked for. */
const lookMs = 5000

const answerFull = answerLater(503, 'unavailable', 1000)
const answerSlow = answerError(408, 'request timeout')
const answerEndedEarly = answerError(400, 'the body ended early')
const answerEncoded = answerError(415, 'unsupported content encoding')

interface Arriving {
  readonly startMs: number
  bytes: number
  readonly fail: (answer: RelayAnswer) => void
}

export function createBodyReader(deps: { readonly clock: Clock; readonly inFlightMax: number }): BodyReader {
  const { clock } = deps
  const arriving = new Set<Arriving>()
  let inFlight = 0

  const cancelLook = clock.every(lookMs, () => {
    const nowMs = clock.monotonic()
    for (const one of arriving) {
      const ageMs = nowMs - one.startMs
      if (ageMs > graceMs && one.bytes < (ageMs / 1000) * bytesPerSecondMin) one.fail(answerSlow)
    }
  })

  const read = (request: IncomingMessage, bytesMax: number): Promise<ReadBody> => {
    const { headers } = request
    const length = headers['content-length']
    if (length !== undefined && Number(length) > bytesMax) return refused(answerTooLarge)
    const encoding = headers['content-encoding']
    if (encoding !== undefined && encoding !== 'identity') return refused(answerEncoded)
    if (inFlight + Number(length ?? 0) > deps.inFlightMax) return refused(answerFull)
    return new Promise(resolve => {
      let held = 0
      const hold = (bytes: number) => {
        inFlight += bytes - held
        held = bytes
      }
      const release = () => hold(0)
      const chunks: Buffer[] = []
      const settle = (value: ReadBody) => {
        arriving.delete(one)
        request.off('data', onData)
        resolve(value)
      }
      const fail = (answer: RelayAnswer) => {
        release()
        settle({ refused: answer })
      }
      const one: Arriving = { startMs: clock.monotonic(), bytes: 0, fail }
      const onData = (chunk: Buffer) => {
        chunks.push(chunk)
        one.bytes += chunk.length
        if (one.bytes > bytesMax) fail(answerTooLarge)
        else if (one.bytes > held) {
          hold(one.bytes)
          if (inFlight > deps.inFlightMax) fail(answerFull)
        }
      }
      hold(Number(length ?? 0))
      arriving.add(one)
      request.on('data', onData)
      request.once('end', () => {
        const [only] = chunks
        const bytes = only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, one.bytes)
        if (arriving.has(one)) settle({ bytes, release })
      })
      request.once('close', () => {
        if (arriving.has(one)) fail(answerEndedEarly)
      })
    })
  }
  return { read, inFlight: () => inFlight, stop: cancelLook }
}

function refused(answer: RelayAnswer): Promise<ReadBody> {
  return Promise.resolve({ refused: answer })
}
